import { firstUsableLba, type GptPartition, type GptTable, GPT_TYPE_LINUX, lastUsableLba } from '../../gpt-codec.ts';

/**
 * Where the config drive goes: the last place on the disk, so that the root partition before it can still grow. A config
 * drive from an earlier run is replaced in the same call.
 */
export const CONFIG_DRIVE_PARTITION = 'config-2';
const ALIGNMENT_BYTES = 2 ** 20;

export type ConfigDrivePlace = { readonly table: GptTable; readonly partition: GptPartition } | { readonly reason: string };

export function placeConfigDrive(current: GptTable, diskBytes: number, contentBytes: number, guid: string): ConfigDrivePlace {
  const diskBlocks = Math.floor(diskBytes / current.blockBytes);
  const kept = current.partitions.filter((partition) => partition.name !== CONFIG_DRIVE_PARTITION);
  const alignment = ALIGNMENT_BYTES / current.blockBytes;
  const blocks = Math.ceil(contentBytes / ALIGNMENT_BYTES) * alignment;
  const end = Math.floor((lastUsableLba({ ...current, diskBlocks }) + 1) / alignment) * alignment;
  const firstLba = end - blocks;
  const lowest = Math.max(firstUsableLba(current), ...kept.map((partition) => partition.lastLba + 1));
  if (firstLba < lowest)
    return {
      reason: `the config drive needs ${blocks * current.blockBytes} bytes at the end of the disk, there are ${Math.max(0, end - lowest) * current.blockBytes}`,
    };
  const used = new Set(kept.map((partition) => partition.number));
  let number = 1;
  while (used.has(number)) number += 1;
  if (number > current.entryCount) return { reason: 'the partition table is full' };
  const partition: GptPartition = {
    number,
    type: GPT_TYPE_LINUX,
    guid,
    firstLba,
    lastLba: end - 1,
    attributes: 0n,
    name: CONFIG_DRIVE_PARTITION,
  };
  return { table: { ...current, diskBlocks, partitions: [...kept, partition] }, partition };
}
