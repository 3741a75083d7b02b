import { type Fault, switchOff } from './fault.ts';

export const nicWrongPort: Fault = {
  name: 'nic-wrong-port',
  part: 'machine',
  does: 'the cable of the first NIC is in another port of the switch than at the inspection',
  expects: 'the machine becomes active, and explain names both ports',
  needsDeployment: true,
  mistake: {
    before: 'deploy',
    state: 'active',
    diagnosis: 'nic-wrong-port',
    async make(scene) {
      await switchOff(scene);
      await scene.rack.plug(scene.machine.name, 0, scene.rack.spec.leaf.sparePort);
    },
    mend: ({ rack, machine }) => rack.plug(machine.name, 0, machine.nics[0]!.switchPort),
  },
};
