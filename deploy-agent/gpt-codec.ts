import { crc32 } from 'node:zlib';
import { type Malformed, malformed } from '../core/base/malformed.ts';

/**
 * GUID partition tables (UEFI 2.10, chapter 5.3).
 *
 *   LBA 0      protective MBR: 0xEE entry at 446, 55 AA at 510; bytes 0-439 are boot code and belong to someone else
 *   header     "EFI PART" | revision u32@8 | header size u32@12 | header CRC u32@16 | own LBA u64@24 | other LBA u64@32
 *              first usable u64@40 | last usable u64@48 | disk GUID@56 | entries LBA u64@72 | count u32@80 | size u32@84 | entries CRC u32@88
 *   entry      type GUID@0 | GUID@16 | first LBA u64@32 | last LBA u64@40 | attributes u64@48 | name UTF-16LE@56 (36 characters)
 *   primary    header at LBA 1, entries from LBA 2; backup: entries, then the header in the disk's last block
 */
export interface GptPartition {
  /** 1-based. */
  readonly number: number;
  readonly type: string;
  readonly guid: string;
  readonly firstLba: number;
  /** Inclusive. */
  readonly lastLba: number;
  readonly attributes: bigint;
  readonly name: string;
}

export interface GptTable {
  readonly diskGuid: string;
  readonly blockBytes: number;
  readonly diskBlocks: number;
  readonly entryCount: number;
  readonly partitions: readonly GptPartition[];
}

export const GPT_TYPE_BIOS_BOOT = '21686148-6449-6e6f-744e-656564454649';
export const GPT_TYPE_EFI_SYSTEM = 'c12a7328-f81f-11d2-ba4b-00a0c93ec93b';
export const GPT_TYPE_LINUX_SWAP = '0657fd6d-a4ab-43c4-84e5-0933c84b4f4f';
export const GPT_TYPE_LINUX = '0fc63daf-8483-4772-8e79-3d69d8477de4';
export const GPT_TYPE_LINUX_ROOT_X86_64 = '4f68bce3-e8cd-4db1-96e7-fbcaf984b709';

const ENTRY_BYTES = 128;
const HEADER_BYTES = 92;
/** The specification asks for at least 16 KiB of entries; more than this is not a table but an attack. */
const ENTRY_COUNT_MAX = 1024;

export interface GptHeader {
  readonly ownLba: number;
  readonly otherLba: number;
  readonly firstUsableLba: number;
  readonly lastUsableLba: number;
  readonly diskGuid: string;
  readonly entriesLba: number;
  readonly entryCount: number;
  readonly entryBytes: number;
  readonly entriesCrc: number;
}

const decodeGuid = (bytes: Buffer, offset: number): string => {
  const hex = (from: number, to: number) => bytes.toString('hex', offset + from, offset + to);
  const reversed = (from: number, to: number) =>
    Buffer.from(bytes.subarray(offset + from, offset + to))
      .reverse()
      .toString('hex');
  return `${reversed(0, 4)}-${reversed(4, 6)}-${reversed(6, 8)}-${hex(8, 10)}-${hex(10, 16)}`;
};

const encodeGuid = (guid: string): Buffer => {
  const [a = '', b = '', c = '', d = '', e = ''] = guid.split('-');
  const reversed = (hex: string) => Buffer.from(hex, 'hex').reverse();
  return Buffer.concat([reversed(a), reversed(b), reversed(c), Buffer.from(d, 'hex'), Buffer.from(e, 'hex')]);
};

export function decodeGptHeader(block: Buffer): GptHeader | Malformed {
  if (block.length < HEADER_BYTES) return malformed('shorter than a GPT header', 0);
  if (block.toString('latin1', 0, 8) !== 'EFI PART') return malformed('no GPT signature', 0);
  const headerBytes = block.readUInt32LE(12);
  if (headerBytes < HEADER_BYTES || headerBytes > block.length) return malformed('impossible GPT header size', 12);
  const checked = Buffer.from(block.subarray(0, headerBytes));
  checked.writeUInt32LE(0, 16);
  if (crc32(checked) !== block.readUInt32LE(16)) return malformed('GPT header checksum differs', 16);
  const lba = (offset: number) => Number(block.readBigUInt64LE(offset));
  const header: GptHeader = {
    ownLba: lba(24),
    otherLba: lba(32),
    firstUsableLba: lba(40),
    lastUsableLba: lba(48),
    diskGuid: decodeGuid(block, 56),
    entriesLba: lba(72),
    entryCount: block.readUInt32LE(80),
    entryBytes: block.readUInt32LE(84),
    entriesCrc: block.readUInt32LE(88),
  };
  if (header.entryBytes < ENTRY_BYTES || header.entryBytes > 4096 || header.entryBytes % 8 !== 0)
    return malformed('impossible GPT entry size', 84);
  if (header.entryCount > ENTRY_COUNT_MAX) return malformed('too many GPT entries', 80);
  return header;
}

