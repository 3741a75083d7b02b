import assert from 'node:assert/strict';
import { systemClock } from '../../core/base/clock.ts';
import { seededRandom } from '../../core/base/random.ts';
import type { BmcDevice } from '../../deploy-agent/agent/bmc/bmc-device.ts';
import { ControlPlaneClient } from '../../deploy-agent/agent/control/control-plane-client.ts';
import { LogShipper } from '../../deploy-agent/agent/control/log-shipper.ts';
import { ReportJournal } from '../../deploy-agent/agent/control/report-journal.ts';
import { Session, type SessionEnd } from '../../deploy-agent/agent/control/session.ts';
import type { Disks } from '../../deploy-agent/agent/disks/disk.ts';
import type { Firmware } from '../../deploy-agent/agent/firmware/firmware.ts';
import type { PartitionHost } from '../../deploy-agent/agent/instance/partition-host.ts';
import type { Inventory } from '../../deploy-agent/protocol.ts';
import { BOOT_TOKEN, type FakeControlPlane } from './fake-control-plane.ts';

/** A machine without hardware: what the agent would find in it, and the agent's session running in this process. */
export const EMPTY_INVENTORY: Inventory = {
  system: { serial: 'SN1', manufacturer: 'Test', product: 'Machine' },
  boot: { firmwareMode: 'bios', order: [] },
  cpu: { model: 'none', architecture: 'x86_64', sockets: 1, cores: 1, threads: 1, flags: [] },
  numaNodes: [],
  memory: { totalBytes: 2 ** 30, dimms: [] },
  pci: [],
  disks: [],
  nics: [{ name: 'eth0', mac: '52:54:00:00:00:01', hasCarrier: true }],
};

export class FakeFirmware implements Firmware {
  readonly mode: 'bios' | 'uefi';
  readonly variables = new Map<string, Buffer>();
  constructor(mode: 'bios' | 'uefi') {
    this.mode = mode;
  }
  variableNames(): readonly string[] {
    return [...this.variables.keys()].sort();
  }
  read(name: string): Buffer | undefined {
    return this.variables.get(name);
  }
  write(name: string, value: Buffer): void {
    this.variables.set(name, value);
  }
  remove(name: string): void {
    this.variables.delete(name);
  }
}

export const noPartitions: PartitionHost = {
  format: async () => assert.fail('no test expects a file system'),
  installLoader: async () => assert.fail('no test expects a boot loader'),
};

export interface MachineOptions {
  readonly controlPlane: FakeControlPlane;
  readonly journalFile: string;
  readonly disks: Disks;
  readonly firmware?: Firmware;
  readonly partitions?: PartitionHost;
  readonly bmc?: BmcDevice;
  readonly imageBase?: URL;
  readonly pin?: string;
}

export interface RunningMachine {
  readonly ended: Promise<SessionEnd>;
  readonly printed: string[];
  /** Pulls the plug. */
  close(): void;
}

export function startMachine(options: MachineOptions): RunningMachine {
  const { controlPlane } = options;
  const printed: string[] = [];
  const client = new ControlPlaneClient(controlPlane.url, options.pin ?? controlPlane.identity.pin, BOOT_TOKEN);
  const plug = new AbortController();
  const session = new Session({
    signal: plug.signal,
    client,
    clock: systemClock,
    random: seededRandom(1),
    logs: new LogShipper(systemClock, (text) => printed.push(text)),
    journal: new ReportJournal(options.journalFile),
    agentVersion: 'test',
    bootMac: '52:54:00:00:00:01',
    stepContext: {
      disks: options.disks,
      firmware: options.firmware ?? new FakeFirmware('bios'),
      partitions: options.partitions ?? noPartitions,
      openBmc: () => Promise.resolve(options.bmc),
      collectInventory: async () => ({ ...EMPTY_INVENTORY, disks: await options.disks.list() }),
      imageUrl: (url) => new URL(url, options.imageBase),
    },
  });
  const ended = session.run();
  ended.catch(() => {});
  const close = () => {
    plug.abort(new Error('the plug was pulled'));
    client.close();
  };
  return { ended, printed, close };
}
