import { isMalformed } from '../../../core/base/malformed.ts';
import { decodeGptEntries, decodeGptHeader, encodeGpt, type GptTable } from '../../gpt-codec.ts';
import type { OpenDisk } from './disk.ts';

/** The disk's GPT by its primary copy; undefined when there is none (an MBR disk, or nothing). */
export async function readPartitionTable(disk: OpenDisk): Promise<GptTable | undefined> {
  const blockBytes = disk.facts.logicalBlockBytes;
  const header = decodeGptHeader(await disk.read(blockBytes, blockBytes));
  if (isMalformed(header)) return undefined;
  const length = Math.ceil((header.entryCount * header.entryBytes) / blockBytes) * blockBytes;
  const partitions = decodeGptEntries(header, await disk.read(header.entriesLba * blockBytes, length));
  if (isMalformed(partitions)) return undefined;
  return {
    diskGuid: header.diskGuid,
    blockBytes,
    diskBlocks: header.otherLba + 1,
    entryCount: Math.max(128, header.entryCount),
    partitions,
  };
}

/** Writes the table for the disk's real size: the backup goes to the end, the boot code in block 0 stays. */
export async function writePartitionTable(disk: OpenDisk, table: GptTable): Promise<void> {
  const blockBytes = disk.facts.logicalBlockBytes;
  const bootBlock = await disk.read(0, blockBytes);
  const gpt = encodeGpt({ ...table, blockBytes, diskBlocks: Math.floor(disk.facts.sizeBytes / blockBytes) }, bootBlock);
  await disk.write(gpt.backupOffset, gpt.backup);
  await disk.write(0, gpt.primary);
  await disk.flush();
}
