import { malformed, type Malformed } from '../../core/base/malformed.ts';
import type { IpmiRequest } from './message-codec.ts';

/** Power readings and limits (DCMI 1.5 §6.6), group extension commands: their data and answers begin with the group's number. */
export const GROUP_EXTENSION = 0x2c;
export const DCMI_GROUP = 0xdc;
export const DCMI_COMMAND = {
  capabilities: 0x01,
  powerReading: 0x02,
  getPowerLimit: 0x03,
  setPowerLimit: 0x04,
  activatePowerLimit: 0x05,
  assetTag: 0x06,
  sensorInfo: 0x07,
  setAssetTag: 0x08,
  controllerId: 0x09,
  setControllerId: 0x0a,
} as const;
const SYSTEM_POWER_STATISTICS = 1;

export const getPowerReading: IpmiRequest = {
  netFn: GROUP_EXTENSION,
  command: DCMI_COMMAND.powerReading,
  data: Buffer.from([DCMI_GROUP, SYSTEM_POWER_STATISTICS, 0, 0]),
};

export interface DcmiPower {
  readonly watts: number;
  readonly minimumWatts: number;
  readonly maximumWatts: number;
  readonly averageWatts: number;
  /** False: measuring is switched off and the numbers are old. */
  readonly isActive: boolean;
}

/** 0 group | 1..2 present | 3..4 minimum | 5..6 maximum | 7..8 average | 9..12 time | 13..16 period in ms | 17 bit 6 active */
export function decodePowerReading(data: Buffer): DcmiPower | Malformed {
  if (data.length < 18) return malformed('DCMI power reading is shorter than 18 bytes', data.length);
  if (data[0] !== DCMI_GROUP) return malformed('DCMI answer is of another group', 0);
  return {
    watts: data.readUInt16LE(1),
    minimumWatts: data.readUInt16LE(3),
    maximumWatts: data.readUInt16LE(5),
    averageWatts: data.readUInt16LE(7),
    isActive: (data[17]! & 0x40) !== 0,
  };
}

export function encodePowerReading(power: DcmiPower, atSeconds: number, periodMs: number): Buffer {
  const data = Buffer.alloc(18);
  data[0] = DCMI_GROUP;
  data.writeUInt16LE(power.watts, 1);
  data.writeUInt16LE(power.minimumWatts, 3);
  data.writeUInt16LE(power.maximumWatts, 5);
  data.writeUInt16LE(power.averageWatts, 7);
  data.writeUInt32LE(atSeconds >>> 0, 9);
  data.writeUInt32LE(periodMs, 13);
  data[17] = power.isActive ? 0x40 : 0;
  return data;
}

/** Of Get Power Limit: the limit is not in force. */
export const NO_ACTIVE_LIMIT = 0x80;
const group = (command: number, data: readonly number[]): IpmiRequest => ({
  netFn: GROUP_EXTENSION,
  command,
  data: Buffer.from([DCMI_GROUP, ...data]),
});
export const getPowerLimit: IpmiRequest = group(DCMI_COMMAND.getPowerLimit, [0, 0]);
export const activatePowerLimit = (isActive: boolean): IpmiRequest => group(DCMI_COMMAND.activatePowerLimit, [isActive ? 1 : 0, 0, 0]);

export interface DcmiPowerLimit {
  readonly watts: number;
  /** What happens to a machine that draws more: 0 nothing, 1 it is switched off, 0x11 an entry in the log. */
  readonly action: number;
  /** In this time it has to be below the limit. */
  readonly correctionMs: number;
  readonly samplingSeconds: number;
}

/** 0 group | 1..2 reserved | 3 action | 4..5 watts | 6..9 correction | 10..11 reserved | 12..13 sampling */
export function decodePowerLimit(data: Buffer): DcmiPowerLimit | Malformed {
  if (data.length < 14) return malformed('DCMI power limit is shorter than 14 bytes', data.length);
  return { action: data[3]!, watts: data.readUInt16LE(4), correctionMs: data.readUInt32LE(6), samplingSeconds: data.readUInt16LE(12) };
}

export function encodePowerLimit({ action, watts, correctionMs, samplingSeconds }: DcmiPowerLimit): Buffer {
  const data = Buffer.alloc(14);
  data[0] = DCMI_GROUP;
  data[3] = action;
  data.writeUInt16LE(watts, 4);
  data.writeUInt32LE(correctionMs, 6);
  data.writeUInt16LE(samplingSeconds, 12);
  return data;
}

/** As the answer to Get Power Limit has it, with one more reserved byte. */
export function setPowerLimit(limit: DcmiPowerLimit): IpmiRequest {
  const [head, rest] = [Buffer.from([0, 0, 0]), encodePowerLimit(limit).subarray(3)];
  return group(DCMI_COMMAND.setPowerLimit, [...head, ...rest]);
}

/** Of the request's data. */
export const decodeSetPowerLimit = (data: Buffer): DcmiPowerLimit | Malformed =>
  data.length < 15 ? malformed('DCMI power limit is shorter than 15 bytes', data.length) : decodePowerLimit(data.subarray(1));
