import {
  firstUsableLba,
  GPT_TYPE_BIOS_BOOT,
  GPT_TYPE_EFI_SYSTEM,
  GPT_TYPE_LINUX,
  GPT_TYPE_LINUX_SWAP,
  type GptPartition,
  type GptTable,
  lastUsableLba,
} from './gpt-codec.ts';
import type { PartitionRequest } from './protocol.ts';

/*
 * The partitions around an image that is one file system. In order:
 *   efi or bios   by how the machine boots
 *   ephemeral     kept where it is when a rebuild asks for that
 *   swap
 *   root          the image; without a size of its own all that is left, but for the room of a config drive at the end
 */
const MIB = 2 ** 20;
/** FAT32 has at least 65,525 clusters; firmware updates of vendors want more than 200 MiB. */
const EFI_MIB = 550;
/** GRUB's core is some 30 KiB in an embedding area. */
const BIOS_MIB = 1;
/** The Bare Metal API's limit for a config drive, and its alignment. */
const CONFIG_DRIVE_MIB = 65;
const ENTRY_COUNT = 128;

export type InstancePartition = 'efi' | 'bios' | 'ephemeral' | 'swap' | 'root';
const TYPES: Readonly<Record<InstancePartition, string>> = {
  efi: GPT_TYPE_EFI_SYSTEM,
  bios: GPT_TYPE_BIOS_BOOT,
  ephemeral: GPT_TYPE_LINUX,
  swap: GPT_TYPE_LINUX_SWAP,
  root: GPT_TYPE_LINUX,
};

export interface PartitionLayout {
  readonly table: GptTable;
  /** The ephemeral partition is the one that was there, with what is in it. */
  readonly isEphemeralKept: boolean;
}

export interface LayoutRequest {
  readonly request: PartitionRequest;
  readonly bootMode: 'bios' | 'uefi';
  readonly diskBytes: number;
  readonly blockBytes: number;
  /** What is on the disk. */
  readonly current: GptTable | undefined;
  readonly newGuid: () => string;
}

export const instancePartition = (table: GptTable, name: InstancePartition): GptPartition | undefined =>
  table.partitions.find((partition) => partition.name === name && partition.type === TYPES[name]);

export const partitionBytes = (table: GptTable, { firstLba, lastLba }: GptPartition) => ({
  offset: firstLba * table.blockBytes,
  length: (lastLba - firstLba + 1) * table.blockBytes,
});

/** `/dev/sda` and 2 are `/dev/sda2`; names that end in a digit get a `p` between. */
export const partitionDevice = (device: string, number: number): string => `${device}${/\d$/.test(device) ? 'p' : ''}${number}`;

export function layOutPartitions(wanted: LayoutRequest): PartitionLayout | { readonly reason: string } {
  const { request, bootMode, diskBytes, blockBytes, current, newGuid } = wanted;
  const blank: GptTable = {
    diskGuid: newGuid(),
    blockBytes,
    diskBlocks: Math.floor(diskBytes / blockBytes),
    entryCount: ENTRY_COUNT,
    partitions: [],
  };
  const perMib = MIB / blockBytes;
  const begin = Math.ceil(firstUsableLba(blank) / perMib);
  const end = Math.floor((lastUsableLba(blank) + 1) / perMib);
  const fixed: [InstancePartition, number][] = [
    bootMode === 'uefi' ? ['efi', EFI_MIB] : ['bios', BIOS_MIB],
    ['ephemeral', request.ephemeralMib],
    ['swap', request.swapMib],
  ];
  const before = begin + fixed.reduce((sum, [, mib]) => sum + mib, 0);
  const rootMib = request.rootMib ?? end - CONFIG_DRIVE_MIB - before;
  if (rootMib < 1 || before + rootMib > end)
    return {
      reason: `the partitions need ${before + Math.max(1, rootMib)} MiB (${fixed.map(([name, mib]) => `${name} ${mib}`).join(', ')}, root ${request.rootMib ?? 'the rest'}), the disk has ${end}`,
    };
  let at = begin;
  const partitions = [...fixed, ['root', rootMib] as const]
    .filter(([, mib]) => mib > 0)
    .map(([name, mib], index): GptPartition => {
      const firstLba = at * perMib;
      at += mib;
      return { number: index + 1, type: TYPES[name], guid: newGuid(), firstLba, lastLba: at * perMib - 1, attributes: 0n, name };
    });
  const table = { ...blank, partitions };
  if (!request.preserveEphemeral || request.ephemeralMib === 0) return { table, isEphemeralKept: false };
  return keepEphemeral(table, current);
}

/** @returns a reason when there is one that is elsewhere: writing around it would destroy what should be preserved. */
function keepEphemeral(table: GptTable, current: GptTable | undefined): PartitionLayout | { readonly reason: string } {
  const there = current === undefined ? undefined : instancePartition(current, 'ephemeral');
  if (there === undefined) return { table, isEphemeralKept: false };
  const ours = instancePartition(table, 'ephemeral')!;
  if (there.firstLba !== ours.firstLba || there.lastLba !== ours.lastLba)
    return {
      reason: `the ephemeral partition to be preserved is at blocks ${there.firstLba} to ${there.lastLba}, these sizes and this boot mode would put it at ${ours.firstLba} to ${ours.lastLba}`,
    };
  const kept = table.partitions.map((partition) => (partition === ours ? { ...there, number: ours.number } : partition));
  return { table: { ...table, partitions: kept }, isEphemeralKept: true };
}
