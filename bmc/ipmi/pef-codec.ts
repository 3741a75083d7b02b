import { malformed, type Malformed } from '../../core/base/malformed.ts';
import { NET_FN, type IpmiRequest } from './message-codec.ts';

/**
 * Platform Event Filtering (IPMI 2.0 §17 for what it does, §29-30 for its commands, table 30-6 for its parameters): which entries of the event log cause
 * which action, and who is told. Selectors of tables count from 1; destination 0 is the one that is not kept.
 */
export const EVENT_COMMAND = {
  setReceiver: 0x00,
  getReceiver: 0x01,
  message: 0x02,
  pefCapabilities: 0x10,
  armTimer: 0x11,
  setPef: 0x12,
  getPef: 0x13,
  setLastProcessed: 0x14,
  getLastProcessed: 0x15,
  alertImmediate: 0x16,
  acknowledge: 0x17,
} as const;

export const PEF_PARAMETER = {
  setInProgress: 0,
  control: 1,
  actions: 2,
  startupDelay: 3,
  alertStartupDelay: 4,
  filterCount: 5,
  filter: 6,
  filterHead: 7,
  policyCount: 8,
  policy: 9,
  systemGuid: 10,
  stringCount: 11,
  stringKeys: 12,
  strings: 13,
} as const;
export type PefParameterName = keyof typeof PEF_PARAMETER;

export const PEF_REVISION = 0x11;
export const PEF_ENABLED = 0x01;
export const PEF_ACTION = { alert: 0x01, powerOff: 0x02, reset: 0x04, powerCycle: 0x08, oem: 0x10, interrupt: 0x20 } as const;

const request = (command: number, data: readonly number[]): IpmiRequest => ({ netFn: NET_FN.sensor, command, data: Buffer.from(data) });
export const getPefCapabilities: IpmiRequest = request(EVENT_COMMAND.pefCapabilities, []);
export const getPef = (parameter: PefParameterName, selector = 0, block = 0): IpmiRequest =>
  request(EVENT_COMMAND.getPef, [PEF_PARAMETER[parameter], selector, block]);
export const setPef = (parameter: PefParameterName, data: Iterable<number>): IpmiRequest =>
  request(EVENT_COMMAND.setPef, [PEF_PARAMETER[parameter], ...data]);
/** For so many seconds no event is handled; 0: they are handled from now on. */
export const armPefTimer = (seconds: number): IpmiRequest => request(EVENT_COMMAND.armTimer, [seconds]);
/** What the timer answers to, besides seconds. */
export const PEF_TIMER = { off: 0x00, forNow: 0xfe, tell: 0xff } as const;

export const sendAlert = (channel: number, destination: number): IpmiRequest =>
  request(EVENT_COMMAND.alertImmediate, [channel, destination, 0]);
export const getAlertStatus = (channel: number, destination: number): IpmiRequest =>
  request(EVENT_COMMAND.alertImmediate, [channel, 0x40 | destination, 0]);
/** Of Alert Immediate, in bits 7-6 of its second byte. */
export const ALERT_OPERATION = { send: 0, status: 1, clear: 2 } as const;
/** Table 30-9. */
export const ALERT_STATUS = { none: 0x00, done: 0x01, failed: 0x02, unanswered: 0x03, underWay: 0xff } as const;

export interface PefCapabilities {
  /** Bits as in `PEF_ACTION`. */
  readonly actions: number;
  readonly filters: number;
}

/** 0 version 51h | 1 actions | 2 filters */
export function decodePefCapabilities(data: Buffer): PefCapabilities | Malformed {
  if (data.length < 3) return malformed('PEF capabilities are shorter than 3 bytes', data.length);
  return { actions: data[1]! & 0x3f, filters: data[2]! };
}

/** 0 revision | 1.. the parameter's data, at least `sizeBytes` long */
export function decodePefParameter(data: Buffer, sizeBytes: number): Buffer | Malformed {
  if (data.length < 1 + sizeBytes) return malformed(`PEF parameter is shorter than ${sizeBytes} bytes`, data.length);
  return data.subarray(1);
}

export const EVENT_FILTER_BYTES = 20;
const ANY = 0xff;

/** Table 17-2. */
export interface EventFilter {
  readonly isEnabled: boolean;
  /** The maker's: only whether it is enabled may be changed. */
  readonly isFixed: boolean;
  /** Bits as in `PEF_ACTION`. */
  readonly actions: number;
  readonly policy: number;
  /** 0 unspecified, 1 monitor, 2 information, 4 ok, 8 non-critical, 16 critical, 32 non-recoverable */
  readonly severity: number;
  /** What it matches, bytes 5 to 20 of the entry. */
  readonly match: Buffer;
}

/** Every event: no generator, sensor, trigger, offset or data is asked for. */
export const MATCH_EVERYTHING: Buffer = Buffer.from([ANY, ANY, ANY, ANY, ANY, 0xff, 0xff, 0, 0xff, 0, 0, 0xff, 0, 0, 0xff, 0]);

/** 1 bit 7 enabled, bits 6-5: 2 preset | 2 actions | 3 bits 3-0 policy | 4 severity | 5..20 match */
export function decodeEventFilter(data: Buffer): EventFilter | Malformed {
  if (data.length < EVENT_FILTER_BYTES) return malformed('event filter is shorter than 20 bytes', data.length);
  return {
    isEnabled: (data[0]! & 0x80) !== 0,
    isFixed: ((data[0]! >> 5) & 3) === 2,
    actions: data[1]! & 0x3f,
    policy: data[2]! & 0x0f,
    severity: data[3]!,
    match: data.subarray(4, EVENT_FILTER_BYTES),
  };
}

export const encodeEventFilter = ({ isEnabled, isFixed, actions, policy, severity, match }: EventFilter): Buffer =>
  Buffer.concat([Buffer.from([(isEnabled ? 0x80 : 0) | (isFixed ? 0x40 : 0), actions, policy, severity]), match]);

export const ALERT_POLICY_BYTES = 3;

/** Table 17-4: who is told when a filter's policy says so. */
export interface AlertPolicy {
  readonly isEnabled: boolean;
  readonly policy: number;
  /** 0: always; 1: not if the one before was reached; 2: then none after it; 3: then on another channel; 4: then of another type */
  readonly rule: number;
  readonly channel: number;
  readonly destination: number;
  readonly string: number;
}

/** 1 bits 7-4 policy, bit 3 enabled, bits 2-0 rule | 2 bits 7-4 channel, bits 3-0 destination | 3 string */
export function decodeAlertPolicy(data: Buffer): AlertPolicy | Malformed {
  if (data.length < ALERT_POLICY_BYTES) return malformed('alert policy is shorter than 3 bytes', data.length);
  return {
    policy: data[0]! >> 4,
    isEnabled: (data[0]! & 0x08) !== 0,
    rule: data[0]! & 7,
    channel: data[1]! >> 4,
    destination: data[1]! & 0x0f,
    string: data[2]!,
  };
}

export const encodeAlertPolicy = ({ isEnabled, policy, rule, channel, destination, string }: AlertPolicy): Buffer =>
  Buffer.from([(policy << 4) | (isEnabled ? 0x08 : 0) | rule, (channel << 4) | destination, string]);
