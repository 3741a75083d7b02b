import type { Json } from '../../../core/base/json.ts';
import { isMalformed } from '../../../core/base/malformed.ts';
import { GPT_TYPE_EFI_SYSTEM } from '../../gpt-codec.ts';
import type { InstallBootEntryArgs } from '../../protocol.ts';
import { AgentFailure } from '../control/agent-failure.ts';
import { readPartitionTable } from '../disks/partition-table.ts';
import { bootOptionName, decodeBootOption, decodeBootOrder, encodeBootOrder, encodeLoaderOption } from '../firmware/boot-option-codec.ts';
import type { Firmware } from '../firmware/firmware.ts';
import { requirePlannedDisk } from './require-disk.ts';
import type { Step } from './step.ts';

/** UEFI: our entry for the disk's loader goes first, and the one of an earlier deployment goes away. BIOS boots by disk. */
const DEFAULT_LOADER = '\\EFI\\BOOT\\BOOTX64.EFI';
const DEFAULT_LABEL = 'Rackwright';

function removeOldEntries(firmware: Firmware, label: string): void {
  for (const name of firmware.variableNames()) {
    if (!/^Boot[0-9A-F]{4}$/.test(name)) continue;
    const option = decodeBootOption(firmware.read(name) ?? Buffer.alloc(0));
    if (!isMalformed(option) && option.description === label) firmware.remove(name);
  }
}

export const installBootEntry: Step = {
  declarations: [
    {
      phase: 'deploy',
      interface: 'deploy',
      step: 'install_boot_entry',
      priority: 40,
      abortable: true,
      rebootRequested: false,
      argsinfo: {
        disk: { description: 'The planned disk: serial, size and WWN', required: true },
        loader: { description: `Path of the loader on the EFI system partition; ${DEFAULT_LOADER} by default`, required: false },
        label: { description: `Name of the boot entry; ${DEFAULT_LABEL} by default`, required: false },
      },
    },
  ],
  async run(args, context): Promise<Json> {
    const { disk: planned, loader = DEFAULT_LOADER, label = DEFAULT_LABEL } = args as unknown as InstallBootEntryArgs;
    const facts = await requirePlannedDisk(context.disks, planned);
    if (context.firmware.mode === 'bios') return { status: 'skipped', reason: 'this machine booted by BIOS' };
    const disk = await context.disks.open(facts);
    const table = await readPartitionTable(disk).finally(() => disk.close());
    const system = table?.partitions.find((partition) => partition.type === GPT_TYPE_EFI_SYSTEM);
    if (!system)
      throw new AgentFailure(
        'image-format',
        `${facts.device} has no EFI system partition, and this machine boots by UEFI`,
        undefined,
        'deploy an image that boots by UEFI, or set the boot mode of the machine to BIOS',
      );
    removeOldEntries(context.firmware, label);
    const taken = new Set(context.firmware.variableNames());
    let number = 0;
    while (taken.has(bootOptionName(number))) number += 1;
    const partition = { number: system.number, firstLba: system.firstLba, blocks: system.lastLba - system.firstLba + 1, guid: system.guid };
    context.firmware.write(bootOptionName(number), encodeLoaderOption({ description: label, loader, partition }));
    const others = decodeBootOrder(context.firmware.read('BootOrder')).filter(
      (other) => other !== number && taken.has(bootOptionName(other)),
    );
    context.firmware.write('BootOrder', encodeBootOrder([number, ...others]));
    return { status: 'installed', entry: bootOptionName(number), loader };
  },
};
