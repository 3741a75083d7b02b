import { setTimeout as pause } from 'node:timers/promises';
import { type Fault, setInstanceInfo } from './fault.ts';

const LOOK_EVERY_MS = 500;

export const diskBadSectors: Fault = {
  name: 'disk-bad-sectors',
  part: 'machine',
  does: 'writes to a sector of the first disk’s first partition fail',
  expects: 'deploy failed, the cause is an I/O error and the advice another disk; with a good one the machine becomes active',
  needsDeployment: true,
  mistake: {
    before: 'deploy',
    state: 'deploy failed',
    cause: /EIO|i\/o error/i,
    advice: /replace the disk/i,
    make: async (scene) => {
      await scene.rack.setDisk(scene.machine.name, 0, 'bad-sectors');
      await setInstanceInfo(scene, scene.instanceInfo);
    },
    async mend({ rack, machine, product, node }) {
      await rack.setDisk(machine.name, 0, 'good');
      // Disks are changed while the machine is off.
      await product.send('PUT', `/nodes/${node}/states/power`, { target: 'power off' });
      while ((await product.get(`/nodes/${node}`))['power_state'] !== 'power off') await pause(LOOK_EVERY_MS);
    },
  },
};
