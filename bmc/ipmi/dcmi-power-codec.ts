import { malformed, type Malformed } from '../../core/base/malformed.ts';
import type { IpmiRequest } from './message-codec.ts';

/** Get Power Reading (DCMI 1.5 §6.6.1), a group extension command: its data and answer begin with the group's number. */
export const GROUP_EXTENSION = 0x2c;
export const DCMI_GROUP = 0xdc;
export const DCMI_COMMAND = { capabilities: 0x01, powerReading: 0x02 } as const;
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
