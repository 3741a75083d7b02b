import { malformed, type Malformed } from '../../core/base/malformed.ts';
import { NET_FN, type IpmiRequest } from './message-codec.ts';
import { sensorTypeName, severityOfState, stateName } from './sensor-state-codec.ts';

/** System Event Log (IPMI 2.0 §31 for the commands, §32 for the records). */
export const SEL_COMMAND = { info: 0x40, reserve: 0x42, entry: 0x43, add: 0x44, clear: 0x47, time: 0x48, setTime: 0x49 } as const;
export const SEL_RECORD_BYTES = 16;
export const SEL_LAST = 0xffff;
const WHOLE_RECORD = 0xff;
const START = 0xaa;
const STATUS = 0x00;

const storage = (command: number, data: readonly number[] = []): IpmiRequest => ({
  netFn: NET_FN.storage,
  command,
  data: Buffer.from(data),
});
const word = (value: number): [number, number] => [value & 0xff, value >> 8];
export const getSelInfo: IpmiRequest = storage(SEL_COMMAND.info);
export const reserveSel: IpmiRequest = storage(SEL_COMMAND.reserve);
/** A whole record needs no reservation. */
export const getSelEntry = (recordId: number): IpmiRequest => storage(SEL_COMMAND.entry, [0, 0, ...word(recordId), 0, WHOLE_RECORD]);
export const clearSel = (reservation: number, what: 'start' | 'status'): IpmiRequest =>
  storage(SEL_COMMAND.clear, [...word(reservation), ...Buffer.from('CLR'), what === 'start' ? START : STATUS]);

/** 0 bits 3-0: 1 erased, 0 still erasing */
export const decodeClearProgress = (data: Buffer): boolean | Malformed =>
  data.length < 1 ? malformed('progress of erasing is missing', 0) : (data[0]! & 0x0f) === 1;

export const decodeSelCount = (data: Buffer): number | Malformed =>
  data.length < 3 ? malformed('SEL info is shorter than 3 bytes', data.length) : data.readUInt16LE(1);

export const getSelTime: IpmiRequest = storage(SEL_COMMAND.time);
export const decodeSelTime = (data: Buffer): number | Malformed =>
  data.length < 4 ? malformed('SEL time is shorter than 4 bytes', data.length) : data.readUInt32LE(0);

const ZONE_STEP_SECONDS = 15 * 60;
const ZONE_SECONDS_MAX = 14 * 3_600;
/** Clocks that nobody sets are this far off within a year. */
const DRIFT_SECONDS_MAX = 120;

/**
 * Seconds by which a BMC's clock is ahead of UTC because it shows local time, as an operating system that keeps its hardware clock so has set it; 0 where it is off by
 * another amount, of which nobody knows since when.
 */
export function localTimeOffset(bmcSeconds: number, utcSeconds: number): number {
  const steps = Math.round((bmcSeconds - utcSeconds) / ZONE_STEP_SECONDS) * ZONE_STEP_SECONDS;
  const isZone = Math.abs(steps) <= ZONE_SECONDS_MAX && Math.abs(bmcSeconds - utcSeconds - steps) <= DRIFT_SECONDS_MAX;
  return isZone ? steps : 0;
}

export interface SelEvent {
  readonly id: number;
  /** Seconds since 1970; undefined: the record has none, or the BMC's clock was not set. */
  readonly atSeconds: number | undefined;
  readonly sensorType: string | undefined;
  readonly sensorNumber: number | undefined;
  readonly severity: 'ok' | 'warning' | 'critical';
  readonly message: string;
}

const TIMELESS_OEM = 0xe0;
const TIMED_OEM = 0xc0;
/** Below this a time counts from the BMC's start (§37). */
const CLOCK_NOT_SET = 0x20000000;
const FORM_FACTORS_THRESHOLD = 1;

/** 0..1 id of the next | 2.. record */
export function decodeSelEntry(data: Buffer): { readonly next: number; readonly event: SelEvent } | Malformed {
  if (data.length < 2 + SEL_RECORD_BYTES) return malformed('SEL entry is shorter than 18 bytes', data.length);
  return { next: data.readUInt16LE(0), event: decodeSelRecord(data.subarray(2, 2 + SEL_RECORD_BYTES)) };
}

/**
 * Type 02h: 0..1 id | 2 type | 3..6 time | 7..8 generator | 9 EvM revision | 10 sensor type | 11 number
 * | 12 bit 7 deasserted, bits 6-0 event type | 13..15 data: bits 3-0 of the first is the state
 */
export function decodeSelRecord(record: Buffer): SelEvent {
  const id = record.readUInt16LE(0);
  const type = record[2]!;
  const seconds = record.readUInt32LE(3);
  const atSeconds = type < TIMELESS_OEM && seconds >= CLOCK_NOT_SET && seconds !== 0xffffffff ? seconds : undefined;
  if (type >= TIMED_OEM)
    return {
      id,
      atSeconds,
      sensorType: undefined,
      sensorNumber: undefined,
      severity: 'ok',
      message: `maker's own record 0x${type.toString(16)}: ${record.toString('hex', type >= TIMELESS_OEM ? 3 : 7)}`,
    };
  const sensorType = sensorTypeName(record[10]!);
  const eventType = record[12]! & 0x7f;
  const isOver = (record[12]! & 0x80) !== 0;
  const state = stateName(eventType, record[10]!, record[13]! & 0x0f);
  const values = eventType === FORM_FACTORS_THRESHOLD && record[13]! >> 6 === 1 ? ` (raw reading ${record[14]!})` : '';
  return {
    id,
    atSeconds,
    sensorType,
    sensorNumber: record[11]!,
    severity: isOver ? 'ok' : severityOfState(state),
    message: `${sensorType}: ${state}${isOver ? ' is over' : ''}${values}`,
  };
}
