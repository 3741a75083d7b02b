import { breakDisk, changeDisk } from './broken-disk.ts';
import { type Fault, undeploy } from './fault.ts';

export const diskVanished: Fault = {
  name: 'disk-vanished',
  part: 'machine',
  does: 'the first disk is not there any more at the next power-on',
  expects: 'deploy failed, the cause is the missing disk and the advice an inspection; once it is back the machine becomes active',
  needsDeployment: true,
  mistake: {
    before: 'deploy',
    state: 'deploy failed',
    cause: /no disk/,
    advice: /inspect the machine again/i,
    diagnosis: 'disk-vanished',
    make: (scene) => breakDisk(scene, 'vanished'),
    // The last inspection has no disk, so none can be planned for: the next boot looks again.
    async mend(scene) {
      await changeDisk(scene);
      await undeploy(scene);
    },
  },
};
