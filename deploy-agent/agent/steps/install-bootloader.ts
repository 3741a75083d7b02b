import type { Json } from '../../../core/base/json.ts';
import { instancePartition, partitionDevice } from '../../partition-layout-policy.ts';
import type { InstallBootloaderArgs } from '../../protocol.ts';
import { AgentFailure } from '../control/agent-failure.ts';
import { readPartitionTable } from '../disks/partition-table.ts';
import { requirePlannedDisk } from './require-disk.ts';
import type { Step } from './step.ts';

/** After a partition image: the instance's own GRUB makes the disk boot. Whole disks bring their loader with them. */
export const installBootloader: Step = {
  declarations: [
    {
      phase: 'deploy',
      interface: 'deploy',
      step: 'install_bootloader',
      priority: 50,
      abortable: true,
      rebootRequested: false,
      argsinfo: { disk: { description: 'The planned disk: serial, size and WWN', required: true } },
    },
  ],
  async run(args, context): Promise<Json> {
    const { disk: planned } = args as unknown as InstallBootloaderArgs;
    const facts = await requirePlannedDisk(context.disks, planned);
    const disk = await context.disks.open(facts);
    const table = await readPartitionTable(disk).finally(() => disk.close());
    const deviceOf = (name: 'root' | 'efi') => {
      const partition = table === undefined ? undefined : instancePartition(table, name);
      if (partition === undefined) throw new AgentFailure('image-format', `${facts.device} has no ${name} partition of a partition image`);
      return partitionDevice(facts.device, partition.number);
    };
    const efi = context.firmware.mode === 'uefi' ? deviceOf('efi') : undefined;
    context.progress({ phase: `installing the boot loader on ${facts.device}`, done: 0, unit: 'steps' });
    const { command } = await context.partitions.installLoader({ disk: facts.device, root: deviceOf('root'), efi, signal: context.signal });
    return { device: facts.device, command };
  },
};
