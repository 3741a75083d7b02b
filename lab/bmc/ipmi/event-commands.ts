import { COMPLETION } from '../../../bmc/ipmi/completion-code-codec.ts';
import { BMC_ADDRESS, CONSOLE_ADDRESS } from '../../../bmc/ipmi/message-codec.ts';
import {
  ALERT_OPERATION,
  ALERT_POLICY_BYTES,
  EVENT_COMMAND,
  EVENT_FILTER_BYTES,
  PEF_ACTION,
  PEF_PARAMETER,
  PEF_REVISION,
} from '../../../bmc/ipmi/pef-codec.ts';
import { PRIVILEGE } from '../../../bmc/ipmi/session-command-codec.ts';
import type { BmcModel } from '../bmc-model.ts';
import { DESTINATIONS, FILTERS, pefKey, POLICIES, STRING_BYTES, STRINGS } from '../state/pef-state.ts';
import type { Caller, CommandResult, CommandTable } from './command-handler.ts';

/** The event receiver, events that others send, and platform event filtering (IPMI 2.0 §29, §30). */
const DONE = Buffer.alloc(0);
const PARAMETER_UNSUPPORTED = 0x80;
const SET_ALREADY_IN_PROGRESS = 0x81;
const READ_ONLY = 0x82;
const ALERT_UNDER_WAY = 0x81;
const ACTIONS = PEF_ACTION.alert | PEF_ACTION.powerOff | PEF_ACTION.reset | PEF_ACTION.powerCycle | PEF_ACTION.interrupt;
const SYSTEM_EVENT = 2;
const BLOCK_BYTES = 16;

/** One value each. */
const VALUE_BYTES: Readonly<Record<number, number>> = {
  [PEF_PARAMETER.setInProgress]: 1,
  [PEF_PARAMETER.control]: 1,
  [PEF_PARAMETER.actions]: 1,
  [PEF_PARAMETER.startupDelay]: 1,
  [PEF_PARAMETER.alertStartupDelay]: 1,
  [PEF_PARAMETER.systemGuid]: 17,
};
const COUNTS: Readonly<Record<number, number>> = {
  [PEF_PARAMETER.filterCount]: FILTERS,
  [PEF_PARAMETER.policyCount]: POLICIES,
  [PEF_PARAMETER.stringCount]: STRINGS,
};
/** Entries of tables; string 0 is the one that is not kept. */
const TABLES: Readonly<Record<number, { readonly first: number; readonly last: number; readonly bytes: number }>> = {
  [PEF_PARAMETER.filter]: { first: 1, last: FILTERS, bytes: EVENT_FILTER_BYTES },
  [PEF_PARAMETER.policy]: { first: 1, last: POLICIES, bytes: ALERT_POLICY_BYTES },
  [PEF_PARAMETER.stringKeys]: { first: 0, last: STRINGS, bytes: 2 },
};

const stored = (bmc: BmcModel, key: string, bytes: number): Buffer => bmc.parameters.get(key) ?? Buffer.alloc(bytes);
const withRevision = (...bytes: readonly number[]): Buffer => Buffer.from([PEF_REVISION, ...bytes]);
const isBetween = (value: number, first: number, last: number) => value >= first && value <= last;

