import type { MachineSpec } from '../topology.ts';
import { wrongInstanceInfo, type Fault } from './fault.ts';

/** Smaller than any image that the lab deploys. */
const SMALL_DISK_BYTES = 16 * 1024 ** 2;

const smallDiskSerial = (machine: MachineSpec): string => `SMALL${machine.disks[0]!.serial.slice(-6)}`;

export const diskTooSmall: Fault = {
  name: 'disk-too-small',
  part: 'operator',
  does: 'a second disk of 16 MiB is in every machine, and the root device hints choose it',
  expects: 'deploy failed, the cause names the sizes; with other hints the machine becomes active',
  needsDeployment: true,
  shape: (spec) => ({
    ...spec,
    machines: spec.machines.map((machine) => ({
      ...machine,
      disks: [...machine.disks, { bus: machine.disks[0]!.bus, serial: smallDiskSerial(machine), sizeBytes: SMALL_DISK_BYTES }],
    })),
  }),
  mistake: wrongInstanceInfo(({ machine }) => ({ root_device: { serial: smallDiskSerial(machine) } }), {
    cause: /16777216 bytes/,
    advice: /bigger root disk|root device/,
  }),
};
