import { join } from 'node:path';
import type { Clock } from '../../core/base/clock.ts';
import { startEmulatedBmc, type EmulatedBmc } from '../bmc/emulated-bmc.ts';
import type { MachineBoot } from '../bmc/machine-control.ts';
import { createBootSlots, type BootSlots } from '../machine/boot-slots.ts';
import { createQemuMachine, type QemuMachine } from '../machine/qemu-machine.ts';
import type { MachineSpec } from '../topology.ts';
import { seededRandom } from '../../core/base/random.ts';
import { createConsoleLines } from './console-lines.ts';
import type { RackFabric } from './rack-fabric.ts';
import type { RackConfig, RackEvent } from './rack-message.ts';

/** Every machine of the rack with the BMC in front of it. */
export interface RackMachine {
  readonly spec: MachineSpec;
  readonly machine: QemuMachine;
  readonly bmc: EmulatedBmc;
}

export interface RackMachinesSettings {
  readonly config: RackConfig;
  readonly fabric: RackFabric;
  readonly clock: Clock;
  readonly emit: (event: RackEvent) => void;
}

const NO_OVERRIDE: MachineBoot = { device: 'none', persistent: false };

async function startMachine(settings: RackMachinesSettings, index: number, slots: BootSlots): Promise<RackMachine> {
  const { config, fabric, clock, emit } = settings;
  const spec = config.spec.machines[index]!;
  const { bmc: bmcSpec, identity } = spec;
  // Assigned once the machine, which asks it, is there.
  const front: { bmc?: EmulatedBmc } = {};
  const machine = await createQemuMachine({
    spec,
    directory: join(config.runDirectory, 'machines', spec.name),
    socketDirectory: config.socketDirectory,
    nicSockets: fabric.nicSockets(spec),
    slots,
    clock,
    nextBoot: () => front.bmc?.state.nextBoot() ?? NO_OVERRIDE,
    report: (kind, message) => {
      const atMs = clock.nowMs();
      const severity = kind === 'machine.failed' ? 'error' : 'info';
      const about = { bmcAddress: bmcSpec.address, mac: spec.nics[0]!.mac };
      emit({ kind: 'machine-event', atMs, machine: spec.name, event: { atMs, source: 'lab', kind, severity, message, machine: about } });
    },
  });
  machine.onPowerChange((state) => emit({ kind: 'power', atMs: clock.nowMs(), machine: spec.name, state }));
  machine.console.onData(createConsoleLines((line) => emit({ kind: 'console', atMs: clock.nowMs(), machine: spec.name, line })));
  const bmc = await startEmulatedBmc({
    name: spec.name,
    address: bmcSpec.address,
    protocols: bmcSpec.protocols,
    username: bmcSpec.username,
    password: bmcSpec.password,
    identity: {
      ...identity,
      macs: spec.nics.map((nic) => nic.mac),
      bmcMac: bmcSpec.mac,
      threads: spec.cpus,
      memoryGib: spec.memoryMib / 1024,
    },
    machine,
    clock,
    ...(config.faults.bmc === undefined ? {} : { faults: config.faults.bmc, faultRandom: seededRandom(config.spec.seed + index) }),
    recordEvent: (event) => emit({ kind: 'machine-event', atMs: event.atMs, machine: spec.name, event }),
  });
  front.bmc = bmc;
  return { spec, machine, bmc };
}

export async function startMachines(settings: RackMachinesSettings): Promise<ReadonlyMap<string, RackMachine>> {
  const { spec } = settings.config;
  const slots = createBootSlots(spec.bootsAtOnce);
  const started = await Promise.all(spec.machines.map((_each, index) => startMachine(settings, index, slots)));
  return new Map(started.map((each) => [each.spec.name, each]));
}
