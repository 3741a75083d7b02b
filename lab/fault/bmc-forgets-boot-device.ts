import type { Fault } from './fault.ts';

export const bmcForgetsBootDevice: Fault = {
  name: 'bmc-forgets-boot-device',
  part: 'bmc',
  does: 'a BMC accepts a boot device and forgets it; the firmware tries the network first',
  expects: 'every machine still reaches its goal: the boot plane leads it to its disk',
  bmc: { bootDeviceLoss: 1 },
  counters: { bmc: ['bootDeviceLoss'] },
  shape: (spec) => ({ ...spec, machines: spec.machines.map((machine) => ({ ...machine, bootOrder: 'network-first' })) }),
};
