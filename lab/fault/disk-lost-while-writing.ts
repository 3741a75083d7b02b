import { breakDisk, changeDisk } from './broken-disk.ts';
import type { Fault } from './fault.ts';

export const diskLostWhileWriting: Fault = {
  name: 'disk-lost-while-writing',
  part: 'machine',
  does: 'the first disk is pulled out while it is written, as a virtio or NVMe disk behind a slot',
  expects: 'deploy failed, the cause is that it vanished and the advice an inspection; once it is back the machine becomes active',
  needsDeployment: true,
  // What hangs on an emulated SATA port can not be pulled out.
  shape: (spec) => ({
    ...spec,
    machines: spec.machines.map((machine) => ({
      ...machine,
      disks: machine.disks.map((disk) => (disk.bus === 'ahci' ? { ...disk, bus: 'virtio' } : disk)),
    })),
  }),
  mistake: {
    before: 'deploy',
    state: 'deploy failed',
    cause: /vanished while it was in use/,
    advice: /inspect the machine again/i,
    diagnosis: 'disk-vanished',
    make: (scene) => breakDisk(scene, 'lost-when-written'),
    mend: changeDisk,
  },
};
