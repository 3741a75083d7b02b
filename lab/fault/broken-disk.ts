import type { DiskState } from '../machine/qemu-command.ts';
import { type MistakeScene, setInstanceInfo, switchOff } from './fault.ts';

/** The machine's first disk is so from its next power-on. */
export async function breakDisk(scene: MistakeScene, state: DiskState): Promise<void> {
  await switchOff(scene);
  await scene.rack.setDisk(scene.machine.name, 0, state);
  await setInstanceInfo(scene, scene.instanceInfo);
}

/** Disks are changed while the machine is off. */
export async function changeDisk(scene: MistakeScene): Promise<void> {
  await scene.rack.setDisk(scene.machine.name, 0, 'good');
  await switchOff(scene);
}