function getParameter(bmc: BmcModel, data: Buffer): CommandResult {
  const [parameter, selector, block] = [data[0]! & 0x7f, data[1]! & 0x7f, data[2]!];
  if (data[0]! & 0x80) return withRevision();
  if (parameter in COUNTS) return withRevision(COUNTS[parameter]!);
  if (parameter in VALUE_BYTES) return withRevision(...stored(bmc, pefKey(parameter), VALUE_BYTES[parameter]!));
  if (parameter === PEF_PARAMETER.filterHead && isBetween(selector, 1, FILTERS))
    return withRevision(selector, stored(bmc, pefKey(PEF_PARAMETER.filter, selector), EVENT_FILTER_BYTES)[0]!);
  if (parameter === PEF_PARAMETER.strings && isBetween(selector, 0, STRINGS) && isBetween(block, 1, STRING_BYTES / BLOCK_BYTES)) {
    const from = (block - 1) * BLOCK_BYTES;
    return withRevision(selector, block, ...stored(bmc, pefKey(parameter, selector), STRING_BYTES).subarray(from, from + BLOCK_BYTES));
  }
  const table = TABLES[parameter];
  if (table === undefined) return parameter in PEF_NAMES ? COMPLETION.parameterOutOfRange : PARAMETER_UNSUPPORTED;
  if (!isBetween(selector, table.first, table.last)) return COMPLETION.parameterOutOfRange;
  return withRevision(selector, ...stored(bmc, pefKey(parameter, selector), table.bytes));
}
const PEF_NAMES: Readonly<Record<number, true>> = { [PEF_PARAMETER.filterHead]: true, [PEF_PARAMETER.strings]: true };

function setValue(bmc: BmcModel, parameter: number, value: Buffer): CommandResult {
  if (value.length < VALUE_BYTES[parameter]!) return COMPLETION.requestLength;
  const isTaken = parameter === PEF_PARAMETER.setInProgress && value[0] === 1 && bmc.parameters.get(pefKey(parameter))?.[0] === 1;
  if (isTaken) return SET_ALREADY_IN_PROGRESS;
  if (parameter === PEF_PARAMETER.actions && value[0]! & ~ACTIONS) return COMPLETION.invalidField;
  bmc.parameters.set(pefKey(parameter), Buffer.from(value.subarray(0, VALUE_BYTES[parameter])));
  return DONE;
}

function setParameter(bmc: BmcModel, data: Buffer): CommandResult {
  const parameter = data[0]! & 0x7f;
  const value = data.subarray(1);
  if (parameter in COUNTS) return READ_ONLY;
  if (parameter in VALUE_BYTES) return setValue(bmc, parameter, value);
  const selector = (value[0] ?? 0) & 0x7f;
  if (parameter === PEF_PARAMETER.filterHead || parameter === PEF_PARAMETER.strings) {
    const isString = parameter === PEF_PARAMETER.strings;
    if (value.length < (isString ? 3 : 2)) return COMPLETION.requestLength;
    const key = isString ? pefKey(parameter, selector) : pefKey(PEF_PARAMETER.filter, selector);
    const at = isString ? (value[1]! - 1) * BLOCK_BYTES : 0;
    if (!isBetween(selector, isString ? 0 : 1, isString ? STRINGS : FILTERS) || !isBetween(at, 0, STRING_BYTES - BLOCK_BYTES))
      return COMPLETION.parameterOutOfRange;
    const entry = Buffer.from(stored(bmc, key, isString ? STRING_BYTES : EVENT_FILTER_BYTES));
    value.subarray(isString ? 2 : 1, isString ? 2 + BLOCK_BYTES : 2).copy(entry, at);
    bmc.parameters.set(key, entry);
    return DONE;
  }
  const table = TABLES[parameter];
  if (table === undefined) return PARAMETER_UNSUPPORTED;
  if (value.length < 1 + table.bytes) return COMPLETION.requestLength;
  if (!isBetween(selector, table.first, table.last)) return COMPLETION.parameterOutOfRange;
  bmc.parameters.set(pefKey(parameter, selector), Buffer.from(value.subarray(1, 1 + table.bytes)));
  return DONE;
}

/** 0 channel | 1 bits 7-6 operation, bits 3-0 destination | 2 string | [3..10 an event: generator, revision, type, number, trigger, data] */
function alertImmediate(bmc: BmcModel, data: Buffer): CommandResult {
  const [operation, destination] = [data[1]! >> 6, data[1]! & 0x0f];
  if (destination > DESTINATIONS) return COMPLETION.parameterOutOfRange;
  if (operation === ALERT_OPERATION.status) return Buffer.from([bmc.pef.status(destination)]);
  if (operation === ALERT_OPERATION.clear) return (bmc.pef.forgetStatus(destination), Buffer.from([0]));
  const event =
    data.length < 11 ? undefined : Buffer.concat([Buffer.from([0, 0, SYSTEM_EVENT, 0, 0, 0, 0, data[3]!, 0]), data.subarray(4, 11)]);
  const string = data[2]! & 0x80 ? data[2]! & 0x7f : 0;
  return bmc.pef.alertNow({ destination, severity: 0, record: event, string }) ? Buffer.from([0]) : ALERT_UNDER_WAY;
}

