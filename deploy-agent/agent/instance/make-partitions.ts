import { randomUUID } from 'node:crypto';
import {
  instancePartition,
  layOutPartitions,
  partitionBytes,
  partitionDevice,
  type InstancePartition,
} from '../../partition-layout-policy.ts';
import type { EphemeralFormat, PartitionRequest } from '../../protocol.ts';
import { AgentFailure } from '../control/agent-failure.ts';
import type { OpenDisk } from '../disks/disk.ts';
import { diskWindow } from '../disks/disk-window.ts';
import { readPartitionTable, writePartitionTable } from '../disks/partition-table.ts';
import { wipeMetadata } from '../disks/wipe.ts';
import type { StepContext } from '../steps/step.ts';

/** The place of a partition image. */
export interface InstancePlace {
  readonly root: OpenDisk;
  readonly isEphemeralKept: boolean;
  /** The file systems beside the root: made last, so that a table with them is a table whose root was verified. */
  formatOthers(): Promise<void>;
}

/** FAT labels have at most 11 characters in capitals. */
const LABELS = { efi: 'ESP', ephemeral: 'ephemeral0', swap: 'swap1' } as const;

/** A new table on the disk, all old signatures gone but those of an ephemeral partition that is kept. @throws AgentFailure disk-too-small */
export async function makePartitions(disk: OpenDisk, request: PartitionRequest, context: StepContext): Promise<InstancePlace> {
  const { device, sizeBytes: diskBytes, logicalBlockBytes: blockBytes } = disk.facts;
  const current = await readPartitionTable(disk);
  const layout = layOutPartitions({ request, bootMode: context.firmware.mode, diskBytes, blockBytes, current, newGuid: randomUUID });
  if ('reason' in layout)
    throw new AgentFailure(
      'disk-too-small',
      `${device}: ${layout.reason}`,
      undefined,
      'change root_gb, swap_mb and ephemeral_gb of instance_info',
    );
  const { table, isEphemeralKept } = layout;
  if (!isEphemeralKept) await wipeMetadata(disk);
  await writePartitionTable(disk, table);
  await disk.rereadPartitions();
  const format = async (name: InstancePartition, fileSystem: EphemeralFormat | 'swap') => {
    const partition = instancePartition(table, name);
    if (partition === undefined) return;
    await wipeMetadata(diskWindow(disk, partitionBytes(table, partition)));
    const label = fileSystem === 'vfat' ? LABELS[name as keyof typeof LABELS].toUpperCase() : LABELS[name as keyof typeof LABELS];
    await context.partitions.format(partitionDevice(device, partition.number), fileSystem, label);
  };
  return {
    root: diskWindow(disk, partitionBytes(table, instancePartition(table, 'root')!)),
    isEphemeralKept,
    async formatOthers() {
      await format('efi', 'vfat');
      await format('swap', 'swap');
      if (!isEphemeralKept) await format('ephemeral', request.ephemeralFormat);
    },
  };
}
