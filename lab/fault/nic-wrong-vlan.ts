import { DEFAULT_VLAN } from '../switch/leaf-switch.ts';
import { type Fault, switchOff } from './fault.ts';

/** Nobody else is in it. */
const LONELY_VLAN = 666;

export const nicWrongVlan: Fault = {
  name: 'nic-wrong-vlan',
  part: 'machine',
  does: 'the switch port of the first NIC is in a VLAN without a boot server',
  expects:
    'inspect failed, the cause is that nothing could be booted, and explain advises to compare the VLANs; in the right one it goes on',
  mistake: {
    before: 'inspect',
    state: 'inspect failed',
    cause: /found nothing to boot/i,
    advice: /switch port/i,
    diagnosis: 'nic-wrong-vlan',
    async make(scene) {
      const { rack, machine, product, node } = scene;
      await switchOff(scene);
      await rack.setVlan(machine.name, 0, LONELY_VLAN, 'untagged');
      // What a firmware makes of a silent network it says on its screen only.
      await product.send('PUT', `/nodes/${node}/states/console`, { enabled: true });
    },
    async mend({ rack, machine, product, node }) {
      await rack.setVlan(machine.name, 0, DEFAULT_VLAN, 'untagged');
      await product.send('PUT', `/nodes/${node}/states/console`, { enabled: false });
    },
  },
};
