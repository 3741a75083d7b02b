import { ipv4FromNumber, ipv4ToNumber } from '../../../core/base/ipv4-address.ts';
import { macAddressFromBytes, macAddressToBytes } from '../../../core/base/mac-address.ts';
import {
  DESTINATION_ADDRESS6_BYTES,
  DESTINATION_ADDRESS_BYTES,
  DESTINATION_TYPE_BYTES,
} from '../../../bmc/ipmi/alert-destination-codec.ts';
import { COMPLETION } from '../../../bmc/ipmi/completion-code-codec.ts';
import {
  decodeIpSource,
  encodeIpSource,
  LAN_CHANNEL,
  LAN_COMMAND,
  LAN_PARAMETER,
  LAN_PARAMETER_REVISION,
} from '../../../bmc/ipmi/lan-config-codec.ts';
import { PRIVILEGE } from '../../../bmc/ipmi/session-command-codec.ts';
import type { BmcModel } from '../bmc-model.ts';
import { DESTINATIONS } from '../state/pef-state.ts';
import { resolveChannel } from './app-commands.ts';
import type { Caller, CommandResult, CommandTable } from './command-handler.ts';

/** LAN and SOL configuration (IPMI 2.0 §23, §26). Parameters with a meaning live in the model, the others are kept as bytes. */
const DONE = Buffer.alloc(0);
const PARAMETER_UNSUPPORTED = 0x80;
const READ_ONLY = 0x82;
const SET_SOL = 0x21;
const GET_SOL = 0x22;

const ipBytes = (text: string): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(ipv4ToNumber(text) ?? 0);
  return bytes;
};

/** Which field of the LAN settings a parameter is. */
const ADDRESS_FIELDS: Readonly<Record<number, 'ipAddress' | 'netmask' | 'gateway'>> = {
  [LAN_PARAMETER.ipAddress]: 'ipAddress',
  [LAN_PARAMETER.netmask]: 'netmask',
  [LAN_PARAMETER.gateway]: 'gateway',
};

const FIXED: Readonly<Record<number, Buffer>> = {
  [LAN_PARAMETER.authTypeSupport]: Buffer.from([0]),
  [LAN_PARAMETER.authTypeEnables]: Buffer.alloc(5),
  [LAN_PARAMETER.rmcpPort]: Buffer.from([0x6f, 0x02]),
  [LAN_PARAMETER.destinationCount]: Buffer.from([DESTINATIONS]),
  // Suite 0, which asks for no password, is listed, and opens nothing unless somebody gives it a privilege.
  [LAN_PARAMETER.suiteCount]: Buffer.from([3]),
  [LAN_PARAMETER.suites]: Buffer.from([0, 0, 3, 17]),
};

/** Initial bytes of the parameters that are only stored. */
const STORED: Readonly<Record<number, Buffer>> = {
  [LAN_PARAMETER.setInProgress]: Buffer.from([0]),
  [LAN_PARAMETER.ipv4Header]: Buffer.from([0x40, 0x40, 0x10]),
  [LAN_PARAMETER.arpControl]: Buffer.from([0]),
  [LAN_PARAMETER.arpInterval]: Buffer.from([0]),
  [LAN_PARAMETER.gatewayMac]: Buffer.alloc(6),
  [LAN_PARAMETER.backupGateway]: Buffer.alloc(4),
  [LAN_PARAMETER.backupGatewayMac]: Buffer.alloc(6),
  [LAN_PARAMETER.community]: Buffer.concat([Buffer.from('public'), Buffer.alloc(12)]),
  [LAN_PARAMETER.vlanId]: Buffer.alloc(2),
  [LAN_PARAMETER.vlanPriority]: Buffer.alloc(1),
  [LAN_PARAMETER.suitePrivileges]: Buffer.from([0, 0x40, 0x04, 0, 0, 0, 0, 0, 0]),
};

/** Table 26-5: set in progress, enable, authentication, accumulate, retry, bit rates, channel, port. */
const SOL_STORED: Readonly<Record<number, Buffer>> = {
  0: Buffer.from([0]),
  1: Buffer.from([1]),
  2: Buffer.from([0x82]),
  3: Buffer.from([12, 96]),
  4: Buffer.from([7, 50]),
  5: Buffer.from([0x0a]),
  6: Buffer.from([0x0a]),
  7: Buffer.from([LAN_CHANNEL]),
  8: Buffer.from([0x6f, 0x02]),
};
const SOL_READ_ONLY = new Set([7, 8]);

/** Tables: an entry begins with its selector, 0 is the one that is not kept. */
const TABLES: Readonly<Record<number, number>> = {
  [LAN_PARAMETER.destinationType]: DESTINATION_TYPE_BYTES,
  [LAN_PARAMETER.destinationAddress]: DESTINATION_ADDRESS_BYTES,
};

