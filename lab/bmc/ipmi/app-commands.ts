import { isIPv4 } from 'node:net';
import { ACCESS_COPY, CHANNEL_ACCESS_COMMAND } from '../../../bmc/ipmi/channel-access-codec.ts';
import { suiteRecords } from '../../../bmc/ipmi/rakp-codec.ts';
import { COMPLETION } from '../../../bmc/ipmi/completion-code-codec.ts';
import { DEVICE_COMMAND, encodeDeviceId, encodeSystemGuid } from '../../../bmc/ipmi/device-codec.ts';
import { LAN_CHANNEL } from '../../../bmc/ipmi/lan-config-codec.ts';
import { encodeAuthCapabilities, PRIVILEGE, SESSION_COMMAND, THIS_CHANNEL } from '../../../bmc/ipmi/session-command-codec.ts';
import { WATCHDOG_COMMAND } from '../../../bmc/ipmi/watchdog-codec.ts';
import { type BmcModel, USER_ID_MAX } from '../bmc-model.ts';
import type { Caller, CommandResult, CommandTable } from './command-handler.ts';

/** Device, channel and session commands (IPMI 2.0 §20, §22). */
const CHANNEL_COMMAND = {
  info: 0x42,
  globalEnables: 0x2f,
  setGlobalEnables: 0x2e,
  clearFlags: 0x30,
  getFlags: 0x31,
} as const;

/** "Unspecified" (§20.1): no vendor's own commands are emulated. */
export const MANUFACTURER_ID = 0;
export const PRODUCT_ID = 1;
const MEDIUM_LAN = 4;
const MEDIUM_SYSTEM = 12;
const SYSTEM_CHANNEL = 0x0f;
const SUITE_LIST_CHUNK = 16;
const ALWAYS_AVAILABLE = 0x02;

/** 0x0e stands for the channel in use; only the LAN channel and the system interface exist. */
export const resolveChannel = (value: number, caller: Caller): number | undefined => {
  const asked = value & 0x0f;
  if (asked === THIS_CHANNEL) return caller.via === 'lan' ? LAN_CHANNEL : SYSTEM_CHANNEL;
  if (asked === (caller.lanChannel ?? LAN_CHANNEL)) return LAN_CHANNEL;
  return asked === SYSTEM_CHANNEL ? asked : undefined;
};
/** The number that a channel of ours has for them. */
const toldChannel = (channel: number, caller: Caller): number => (channel === LAN_CHANNEL ? (caller.lanChannel ?? LAN_CHANNEL) : channel);

function channelInfo(data: Buffer, caller: Caller): CommandResult {
  const channel = resolveChannel(data[0]!, caller);
  if (channel === undefined) return COMPLETION.parameterOutOfRange;
  const lan = channel === LAN_CHANNEL;
  // medium, protocol IPMB-1.0 or KCS, session support and count, IPMI forum's enterprise number 7154
  return Buffer.from([
    toldChannel(channel, caller),
    lan ? MEDIUM_LAN : MEDIUM_SYSTEM,
    lan ? 1 : 5,
    lan ? 0x80 | (caller.session ? 1 : 0) : 0,
    0xf2,
    0x1b,
    0,
    0,
    0,
  ]);
}

function sessionInfo(data: Buffer, caller: Caller): CommandResult {
  const session = caller.session;
  const { possible, active } = session?.counts() ?? { possible: 0, active: 0 };
  if (data[0] !== 0 || !session) return Buffer.from([0, possible, active]);
  const address = isIPv4(session.remote.address) ? session.remote.address.split('.').map(Number) : [0, 0, 0, 0];
  const port = Buffer.alloc(2);
  port.writeUInt16LE(session.remote.port);
  return Buffer.from([
    session.handle,
    possible,
    active,
    session.userId,
    caller.privilege,
    toldChannel(LAN_CHANNEL, caller) | 0x10,
    ...address,
    0,
    0,
    0,
    0,
    0,
    0,
    ...port,
  ]);
}

function setPrivilege(bmc: BmcModel, data: Buffer, caller: Caller): CommandResult {
  const wanted = data[0]! & 0x0f;
  if (!caller.session) return COMPLETION.illegalCommand;
  if (wanted === 0) return Buffer.from([caller.privilege]);
  if (wanted > PRIVILEGE.administrator) return 0x80;
  if (wanted > Math.min(caller.session.privilegeMax, channelLimit(bmc, ACCESS_COPY.present))) return 0x81;
  caller.session.setPrivilege(wanted);
  return Buffer.from([wanted]);
}

function cipherSuites(data: Buffer, caller: Caller): CommandResult {
  const channel = resolveChannel(data[0]!, caller);
  if (channel === undefined) return COMPLETION.invalidField;
  const start = (data[2]! & 0x3f) * SUITE_LIST_CHUNK;
  return Buffer.concat([Buffer.from([toldChannel(channel, caller)]), suiteRecords().subarray(start, start + SUITE_LIST_CHUNK)]);
}

const DONE = Buffer.alloc(0);
const COPY_MASK = 0xc0;
const limitKey = (copy: number) => `channel limit ${copy}`;
/** A BMC keeps one for after its next power loss, and one for now. */
const channelLimit = (bmc: BmcModel, copy: number): number => bmc.parameters.get(limitKey(copy))?.[0] ?? PRIVILEGE.administrator;

