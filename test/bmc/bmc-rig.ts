import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { systemClock } from '../../core/base/clock.ts';
import { silentLogger } from '../../core/base/logger.ts';
import type { MachineEvent } from '../../core/base/machine-event.ts';
import { systemRandom } from '../../core/base/random.ts';
import { Secret } from '../../core/base/secret.ts';
import type { WebSource } from '../../core/transfer/web-source.ts';
import { createBmcConnector, type BmcConnector } from '../../bmc/connect-bmc.ts';
import type { BmcAddress } from '../../bmc/capability.ts';
import { startEmulatedBmc, type EmulatedBmc, type EmulatedBmcSettings } from '../../lab/bmc/emulated-bmc.ts';
import { createSimulatedMachine, type SimulatedMachine } from '../../lab/bmc/simulated-machine.ts';

/** What the BMC tests share: an emulated BMC on free ports, a connector that keeps its events, and foreign programs. */
export const IDENTITY = {
  uuid: '8d7f3c1e-5a42-4b6e-9c11-0a1b2c3d4e5f',
  manufacturer: 'Rackwright',
  product: 'LabServer',
  serial: 'SN-42',
  boardSerial: 'BSN-42',
  assetTag: 'RACK1-U07',
  macs: ['52:54:00:77:00:01', '52:54:00:77:00:02'],
};
export const USERNAME = 'admin';
export const PASSWORD = 'Sixteen-byte-pw!';

export interface Rig {
  readonly bmc: EmulatedBmc;
  readonly machine: SimulatedMachine;
  readonly events: MachineEvent[];
}

export async function startRig(
  protocols: readonly ('ipmi' | 'redfish')[] = ['ipmi', 'redfish'],
  more: Partial<EmulatedBmcSettings> = {},
): Promise<Rig> {
  const machine = createSimulatedMachine({ name: 'node-1' });
  const events: MachineEvent[] = [];
  const bmc = await startEmulatedBmc({
    name: 'node-1',
    address: '127.0.0.1',
    ipmiPort: 0,
    redfishPort: 0,
    protocols,
    username: USERNAME,
    password: PASSWORD,
    identity: IDENTITY,
    machine,
    recordEvent: (event) => void events.push(event),
    ...more,
  });
  return { bmc, machine, events };
}

export function startConnector(more: { web?: WebSource } = {}): { connector: BmcConnector; events: MachineEvent[] } {
  const events: MachineEvent[] = [];
  const connector = createBmcConnector({
    logger: silentLogger,
    clock: systemClock,
    random: systemRandom,
    recordEvent: (event) => void events.push(event),
    ...more,
  });
  return { connector, events };
}

export const ipmiAddress = (port: number, more: Partial<BmcAddress> = {}): BmcAddress => ({
  protocol: 'ipmi',
  host: '127.0.0.1',
  port,
  username: USERNAME,
  password: new Secret(PASSWORD),
  ...more,
});

export const redfishAddress = (port: number, more: Partial<BmcAddress> = {}): BmcAddress => ({
  ...ipmiAddress(port),
  protocol: 'redfish',
  trust: false,
  ...more,
});

/** Generous: the machine that runs the tests may be busy with others. */
export const soon = (): AbortSignal => AbortSignal.timeout(60_000);

const execute = promisify(execFile);

/** Standard output of a foreign program; its error output is part of the error when it fails. */
export async function run(program: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<string> {
  const { stdout } = await execute(program, [...args], { timeout: 60_000, env: { ...process.env, ...env } });
  return stdout;
}
