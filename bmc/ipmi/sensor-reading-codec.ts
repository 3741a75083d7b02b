import { malformed, type Malformed } from '../../core/base/malformed.ts';
import { decodeFactors, type SensorFactors } from './sensor-conversion-codec.ts';
import { NET_FN, type IpmiRequest, type MessageTarget } from './message-codec.ts';

/** Get Sensor Reading (IPMI 2.0 §35.14), Get Sensor Thresholds (§35.9), Get Sensor Reading Factors (§35.5). */
export const SENSOR_COMMAND = {
  factors: 0x23,
  hysteresis: 0x25,
  setThresholds: 0x26,
  thresholds: 0x27,
  eventEnable: 0x29,
  eventStatus: 0x2b,
  reading: 0x2d,
  type: 0x2f,
} as const;

const ask = (command: number, data: readonly number[], target?: MessageTarget): IpmiRequest => ({
  netFn: NET_FN.sensor,
  command,
  data: Buffer.from(data),
  ...(target === undefined ? {} : { target }),
});
export const getSensorReading = (sensor: number, target?: MessageTarget): IpmiRequest => ask(SENSOR_COMMAND.reading, [sensor], target);
export const getSensorThresholds = (sensor: number, target?: MessageTarget): IpmiRequest =>
  ask(SENSOR_COMMAND.thresholds, [sensor], target);
export const getReadingFactors = (sensor: number, raw: number, target?: MessageTarget): IpmiRequest =>
  ask(SENSOR_COMMAND.factors, [sensor, raw], target);

export interface RawReading {
  readonly raw: number;
  /** False: the sensor is not scanned, or its value is not there at the moment. */
  readonly isAvailable: boolean;
  /** Bit n: state n is asserted; for a threshold sensor bits 0-2 lower, 3-5 upper: non-critical, critical, non-recoverable. */
  readonly states: number;
}

/** 0 reading | 1 bit 6 scanned, bit 5 unavailable | 2 states 0-7 | 3 states 8-14 (bit 7 reserved) */
export function decodeSensorReading(data: Buffer): RawReading | Malformed {
  if (data.length < 2) return malformed('sensor reading is shorter than 2 bytes', data.length);
  return {
    raw: data[0]!,
    isAvailable: (data[1]! & 0x40) !== 0 && (data[1]! & 0x20) === 0,
    states: (data[2] ?? 0) | (((data[3] ?? 0) & 0x7f) << 8),
  };
}

export const encodeSensorReading = ({ raw, isAvailable, states }: RawReading): Buffer =>
  Buffer.from([raw, 0x80 | (isAvailable ? 0x40 : 0x20), states & 0xff, 0x80 | (states >> 8)]);

/** Raw bytes by their order in the answer; undefined where the mask says that there is none. */
export type RawThresholds = readonly (number | undefined)[];
/** Of the answer's bytes 1 to 6. */
export const THRESHOLD_NAMES = ['lowerCaution', 'lowerCritical', 'lowerFatal', 'upperCaution', 'upperCritical', 'upperFatal'] as const;

/** 0 readable mask | 1 lower non-critical | 2 lower critical | 3 lower non-recoverable | 4..6 upper the same */
export function decodeSensorThresholds(data: Buffer): RawThresholds | Malformed {
  if (data.length < 7) return malformed('sensor thresholds are shorter than 7 bytes', data.length);
  return THRESHOLD_NAMES.map((_name, index) => ((data[0]! >> index) & 1 ? data[1 + index] : undefined));
}

export const encodeSensorThresholds = (thresholds: RawThresholds): Buffer =>
  Buffer.from([
    thresholds.reduce<number>((mask, value, index) => (value === undefined ? mask : mask | (1 << index)), 0),
    ...thresholds.map((value) => value ?? 0),
  ]);

/** §35.8: those of the mask are set. 0 number | 1 mask | 2.. as in the answer above */
export const setSensorThresholds = (sensor: number, thresholds: RawThresholds, target?: MessageTarget): IpmiRequest =>
  ask(SENSOR_COMMAND.setThresholds, [sensor, ...encodeSensorThresholds(thresholds)], target);

/** 0 next reading | 1.. factors as in a full record */
export function decodeReadingFactors(data: Buffer): SensorFactors | Malformed {
  return data.length < 7 ? malformed('reading factors are shorter than 7 bytes', data.length) : decodeFactors(data.subarray(1, 7));
}
