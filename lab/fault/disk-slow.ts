import { breakDisk } from './broken-disk.ts';
import type { Fault } from './fault.ts';

export const diskSlow: Fault = {
  name: 'disk-slow',
  part: 'machine',
  does: 'the first disk takes one megabyte a second',
  expects: 'the machine becomes active, and explain says that its disk is slow',
  needsDeployment: true,
  mistake: {
    before: 'deploy',
    state: 'active',
    diagnosis: 'disk-slow',
    make: (scene) => breakDisk(scene, 'slow'),
    mend: ({ rack, machine }) => rack.setDisk(machine.name, 0, 'good'),
  },
};