/** The access mode is fixed, as on BMCs that lock their LAN channel: only its own value is accepted. */
function setChannelAccess(bmc: BmcModel, data: Buffer, caller: Caller): CommandResult {
  if (resolveChannel(data[0]!, caller) === undefined) return COMPLETION.parameterOutOfRange;
  const [mode, limit] = [data[1]!, data[2]!];
  if ((mode & COPY_MASK) !== 0 && (mode & 7) !== ALWAYS_AVAILABLE) return 0x83;
  if ((limit & COPY_MASK) !== 0) {
    const privilege = limit & 0x0f;
    if (privilege < PRIVILEGE.callback || privilege > PRIVILEGE.administrator) return COMPLETION.invalidField;
    bmc.parameters.set(limitKey(limit & COPY_MASK), Buffer.from([privilege]));
  }
  return DONE;
}

export const appCommands: CommandTable = {
  [DEVICE_COMMAND.deviceId]: {
    privilege: PRIVILEGE.user,
    run(bmc) {
      const [major = 1, minor = 0] = bmc.firmware.version('BMC').split('.').map(Number);
      return encodeDeviceId({
        manufacturerId: bmc.oddities.manufacturerId ?? MANUFACTURER_ID,
        productId: PRODUCT_ID,
        firmwareMajor: major & 0x7f,
        firmwareMinorBcd: (Math.floor((minor % 100) / 10) << 4) | (minor % 10),
      });
    },
  },
  [DEVICE_COMMAND.coldReset]: { privilege: PRIVILEGE.administrator, run: () => DONE },
  [DEVICE_COMMAND.warmReset]: { privilege: PRIVILEGE.administrator, run: () => DONE },
  [DEVICE_COMMAND.selfTest]: { privilege: PRIVILEGE.user, run: () => Buffer.from([0x55, 0x00]) },
  [DEVICE_COMMAND.deviceGuid]: { privilege: PRIVILEGE.user, run: (bmc) => encodeSystemGuid(bmc.identity.uuid) },
  [DEVICE_COMMAND.systemGuid]: { privilege: 0, run: (bmc) => encodeSystemGuid(bmc.identity.uuid) },
  // The in-band driver reads and sets these when it starts; there is no message queue to report.
  [CHANNEL_COMMAND.setGlobalEnables]: { privilege: PRIVILEGE.administrator, run: () => DONE },
  [CHANNEL_COMMAND.globalEnables]: { privilege: PRIVILEGE.user, run: () => Buffer.from([0x08]) },
  [CHANNEL_COMMAND.clearFlags]: { privilege: PRIVILEGE.administrator, run: () => DONE },
  [CHANNEL_COMMAND.getFlags]: { privilege: PRIVILEGE.administrator, run: () => Buffer.from([0]) },
  [WATCHDOG_COMMAND.get]: { privilege: PRIVILEGE.user, run: (bmc) => bmc.watchdog.get() },
  [WATCHDOG_COMMAND.set]: {
    privilege: PRIVILEGE.operator,
    bytesMin: 6,
    run(bmc, data) {
      bmc.watchdog.set(data);
      return DONE;
    },
  },
  // 0x80: "attempt to start an un-initialized watchdog" (§27.5).
  [WATCHDOG_COMMAND.reset]: { privilege: PRIVILEGE.operator, run: (bmc) => (bmc.watchdog.restart() ? DONE : 0x80) },
  [SESSION_COMMAND.authCapabilities]: {
    privilege: 0,
    bytesMin: 2,
    run(bmc, data, caller) {
      if (bmc.oddities.noThisChannel && (data[0]! & 0x0f) === THIS_CHANNEL) return COMPLETION.invalidField;
      if (resolveChannel(data[0]!, caller) !== LAN_CHANNEL) return COMPLETION.invalidField;
      return encodeAuthCapabilities(toldChannel(LAN_CHANNEL, caller), bmc.oddities.hidesIpmi20 !== true);
    },
  },
  [SESSION_COMMAND.cipherSuites]: { privilege: 0, bytesMin: 3, run: (_bmc, data, caller) => cipherSuites(data, caller) },
  [SESSION_COMMAND.setPrivilege]: { privilege: 0, bytesMin: 1, run: (bmc, data, caller) => setPrivilege(bmc, data, caller) },
  [SESSION_COMMAND.closeSession]: {
    privilege: 0,
    bytesMin: 4,
    run(_bmc, data, caller) {
      const id = data.readUInt32LE(0);
      if (!caller.session) return COMPLETION.illegalCommand;
      if (id !== caller.session.managedSessionId && caller.privilege < PRIVILEGE.administrator) return COMPLETION.insufficientPrivilege;
      return caller.session.close(id) ? DONE : 0x87;
    },
  },
  [SESSION_COMMAND.sessionInfo]: {
    privilege: PRIVILEGE.user,
    bytesMin: 1,
    run: (_bmc, data, caller) => sessionInfo(data, caller),
  },
  [CHANNEL_COMMAND.info]: { privilege: PRIVILEGE.user, bytesMin: 1, run: (_bmc, data, caller) => channelInfo(data, caller) },
  [CHANNEL_ACCESS_COMMAND.get]: {
    privilege: PRIVILEGE.user,
    bytesMin: 2,
    run: (bmc, data, caller) =>
      resolveChannel(data[0]!, caller) === undefined
        ? COMPLETION.parameterOutOfRange
        : Buffer.from([ALWAYS_AVAILABLE, channelLimit(bmc, data[1]! & COPY_MASK)]),
  },
  [CHANNEL_ACCESS_COMMAND.set]: {
    privilege: PRIVILEGE.administrator,
    bytesMin: 3,
    run: setChannelAccess,
  },
};

export const idOutOfRange = (id: number): boolean => id < 1 || id > USER_ID_MAX;