export function decodeGptEntries(header: GptHeader, entries: Buffer): GptPartition[] | Malformed {
  const bytes = header.entryCount * header.entryBytes;
  if (entries.length < bytes) return malformed('GPT entries are cut short', entries.length);
  if (crc32(entries.subarray(0, bytes)) !== header.entriesCrc) return malformed('GPT entries checksum differs', 0);
  const partitions: GptPartition[] = [];
  for (let index = 0; index < header.entryCount; index += 1) {
    const at = index * header.entryBytes;
    const type = decodeGuid(entries, at);
    if (/^[0-]+$/.test(type)) continue;
    const firstLba = Number(entries.readBigUInt64LE(at + 32));
    const lastLba = Number(entries.readBigUInt64LE(at + 40));
    if (lastLba < firstLba) return malformed('GPT partition ends before it begins', at + 32);
    partitions.push({
      number: index + 1,
      type,
      guid: decodeGuid(entries, at + 16),
      firstLba,
      lastLba,
      attributes: entries.readBigUInt64LE(at + 48),
      name: entries.toString('utf16le', at + 56, at + 128).replace(/\0[\s\S]*$/, ''),
    });
  }
  return partitions;
}

/** Blocks that one copy of the entries takes. */
const entriesBlocks = (table: Pick<GptTable, 'entryCount' | 'blockBytes'>) =>
  Math.ceil((table.entryCount * ENTRY_BYTES) / table.blockBytes);

export const firstUsableLba = (table: Pick<GptTable, 'entryCount' | 'blockBytes'>): number => 2 + entriesBlocks(table);
export const lastUsableLba = (table: Pick<GptTable, 'entryCount' | 'blockBytes' | 'diskBlocks'>): number =>
  table.diskBlocks - 2 - entriesBlocks(table);

function encodeEntries(table: GptTable): Buffer {
  const entries = Buffer.alloc(entriesBlocks(table) * table.blockBytes);
  for (const partition of table.partitions) {
    const at = (partition.number - 1) * ENTRY_BYTES;
    encodeGuid(partition.type).copy(entries, at);
    encodeGuid(partition.guid).copy(entries, at + 16);
    entries.writeBigUInt64LE(BigInt(partition.firstLba), at + 32);
    entries.writeBigUInt64LE(BigInt(partition.lastLba), at + 40);
    entries.writeBigUInt64LE(BigInt.asUintN(64, partition.attributes), at + 48);
    entries.write(partition.name.slice(0, 36), at + 56, 72, 'utf16le');
  }
  return entries;
}

function encodeHeader(table: GptTable, entries: Buffer, ownLba: number, otherLba: number, entriesLba: number): Buffer {
  const header = Buffer.alloc(table.blockBytes);
  header.write('EFI PART', 0, 'latin1');
  header.writeUInt32LE(0x00010000, 8);
  header.writeUInt32LE(HEADER_BYTES, 12);
  header.writeBigUInt64LE(BigInt(ownLba), 24);
  header.writeBigUInt64LE(BigInt(otherLba), 32);
  header.writeBigUInt64LE(BigInt(firstUsableLba(table)), 40);
  header.writeBigUInt64LE(BigInt(lastUsableLba(table)), 48);
  encodeGuid(table.diskGuid).copy(header, 56);
  header.writeBigUInt64LE(BigInt(entriesLba), 72);
  header.writeUInt32LE(table.entryCount, 80);
  header.writeUInt32LE(ENTRY_BYTES, 84);
  header.writeUInt32LE(crc32(entries.subarray(0, table.entryCount * ENTRY_BYTES)), 88);
  header.writeUInt32LE(crc32(header.subarray(0, HEADER_BYTES)), 16);
  return header;
}

/** LBA 0 with one 0xEE partition over the whole disk; the boot code of `bootBlock` stays. */
function encodeProtectiveMbr(table: GptTable, bootBlock: Buffer | undefined): Buffer {
  const mbr = Buffer.alloc(table.blockBytes);
  bootBlock?.copy(mbr, 0, 0, 440);
  mbr.set([0x00, 0x00, 0x02, 0x00, 0xee, 0xff, 0xff, 0xff], 446);
  mbr.writeUInt32LE(1, 454);
  mbr.writeUInt32LE(Math.min(table.diskBlocks - 1, 0xffffffff), 458);
  mbr.writeUInt16LE(0xaa55, 510);
  return mbr;
}

export interface EncodedGpt {
  /** From byte 0: protective MBR, header, entries. */
  readonly primary: Buffer;
  readonly backup: Buffer;
  /** Byte offset of `backup`: it ends with the disk. */
  readonly backupOffset: number;
}

export function encodeGpt(table: GptTable, bootBlock?: Buffer): EncodedGpt {
  const entries = encodeEntries(table);
  const lastLba = table.diskBlocks - 1;
  const backupEntriesLba = lastLba - entriesBlocks(table);
  return {
    primary: Buffer.concat([encodeProtectiveMbr(table, bootBlock), encodeHeader(table, entries, 1, lastLba, 2), entries]),
    backup: Buffer.concat([entries, encodeHeader(table, entries, lastLba, 1, backupEntriesLba)]),
    backupOffset: backupEntriesLba * table.blockBytes,
  };
}
