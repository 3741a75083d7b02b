import { malformed, type Malformed } from '../../core/base/malformed.ts';
import { NET_FN, type IpmiRequest } from './message-codec.ts';

/** Chassis commands (IPMI 2.0 §28). */
export const CHASSIS_COMMAND = {
  capabilities: 0x00,
  status: 0x01,
  control: 0x02,
  identify: 0x04,
  setRestorePolicy: 0x06,
  restartCause: 0x07,
  setBootOption: 0x08,
  getBootOption: 0x09,
  powerOnHours: 0x0f,
} as const;

/** Table 28-4. */
export const CHASSIS_CONTROL = {
  'power-down': 0,
  'power-up': 1,
  'power-cycle': 2,
  'hard-reset': 3,
  'diagnostic-interrupt': 4,
  'soft-shutdown': 5,
} as const;
export type ChassisControl = keyof typeof CHASSIS_CONTROL;

export const chassisControlOf = (value: number): ChassisControl | undefined =>
  Object.entries(CHASSIS_CONTROL).find(([, number]) => number === value)?.[0] as ChassisControl | undefined;

export const getChassisStatus: IpmiRequest = { netFn: NET_FN.chassis, command: CHASSIS_COMMAND.status, data: Buffer.alloc(0) };

export const chassisControl = (control: ChassisControl): IpmiRequest => ({
  netFn: NET_FN.chassis,
  command: CHASSIS_COMMAND.control,
  data: Buffer.from([CHASSIS_CONTROL[control]]),
});

export interface ChassisStatus {
  readonly poweredOn: boolean;
  /** 0 stays off, 1 as before, 2 always on, 3 unknown. */
  readonly restorePolicy: number;
  readonly identifying: boolean;
  /** False: the BMC tells nothing of its light. */
  readonly tellsIdentify: boolean;
}

/** 0 power state: bit 0 on, bits 5-6 restore policy | 1 last event | 2 misc: bit 6 identify supported, 5-4 its state */
export function decodeChassisStatus(data: Buffer): ChassisStatus | Malformed {
  if (data.length < 3) return malformed('chassis status is shorter than 3 bytes', data.length);
  return {
    poweredOn: (data[0]! & 1) !== 0,
    restorePolicy: (data[0]! >> 5) & 3,
    identifying: (data[2]! & 0x30) !== 0,
    tellsIdentify: (data[2]! & 0x40) !== 0,
  };
}

export const encodeChassisStatus = (status: ChassisStatus): Buffer =>
  Buffer.from([
    (status.restorePolicy << 5) | (status.poweredOn ? 1 : 0),
    0,
    (status.tellsIdentify ? 0x40 : 0) | (status.identifying ? 0x10 : 0),
    0,
  ]);

/** 0 seconds | 1 bit 0: until further notice */
export const identifyChassis = (on: boolean): IpmiRequest => ({
  netFn: NET_FN.chassis,
  command: CHASSIS_COMMAND.identify,
  data: Buffer.from(on ? [0, 1] : [0, 0]),
});
/** For BMCs that do not know "until further notice": as long as the field goes. */
export const identifyForLong: IpmiRequest = { netFn: NET_FN.chassis, command: CHASSIS_COMMAND.identify, data: Buffer.from([255]) };
/** And its end, for them. */
export const identifyNoLonger: IpmiRequest = { netFn: NET_FN.chassis, command: CHASSIS_COMMAND.identify, data: Buffer.from([0]) };
