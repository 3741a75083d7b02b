import { malformed, type Malformed } from '../../core/base/malformed.ts';
import { CHASSIS_COMMAND } from './chassis-codec.ts';
import { NET_FN, type IpmiRequest } from './message-codec.ts';

/**
 * System boot options (IPMI 2.0 §28.12-14). Parameter 5, the boot flags:
 *   0 bit 7 valid, bit 6 persistent, bit 5 EFI | 1 bits 5-2 device | 2..4 console and BIOS hints
 */
export const BOOT_PARAMETER = { setInProgress: 0, validBitClearing: 3, infoAcknowledge: 4, flags: 5 } as const;

/** Table 28-14, parameter 5, second byte. */
const DEVICE_CODES = {
  none: 0,
  network: 1,
  disk: 2,
  safe: 3,
  diagnostics: 4,
  cdrom: 5,
  'firmware-setup': 6,
  'remote-media': 9,
  floppy: 15,
} as const;
export type IpmiBootDevice = keyof typeof DEVICE_CODES;

export interface BootFlags {
  readonly valid: boolean;
  readonly persistent: boolean;
  readonly efi: boolean;
  readonly device: IpmiBootDevice;
}

/** Flags that are owed to a BMC which does not keep them by itself. */
export interface BootPlan {
  readonly flags: BootFlags;
  /** The next start uses it up. */
  readonly isForOnce: boolean;
}

export const encodeBootFlags = (flags: BootFlags): Buffer =>
  Buffer.from([
    (flags.valid ? 0x80 : 0) | (flags.persistent ? 0x40 : 0) | (flags.efi ? 0x20 : 0),
    DEVICE_CODES[flags.device] << 2,
    0,
    0,
    0,
  ]);

/** Device codes outside the table (remote media and vendors' own) read as `none`. */
export function decodeBootFlags(data: Buffer): BootFlags | Malformed {
  if (data.length < 5) return malformed('boot flags are shorter than 5 bytes', data.length);
  const code = (data[1]! >> 2) & 0x0f;
  const device = Object.entries(DEVICE_CODES).find(([, value]) => value === code)?.[0] as IpmiBootDevice | undefined;
  return {
    valid: (data[0]! & 0x80) !== 0,
    persistent: (data[0]! & 0x40) !== 0,
    efi: (data[0]! & 0x20) !== 0,
    device: device ?? 'none',
  };
}

export const setBootOption = (parameter: number, data: Uint8Array): IpmiRequest => ({
  netFn: NET_FN.chassis,
  command: CHASSIS_COMMAND.setBootOption,
  data: Buffer.concat([Buffer.from([parameter]), data]),
});

export const getBootOption = (parameter: number): IpmiRequest => ({
  netFn: NET_FN.chassis,
  command: CHASSIS_COMMAND.getBootOption,
  data: Buffer.from([parameter, 0, 0]),
});

/** 0 parameter version 0x01 | 1 bit 7 invalid, bits 6-0 parameter | 2.. its data */
export function decodeBootOption(data: Buffer): Buffer | Malformed {
  if (data.length < 2) return malformed('boot option is shorter than 2 bytes', data.length);
  return data.subarray(2);
}

/** Parameter 3: leave the valid bit alone when no chassis command comes within 60 s; other causes still clear it. */
export const KEEP_FLAGS_AFTER_TIMEOUT = 0x08;
/** Parameter 4: "no agent has handled the boot info yet", written before new flags. */
export const ACKNOWLEDGE_NONE = Buffer.from([0x01, 0x01]);
