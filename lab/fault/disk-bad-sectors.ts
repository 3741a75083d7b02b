import { breakDisk, changeDisk } from './broken-disk.ts';
import type { Fault } from './fault.ts';

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
    diagnosis: 'disk-bad-sectors',
    make: (scene) => breakDisk(scene, 'bad-sectors'),
    mend: changeDisk,
  },
};
