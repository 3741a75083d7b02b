import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { JsonObject } from '../../core/base/json.ts';
import type { Rack } from '../start-rack.ts';
import type { MachineSpec } from '../topology.ts';
import type { ProductClient } from './product-client.ts';

/*
 * One machine from power button to a login, as an operator walks it through the API:
 * discovered → enrolled → manageable → inspected → available → active → answers over SSH.
 */
export interface ImageChoice {
  readonly file: string;
  readonly sha256: string;
  readonly diskSizeBytes: number;
  readonly user: string;
}

export interface PhaseReport {
  readonly name: string;
  readonly seconds: number;
}

export interface MachineReport {
  readonly name: string;
  readonly firmware: string;
  readonly bmc: string;
  readonly node: string | null;
  readonly driver: string | null;
  readonly state: string;
  readonly address: string | null;
  readonly ssh: boolean;
  readonly error?: string;
  readonly phases: readonly PhaseReport[];
}

export interface WalkOptions {
  readonly rack: Rack;
  readonly product: ProductClient;
  readonly image: ImageChoice;
  readonly until: 'available' | 'deployed';
  readonly key: { readonly publicKey: string; readonly privatePath: string };
  readonly onPhase: (machine: string, phase: string) => void;
}

/** Twice the agent's own boot limit: the product's deadlines speak first, with a cause; this one only ends a broken lab. */
const PHASE_MS_MAX = 65 * 60_000;
const LOOK_EVERY_MS = 1000;
const SSH_TRY_MS = 20_000;
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

export async function walkMachine(machine: MachineSpec, options: WalkOptions): Promise<MachineReport> {
  const phases: PhaseReport[] = [];
  const seen: { node: string | null; driver: string | null; address: string | null; state: string; ssh: boolean } = {
    node: null,
    driver: null,
    address: null,
    state: 'off',
    ssh: false,
  };
  async function phase<Value>(name: string, work: () => Promise<Value>): Promise<Value> {
    options.onPhase(machine.name, name);
    const startedMs = Date.now();
    try {
      return await work();
    } finally {
      phases.push({ name, seconds: Math.round((Date.now() - startedMs) / 100) / 10 });
    }
  }
  const report = (error?: string): MachineReport => ({
    name: machine.name,
    firmware: machine.firmware,
    bmc: machine.bmc.protocols.join('+'),
    ...seen,
    ...(error === undefined ? {} : { error }),
    phases,
  });
  try {
    await walk(machine, options, phase, seen);
    return report();
  } catch (error) {
    return report((error as Error).message);
  }
}

async function walk(
  machine: MachineSpec,
  options: WalkOptions,
  phase: <Value>(name: string, work: () => Promise<Value>) => Promise<Value>,
  seen: { node: string | null; driver: string | null; address: string | null; state: string; ssh: boolean },
): Promise<void> {
  const { rack, product } = options;
  const node = await phase('discover', async () => {
    await rack.power(machine.name, 'on', 'network');
    return until(async () => {
      const { ports } = await product.get(`/ports?address=${machine.nics[0]!.mac}`);
      return ((ports as JsonObject[])[0]?.['node_uuid'] as string | undefined) ?? undefined;
    }, `${machine.name} to appear`);
  });
  seen.node = node;
  const show = async () => {
    const shown = await product.get(`/nodes/${node}`);
    seen.state = String(shown['provision_state']);
    seen.driver = String(shown['driver']);
    return shown;
  };
  const settled = (wanted: string) =>
    until(async () => {
      const shown = await show();
      if (shown['provision_state'] === wanted && shown['reservation'] === null) return true;
      if (shown['reservation'] === null && shown['last_error'] !== null)
        throw new Error(`${machine.name} is ${String(shown['provision_state'])}: ${String(shown['last_error'])}`);
      return undefined;
    }, `${machine.name} to become ${wanted}`);
  const verb = async (target: string, wanted: string, extra: object = {}) => {
    await product.send('PUT', `/nodes/${node}/states/provision`, { target, ...extra });
    await settled(wanted);
  };
  await phase('enroll', () =>
    until(async () => {
      const shown = await show();
      if (shown['last_error'] !== null) throw new Error(`${machine.name}: ${String(shown['last_error'])}`);
      return shown['reservation'] === null && Object.keys(shown['driver_info'] as JsonObject).length > 0 ? true : undefined;
    }, `${machine.name} to get its BMC user`),
  );
  await product.send('PATCH', `/nodes/${node}`, [{ op: 'add', path: '/name', value: machine.name }]);
  await phase('verify', () => verb('manage', 'manageable'));
  await phase('inspect', () => verb('inspect', 'manageable'));
  await phase('clean', () => verb('provide', 'available'));
  if (options.until === 'available') return;
  await phase('deploy', async () => {
    const { image } = options;
    const info = {
      image_source: image.file,
      image_os_hash_algo: 'sha256',
      image_os_hash_value: image.sha256,
      image_disk_size: image.diskSizeBytes,
    };
    await product.send('PATCH', `/nodes/${node}`, [{ op: 'add', path: '/instance_info', value: info }]);
    const metaData = { uuid: node, hostname: machine.name, name: machine.name, public_keys: { lab: options.key.publicKey } };
    await verb('active', 'active', { configdrive: { meta_data: metaData, user_data: '#cloud-config\n{}\n' } });
  });
  await phase('login', async () => {
    seen.address = await until(async () => {
      const { addresses } = await product.get(`/nodes/${node}/addresses`);
      const bound = (addresses as JsonObject[]).find((lease) => lease['mac'] === machine.nics[0]!.mac && lease['state'] === 'bound');
      return bound?.['ip_address'] as string | undefined;
    }, `${machine.name} to have an address`);
    const hostname = await until(() => runOverSsh(rack, seen.address!, options, 'hostname'), `${machine.name} to answer over SSH`);
    if (hostname !== machine.name) throw new Error(`${machine.name} calls itself "${hostname}": its config drive was not applied`);
    seen.ssh = true;
  });
}

async function until<Value>(look: () => Promise<Value | undefined>, what: string): Promise<Value> {
  const giveUpAt = Date.now() + PHASE_MS_MAX;
  for (;;) {
    const value = await look();
    if (value !== undefined) return value;
    if (Date.now() > giveUpAt) throw new Error(`waited ${PHASE_MS_MAX / 60_000} minutes for ${what}`);
    await pause(LOOK_EVERY_MS);
  }
}

/** Undefined while the machine does not take the login yet. */
async function runOverSsh(rack: Rack, address: string, options: WalkOptions, command: string): Promise<string | undefined> {
  const forward = await rack.forwardTcp({ hostListen: '127.0.0.1:0', insideAddress: `${address}:22` });
  try {
    const { stdout } = await promisify(execFile)(
      'ssh',
      [
        '-i',
        options.key.privatePath,
        '-p',
        String(forward.port),
        '-o',
        'StrictHostKeyChecking=no',
        '-o',
        'UserKnownHostsFile=/dev/null',
        '-o',
        'BatchMode=yes',
        '-o',
        'ConnectTimeout=10',
        '-o',
        'LogLevel=ERROR',
        `${options.image.user}@127.0.0.1`,
        command,
      ],
      { timeout: SSH_TRY_MS },
    );
    return stdout.trim();
  } catch {
    return undefined;
  } finally {
    await forward.stop();
  }
}
