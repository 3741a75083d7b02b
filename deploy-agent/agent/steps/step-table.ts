import type { StepDeclaration } from '../../protocol.ts';
import { burninCpu } from './burnin-cpu.ts';
import { burninDisk } from './burnin-disk.ts';
import { burninMemory } from './burnin-memory.ts';
import { burninNetwork } from './burnin-network.ts';
import { checkDisks } from './check-disks.ts';
import { collectInventory } from './collect-inventory.ts';
import { eraseDevices, eraseDevicesMetadata } from './erase-devices.ts';
import { installBootloader } from './install-bootloader.ts';
import { installBootEntry } from './install-boot-entry.ts';
import { putBmcUser } from './put-bmc-user.ts';
import type { Step } from './step.ts';
import { applyConfiguration, createConfiguration, deleteConfiguration } from './raid-configuration.ts';
import { runScripts } from './run-scripts.ts';
import { startRescue } from './start-rescue.ts';
import { syncAndStop } from './sync-and-stop.ts';
import { writeConfigdrive } from './write-configdrive.ts';
import { writeImage } from './write-image.ts';

/** Every step by its name on the wire. */
export const STEPS: ReadonlyMap<string, Step> = new Map<string, Step>([
  ['collect_inventory', collectInventory],
  ['put_bmc_user', putBmcUser],
  ['erase_devices_metadata', eraseDevicesMetadata],
  ['erase_devices', eraseDevices],
  ['burnin_cpu', burninCpu],
  ['burnin_memory', burninMemory],
  ['burnin_network', burninNetwork],
  ['check_disks', checkDisks],
  ['create_configuration', createConfiguration],
  ['apply_configuration', applyConfiguration],
  ['delete_configuration', deleteConfiguration],
  ['run_scripts', runScripts((name) => STEPS.get(name))],
  ['burnin_disk', burninDisk],
  ['write_image', writeImage],
  ['write_configdrive', writeConfigdrive],
  ['install_bootloader', installBootloader],
  ['install_boot_entry', installBootEntry],
  ['start_rescue', startRescue],
  ['sync_and_stop', syncAndStop],
]);

export const STEP_DECLARATIONS: readonly StepDeclaration[] = [...STEPS.values()].flatMap((step) => step.declarations);
