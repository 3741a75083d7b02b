import { type Malformed, malformed } from '../../../core/base/malformed.ts';

/**
 * UEFI boot options (UEFI 2.10, 3.1.3 EFI_LOAD_OPTION and 10.3 device paths), little-endian:
 *
 *   attributes u32 | length of the path list u16 | description UCS-2 NUL | device paths | optional data
 *   hard drive path   04 01 | length 42 | partition u32 | first LBA u64 | blocks u64 | GUID 16 | 02 GPT | 02 GUID
 *   file path         04 04 | length | UCS-2 NUL
 *   end               7f ff 04 00
 */
export interface BootOption {
  readonly isActive: boolean;
  readonly description: string;
  readonly devicePaths: Buffer;
}

export interface LoaderOption {
  readonly description: string;
  /** `\EFI\BOOT\BOOTX64.EFI` */
  readonly loader: string;
  readonly partition: { readonly number: number; readonly firstLba: number; readonly blocks: number; readonly guid: string };
}

const ACTIVE = 1;
const ucs2 = (text: string) => Buffer.from(`${text}\0`, 'utf16le');

export function decodeBootOption(bytes: Buffer): BootOption | Malformed {
  if (bytes.length < 8) return malformed('shorter than a boot option', bytes.length);
  let end = 6;
  while (end + 1 < bytes.length && bytes.readUInt16LE(end) !== 0) end += 2;
  if (end + 1 >= bytes.length) return malformed('the description has no end', end);
  const pathBytes = bytes.readUInt16LE(4);
  const paths = end + 2;
  if (paths + pathBytes > bytes.length) return malformed('the device paths are cut short', paths);
  return {
    isActive: (bytes.readUInt32LE(0) & ACTIVE) !== 0,
    description: bytes.toString('utf16le', 6, end),
    devicePaths: bytes.subarray(paths, paths + pathBytes),
  };
}

function encodeGuid(guid: string): Buffer {
  const [a = '', b = '', c = '', d = '', e = ''] = guid.split('-');
  const reversed = (hex: string) => Buffer.from(hex, 'hex').reverse();
  return Buffer.concat([reversed(a), reversed(b), reversed(c), Buffer.from(d, 'hex'), Buffer.from(e, 'hex')]);
}

export function encodeLoaderOption(option: LoaderOption): Buffer {
  const drive = Buffer.alloc(42);
  drive.set([4, 1, 42, 0]);
  drive.writeUInt32LE(option.partition.number, 4);
  drive.writeBigUInt64LE(BigInt(option.partition.firstLba), 8);
  drive.writeBigUInt64LE(BigInt(option.partition.blocks), 16);
  encodeGuid(option.partition.guid).copy(drive, 24);
  drive.set([2, 2], 40);
  const name = ucs2(option.loader);
  const file = Buffer.concat([Buffer.from([4, 4, (4 + name.length) & 0xff, (4 + name.length) >> 8]), name]);
  const paths = Buffer.concat([drive, file, Buffer.from([0x7f, 0xff, 4, 0])]);
  const head = Buffer.alloc(6);
  head.writeUInt32LE(ACTIVE, 0);
  head.writeUInt16LE(paths.length, 4);
  return Buffer.concat([head, ucs2(option.description), paths]);
}

/** `BootOrder`: boot numbers as u16. */
export const decodeBootOrder = (bytes: Buffer | undefined): number[] =>
  bytes === undefined ? [] : Array.from({ length: Math.floor(bytes.length / 2) }, (_, index) => bytes.readUInt16LE(index * 2));

export const encodeBootOrder = (numbers: readonly number[]): Buffer => {
  const bytes = Buffer.alloc(numbers.length * 2);
  numbers.forEach((number, index) => bytes.writeUInt16LE(number, index * 2));
  return bytes;
};

export const bootOptionName = (number: number): string => `Boot${number.toString(16).toUpperCase().padStart(4, '0')}`;