export function lanValue(bmc: BmcModel, parameter: number, selector = 0): Buffer | undefined {
  const entryBytes = TABLES[parameter];
  if (entryBytes !== undefined)
    return bmc.parameters.get(`lan ${parameter} ${selector}`) ?? Buffer.concat([Buffer.from([selector]), Buffer.alloc(entryBytes - 1)]);
  const field = ADDRESS_FIELDS[parameter];
  if (field) return ipBytes(bmc.lan[field]);
  if (parameter === LAN_PARAMETER.ipSource) return encodeIpSource(bmc.lan.source);
  if (parameter === LAN_PARAMETER.mac) return macAddressToBytes(bmc.lan.mac);
  return FIXED[parameter] ?? bmc.parameters.get(`lan ${parameter}`) ?? STORED[parameter];
}

function setLan(bmc: BmcModel, data: Buffer, caller: Caller): CommandResult {
  const parameter = data[1]!;
  const value = data.subarray(2);
  if (resolveChannel(data[0]!, caller) !== LAN_CHANNEL) return COMPLETION.parameterOutOfRange;
  const known = lanValue(bmc, parameter);
  if (!known) return PARAMETER_UNSUPPORTED;
  if (value.length < known.length) return COMPLETION.requestLength;
  if (parameter in TABLES) {
    const selector = value[0]! & 0x0f;
    if (selector > DESTINATIONS) return COMPLETION.parameterOutOfRange;
    const isIpv6 = parameter === LAN_PARAMETER.destinationAddress && value[1]! >> 4 === 1;
    if (isIpv6 && bmc.oddities.ipv4TrapsAlone) return COMPLETION.invalidField;
    const sizeBytes = isIpv6 ? DESTINATION_ADDRESS6_BYTES : known.length;
    if (value.length < sizeBytes) return COMPLETION.requestLength;
    bmc.parameters.set(`lan ${parameter} ${selector}`, Buffer.from(value.subarray(0, sizeBytes)));
    return DONE;
  }
  const field = ADDRESS_FIELDS[parameter];
  if (field) bmc.lan[field] = ipv4FromNumber(value.readUInt32BE(0));
  else if (parameter === LAN_PARAMETER.ipSource) {
    const source = decodeIpSource(value);
    if (source === 'other') return COMPLETION.invalidField;
    bmc.lan.source = source;
  } else if (parameter === LAN_PARAMETER.mac) bmc.lan.mac = macAddressFromBytes(value);
  else if (parameter in FIXED) return READ_ONLY;
  else bmc.parameters.set(`lan ${parameter}`, Buffer.from(value.subarray(0, known.length)));
  return DONE;
}

const withRevision = (value: Buffer): Buffer => Buffer.concat([Buffer.from([LAN_PARAMETER_REVISION]), value]);

function getLan(bmc: BmcModel, data: Buffer, caller: Caller): CommandResult {
  if (resolveChannel(data[0]!, caller) !== LAN_CHANNEL) return COMPLETION.parameterOutOfRange;
  if (data[0]! & 0x80) return Buffer.from([LAN_PARAMETER_REVISION]);
  if (data[1]! in TABLES && data[2]! > DESTINATIONS) return COMPLETION.parameterOutOfRange;
  const value = lanValue(bmc, data[1]!, data[2]! & 0x0f);
  return value ? withRevision(value) : PARAMETER_UNSUPPORTED;
}

function getSol(bmc: BmcModel, data: Buffer): CommandResult {
  const value = bmc.parameters.get(`sol ${data[1]!}`) ?? SOL_STORED[data[1]!];
  return value ? withRevision(value) : PARAMETER_UNSUPPORTED;
}

function setSol(bmc: BmcModel, data: Buffer): CommandResult {
  const known = SOL_STORED[data[1]!];
  if (!known) return PARAMETER_UNSUPPORTED;
  if (SOL_READ_ONLY.has(data[1]!)) return READ_ONLY;
  if (data.length - 2 < known.length) return COMPLETION.requestLength;
  bmc.parameters.set(`sol ${data[1]!}`, Buffer.from(data.subarray(2, 2 + known.length)));
  return DONE;
}

/** Whether the console may be activated: SOL parameter 1, bit 0. */
export const solEnabled = (bmc: BmcModel): boolean =>
  ((bmc.parameters.get('sol 1') ?? (bmc.oddities.solOff ? Buffer.from([0]) : SOL_STORED[1]!))[0]! & 1) === 1;

export const transportCommands: CommandTable = {
  [LAN_COMMAND.set]: { privilege: PRIVILEGE.administrator, bytesMin: 3, run: setLan },
  [LAN_COMMAND.get]: { privilege: PRIVILEGE.operator, bytesMin: 4, run: getLan },
  [SET_SOL]: { privilege: PRIVILEGE.administrator, bytesMin: 3, run: setSol },
  [GET_SOL]: { privilege: PRIVILEGE.user, bytesMin: 4, run: getSol },
};
