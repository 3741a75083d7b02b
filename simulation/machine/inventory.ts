import type { Inventory, StepDeclaration } from '../../deploy-agent/protocol.ts';
import { isTroubled, meets, type World } from '../world/world.ts';
import type { Machine } from './machine.ts';

/** What the agent of a simulated machine sees. */
export const inventoryOf = (world: World, machine: Machine): Inventory => ({
  system: {
    uuid: `51000000-0000-4000-8000-${machine.mac.replaceAll(':', '')}`,
    manufacturer: 'Simulated',
    product: 'S1',
    serial: machine.name,
  },
  boot: { firmwareMode: machine.platform === 'efi' ? 'uefi' : 'bios', order: [] },
  cpu: { model: 'simulated', architecture: 'x86_64', sockets: 1, cores: 8, threads: 16, flags: [] },
  numaNodes: [],
  memory: { totalBytes: 64 * 2 ** 30, dimms: [] },
  pci: [],
  disks: isTroubled(world, 'disk-vanished') && meets(world, 'disk-vanished') ? [] : [diskOf(machine)],
  nics: [
    {
      name: 'eth0',
      mac: machine.mac,
      hasCarrier: true,
      lldp: {
        chassisId: '02:00:00:ff:00:01',
        portId: meets(world, 'nic-wrong-port') ? 'Ethernet1/40' : 'Ethernet1/4',
        systemName: 'leaf-1',
      },
    },
  ],
  bmc: { ipAddress: machine.bmcHost, channel: 1 },
});

const diskOf = ({ disk }: Machine): Inventory['disks'][number] => ({
  name: 'sda',
  device: '/dev/sda',
  sizeBytes: disk.sizeBytes,
  serial: disk.serial,
  rotational: false,
  bus: 'sata',
  logicalBlockBytes: 512,
  canDiscard: true,
});

const declare = (phase: StepDeclaration['phase'], step: StepDeclaration['step'], priority: number): StepDeclaration => ({
  phase,
  interface: 'deploy',
  step,
  priority,
  abortable: phase === 'clean',
  rebootRequested: false,
  argsinfo: {},
});

/** Those of the agent that run by themselves, with its own priorities. */
export const DECLARED_STEPS: readonly StepDeclaration[] = [
  declare('clean', 'erase_devices_metadata', 10),
  declare('deploy', 'write_image', 80),
  declare('deploy', 'write_configdrive', 60),
  declare('deploy', 'install_bootloader', 50),
  declare('deploy', 'install_boot_entry', 40),
  declare('deploy', 'sync_and_stop', 30),
];
