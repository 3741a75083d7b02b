import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { encodeGpt, type GptPartition, type GptTable } from '../../deploy-agent/gpt-codec.ts';

/** A whole disk as a sparse file: partitions one after the other from 1 MiB on, aligned to 1 MiB. */
export interface PartitionPlan {
  readonly type: string;
  readonly name: string;
  readonly sizeBytes: number;
}

export const BLOCK_BYTES = 512;
const ALIGNMENT_BYTES = 2 ** 20;
/** Backup entries and header, rounded up to the alignment. */
const TAIL_BYTES = 2 ** 20;

/** GUIDs from the content, so that the same image has the same ones everywhere. */
const guidFrom = (seed: string): string => {
  const hex = createHash('sha256').update(seed).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
};

export function planDisk(seed: string, plans: readonly PartitionPlan[]): GptTable {
  let offset = ALIGNMENT_BYTES;
  const partitions = plans.map((plan, index): GptPartition => {
    const firstLba = offset / BLOCK_BYTES;
    offset += Math.ceil(plan.sizeBytes / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
    return {
      number: index + 1,
      type: plan.type,
      guid: guidFrom(`${seed} ${index}`),
      firstLba,
      lastLba: offset / BLOCK_BYTES - 1,
      attributes: 0n,
      name: plan.name,
    };
  });
  return {
    diskGuid: guidFrom(seed),
    blockBytes: BLOCK_BYTES,
    diskBlocks: (offset + TAIL_BYTES) / BLOCK_BYTES,
    entryCount: 128,
    partitions,
  };
}

/** Writes the partition table and the given pieces (byte offset, data) into `file`, which becomes exactly as long as the disk. */
export async function writeDisk(
  file: string,
  table: GptTable,
  bootCode: Buffer,
  pieces: readonly (readonly [number, Buffer])[],
): Promise<void> {
  const disk = await open(file, 'a')
    .then((handle) => handle.close())
    .then(() => open(file, 'r+'));
  try {
    await disk.truncate(table.diskBlocks * table.blockBytes);
    const gpt = encodeGpt(table, bootCode);
    for (const [offset, data] of [[0, gpt.primary], [gpt.backupOffset, gpt.backup], ...pieces] as const)
      await disk.write(data, 0, data.length, offset);
  } finally {
    await disk.close();
  }
}

export const partitionOffset = (table: GptTable, number: number): number => table.partitions[number - 1]!.firstLba * table.blockBytes;