/** Over the LAN without a generator, which is who sends it (§29.3). */
function platformEvent(bmc: BmcModel, data: Buffer, caller: Caller): CommandResult {
  const own = caller.via === 'system' ? data[0]! : CONSOLE_ADDRESS;
  const event = caller.via === 'system' ? data.subarray(1) : data;
  if (event.length < 5) return COMPLETION.requestLength;
  const rest = Buffer.alloc(7, 0xff);
  event.copy(rest);
  bmc.eventLog.add(Buffer.concat([Buffer.from([0, 0, SYSTEM_EVENT, 0, 0, 0, 0, own, 0]), rest]));
  return DONE;
}

const EVENT_RECEIVER = 'event receiver';
/** 0 the address, 1 its LUN; address FFh: events are sent to nobody. */
const eventReceiver = (bmc: BmcModel): Buffer => bmc.parameters.get(EVENT_RECEIVER) ?? Buffer.from([BMC_ADDRESS, 0]);

function lastProcessed(bmc: BmcModel): CommandResult {
  const data = Buffer.alloc(10);
  data.writeUInt32LE(bmc.eventLog.addedAtSeconds >>> 0, 0);
  data.writeUInt16LE(bmc.eventLog.entries().at(-1)?.id ?? 0xffff, 4);
  data.writeUInt16LE(bmc.pef.lastProcessed.record, 6);
  data.writeUInt16LE(bmc.pef.lastProcessed.byBmc, 8);
  return data;
}

export const eventCommands: CommandTable = {
  [EVENT_COMMAND.setReceiver]: {
    privilege: PRIVILEGE.administrator,
    bytesMin: 2,
    run: (bmc, data) => (bmc.parameters.set(EVENT_RECEIVER, Buffer.from([data[0]!, data[1]! & 3])), DONE),
  },
  [EVENT_COMMAND.getReceiver]: { privilege: PRIVILEGE.user, run: eventReceiver },
  [EVENT_COMMAND.message]: { privilege: PRIVILEGE.operator, bytesMin: 5, run: platformEvent },
  [EVENT_COMMAND.pefCapabilities]: { privilege: PRIVILEGE.user, run: () => Buffer.from([0x51, ACTIONS, FILTERS]) },
  [EVENT_COMMAND.armTimer]: {
    privilege: PRIVILEGE.administrator,
    bytesMin: 1,
    run: (bmc, data) => Buffer.from([bmc.pef.arm(data[0]!)]),
  },
  [EVENT_COMMAND.setPef]: { privilege: PRIVILEGE.administrator, bytesMin: 1, run: setParameter },
  [EVENT_COMMAND.getPef]: { privilege: PRIVILEGE.operator, bytesMin: 3, run: getParameter },
  [EVENT_COMMAND.setLastProcessed]: {
    privilege: PRIVILEGE.administrator,
    bytesMin: 3,
    run(bmc, data) {
      bmc.pef.lastProcessed[data[0]! & 1 ? 'byBmc' : 'record'] = data.readUInt16LE(1);
      return DONE;
    },
  },
  [EVENT_COMMAND.getLastProcessed]: { privilege: PRIVILEGE.administrator, run: lastProcessed },
  [EVENT_COMMAND.alertImmediate]: { privilege: PRIVILEGE.administrator, bytesMin: 3, run: alertImmediate },
  // Anybody may send it, without a session: it names what only who got the trap knows.
  [EVENT_COMMAND.acknowledge]: {
    privilege: 0,
    bytesMin: 12,
    run: (bmc, data) => (bmc.pef.acknowledge(data.subarray(0, 12)), DONE),
  },
};
