import { type Malformed, malformed } from '../../../core/base/malformed.ts';

/**
 * qcow2 headers and tables, big-endian (QEMU docs/interop/qcow2.txt).
 *
 *   header   "QFI\xfb" | version u32@4 | backing file offset u64@8 | cluster bits u32@20 | virtual size u64@24 | crypt u32@32
 *            L1 entries u32@36 | L1 offset u64@40 | (v3) incompatible features u64@72 | header length u32@100 | compression type u8@104
 *   L1 entry bits 9-55: offset of an L2 table, one cluster long
 *   L2 entry bit 62 compressed; standard: bits 9-55 host offset, bit 0 "reads as zeros"
 *            compressed: offset in the low 62-(cluster bits-8) bits, above it the number of additional 512-byte sectors
 */
export interface Qcow2Header {
  readonly clusterBits: number;
  readonly virtualBytes: number;
  readonly l1Offset: number;
  readonly l1Entries: number;
  readonly compression: 'deflate' | 'zstd';
}

export const QCOW2_HEADER_BYTES = 112;
/** 32 MiB of L1 is what QEMU allows; it covers petabytes. */
const L1_ENTRIES_MAX = (32 * 2 ** 20) / 8;
const FEATURE_EXTERNAL_DATA = 4n;
const FEATURE_COMPRESSION = 8n;
const FEATURES_HARMLESS = 1n;

export function decodeQcow2Header(bytes: Buffer): Qcow2Header | Malformed {
  if (bytes.length < QCOW2_HEADER_BYTES) return malformed('shorter than a qcow2 header', bytes.length);
  if (bytes.readUInt32BE(0) !== 0x514649fb) return malformed('no qcow2 signature', 0);
  const version = bytes.readUInt32BE(4);
  if (version !== 2 && version !== 3) return malformed(`qcow2 version ${version} is not known`, 4);
  if (bytes.readBigUInt64BE(8) !== 0n) return malformed('the image needs a backing file', 8);
  const clusterBits = bytes.readUInt32BE(20);
  if (clusterBits < 9 || clusterBits > 21) return malformed(`impossible cluster size 2^${clusterBits}`, 20);
  const virtualBytes = bytes.readBigUInt64BE(24);
  if (virtualBytes === 0n || virtualBytes > 2n ** 52n) return malformed('impossible virtual size', 24);
  if (bytes.readUInt32BE(32) !== 0) return malformed('the image is encrypted', 32);
  const l1Entries = bytes.readUInt32BE(36);
  const covered = BigInt(l1Entries) * 2n ** BigInt(2 * clusterBits - 3);
  if (l1Entries > L1_ENTRIES_MAX || covered < virtualBytes) return malformed('the L1 table does not cover the image', 36);
  const l1Offset = bytes.readBigUInt64BE(40);
  if (l1Offset > 2n ** 52n) return malformed('impossible L1 offset', 40);
  const features = version === 3 ? bytes.readBigUInt64BE(72) : 0n;
  if (features & FEATURE_EXTERNAL_DATA) return malformed('the image keeps its data in another file', 72);
  if (features & ~(FEATURES_HARMLESS | FEATURE_COMPRESSION))
    return malformed(`the image uses features that are not known (${features.toString(16)})`, 72);
  const zstd = (features & FEATURE_COMPRESSION) !== 0n && bytes[104] === 1;
  return { clusterBits, virtualBytes: Number(virtualBytes), l1Offset: Number(l1Offset), l1Entries, compression: zstd ? 'zstd' : 'deflate' };
}

const OFFSET_MASK = 0x00fffffffffffe00n;

export const l1TableOffset = (entry: bigint): number => Number(entry & OFFSET_MASK);

export type Qcow2Cluster =
  | { readonly kind: 'zero' }
  | { readonly kind: 'data'; readonly offset: number }
  | { readonly kind: 'compressed'; readonly offset: number; readonly maxBytes: number };

export function decodeL2Entry(entry: bigint, clusterBits: number): Qcow2Cluster {
  if (entry & (1n << 62n)) {
    const offsetBits = BigInt(62 - (clusterBits - 8));
    const offset = Number(entry & ((1n << offsetBits) - 1n));
    const sectors = Number((entry & ((1n << 62n) - 1n)) >> offsetBits) + 1;
    return { kind: 'compressed', offset, maxBytes: sectors * 512 - (offset % 512) };
  }
  const offset = Number(entry & OFFSET_MASK);
  if (entry & 1n || offset === 0) return { kind: 'zero' };
  return { kind: 'data', offset };
}
