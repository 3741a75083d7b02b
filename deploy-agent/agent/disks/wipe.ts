import type { OpenDisk } from './disk.ts';

/**
 * Where partition tables, boot code, file system, LVM and RAID signatures live: the first and the last megabytes. Cleared
 * on both ends of the disk and of each partition it would take a table to know; the table itself goes with the first.
 */
export const METADATA_BYTES = 4 * 2 ** 20;

/** The ranges to clear on a disk of this size: never overlapping, aligned to the block. */
export function metadataRanges(sizeBytes: number, blockBytes: number): readonly { readonly offset: number; readonly length: number }[] {
  const head = Math.min(METADATA_BYTES, sizeBytes);
  const tail = Math.min(METADATA_BYTES, sizeBytes - head);
  const tailOffset = Math.floor((sizeBytes - tail) / blockBytes) * blockBytes;
  return [
    { offset: 0, length: head },
    { offset: tailOffset, length: sizeBytes - tailOffset },
  ].filter((range) => range.length > 0);
}

export async function wipeMetadata(disk: OpenDisk): Promise<void> {
  for (const { offset, length } of metadataRanges(disk.facts.sizeBytes, disk.facts.logicalBlockBytes))
    await disk.write(offset, Buffer.alloc(length));
  await disk.flush();
  await disk.rereadPartitions();
}
