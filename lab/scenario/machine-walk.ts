import type { JsonObject } from '../../core/base/json.ts';
import { setInstanceInfo, type Fault, type Mistake, type MistakeScene } from '../fault/fault.ts';
import type { FaultBook } from '../fault/fault-book.ts';
import type { Rack } from '../start-rack.ts';
import { DEFAULT_VLAN } from '../switch/leaf-switch.ts';
import { bootsByMedia, type BootWay, type MachineSpec } from '../topology.ts';
import type { ProductClient } from './product-client.ts';
import { runOverSsh } from './ssh-login.ts';

/*
 * One machine from power button to a login, as an operator walks it through the API:
 * discovered → enrolled → manageable → inspected → available → active → answers over SSH.
 */
export interface ImageChoice {
  readonly file: string;
  readonly sha256: string;
  readonly diskSizeBytes: number;
  readonly user: string;
  /** A file system, not a disk. */
  readonly isPartition: boolean;
}

export interface PhaseReport {
  readonly name: string;
  readonly seconds: number;
  readonly startedAt: string;
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
  readonly boot: BootWay;
  readonly key: { readonly publicKey: string; readonly privatePath: string };
  readonly onPhase: (machine: string, phase: string) => void;
  readonly faults: readonly Fault[];
  readonly book: FaultBook;
}

/** What is known of the machine so far. */
interface Seen {
  node: string | null;
  driver: string | null;
  address: string | null;
  state: string;
  ssh: boolean;
}

type RunPhase = <Value>(name: string, work: () => Promise<Value>) => Promise<Value>;

/** Twice the agent's own boot limit: the product's deadlines speak first, with a cause; this one only ends a broken lab. */
const PHASE_MS_MAX = 65 * 60_000;
const LOOK_EVERY_MS = 1000;
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

export async function walkMachine(machine: MachineSpec, options: WalkOptions): Promise<MachineReport> {
  const phases: PhaseReport[] = [];
  const seen: Seen = { node: null, driver: null, address: null, state: 'off', ssh: false };
  const phase: RunPhase = async (name, work) => {
    options.onPhase(machine.name, name);
    const startedMs = Date.now();
    try {
      return await work();
    } finally {
      const seconds = Math.round((Date.now() - startedMs) / 100) / 10;
      phases.push({ name, seconds, startedAt: new Date(startedMs).toISOString() });
    }
  };
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

/** The node behind the machine, and what can be done with it. */
interface NodeHandle {
  readonly uuid: string;
  show(): Promise<JsonObject>;
  /** Resolves with the node when no flow works on it any more. */
  idle(): Promise<JsonObject>;
  /** Ends in the wanted state, or throws with the node's own words. */
  verb(target: string, wanted: string, extra?: object): Promise<void>;
}

function openNode(machine: MachineSpec, uuid: string, product: ProductClient, seen: Seen): NodeHandle {
  const show = async () => {
    const shown = await product.get(`/nodes/${uuid}`);
    seen.state = String(shown['provision_state']);
    seen.driver = String(shown['driver']);
    return shown;
  };
  const idle = (what = `${machine.name} to come to rest`) =>
    until(async () => {
      const shown = await show();
      return shown['reservation'] === null ? shown : undefined;
    }, what);
  return {
    uuid,
    show,
    idle,
    async verb(target, wanted, extra = {}) {
      await product.send('PUT', `/nodes/${uuid}/states/provision`, { target, ...extra });
      const shown = await idle(`${machine.name} to become ${wanted}`);
      if (shown['provision_state'] === wanted) return;
      throw new Error(`${machine.name} is ${String(shown['provision_state'])}: ${String(shown['last_error'])}`);
    },
  };
}

/** Nobody knows the machine: its network boot starts the agent, which makes a BMC user. */
async function discover(machine: MachineSpec, { rack, product }: WalkOptions, phase: RunPhase, seen: Seen): Promise<NodeHandle> {
  const uuid = await phase('discover', async () => {
    await rack.power(machine.name, 'on', 'network');
    return until(async () => {
      const { ports } = await product.get(`/ports/detail?address=${machine.nics[0]!.mac}`);
      return ((ports as JsonObject[])[0]?.['node_uuid'] as string | undefined) ?? undefined;
    }, `${machine.name} to appear`);
  });
  seen.node = uuid;
  const node = openNode(machine, uuid, product, seen);
  await phase('enroll', () =>
    until(async () => {
      const shown = await node.show();
      if (shown['last_error'] !== null) throw new Error(`${machine.name}: ${String(shown['last_error'])}`);
      return shown['reservation'] === null && Object.keys(shown['driver_info'] as JsonObject).length > 0 ? true : undefined;
    }, `${machine.name} to get its BMC user`),
  );
  return node;
}

/** The provisioning network without DHCP: the n-th machine has the n-th address after this one. */
const FIRST_STATIC_HOST = 20;

const numberOf = ({ name }: MachineSpec) => Number(name.split('-').at(-1));
/** Every second machine without DHCP is in a port that has the provisioning network with its tag alone. */
const isTagged = (machine: MachineSpec) => numberOf(machine) % 2 === 0;

const staticNetwork = (machine: MachineSpec): JsonObject => ({
  links: [
    { id: 'eth0', type: 'phy', ethernet_mac_address: machine.nics[0]!.mac },
    ...(isTagged(machine)
      ? [{ id: 'tagged', type: 'vlan', vlan_link: 'eth0', vlan_id: DEFAULT_VLAN, vlan_mac_address: machine.nics[0]!.mac }]
      : []),
  ],
  networks: [
    {
      id: 'provisioning',
      link: isTagged(machine) ? 'tagged' : 'eth0',
      type: 'ipv4',
      ip_address: `10.77.0.${FIRST_STATIC_HOST + numberOf(machine)}`,
      netmask: '255.255.255.0',
      routes: [{ network: '0.0.0.0', netmask: '0.0.0.0', gateway: '10.77.0.1' }],
    },
  ],
  services: [{ type: 'dns', address: '10.77.0.1' }],
});

/** The machine's papers say who it is. With virtual media its BMC is told to start the agent from them, and the network boots nothing. */
const declare = (machine: MachineSpec, { rack, product, boot }: WalkOptions, phase: RunPhase, seen: Seen): Promise<NodeHandle> =>
  phase('declare', async () => {
    if (boot === 'no-dhcp' && isTagged(machine)) await rack.setVlan(machine.name, 0, DEFAULT_VLAN, 'tagged');
    const made = await product.send('POST', '/nodes', {
      driver: 'redfish',
      ...(bootsByMedia(boot) ? { boot_interface: 'redfish-virtual-media' } : {}),
      ...(boot === 'no-dhcp' ? { network_data: staticNetwork(machine) } : {}),
      driver_info: {
        redfish_address: `https://${machine.bmc.address}`,
        redfish_username: machine.bmc.username,
        redfish_password: machine.bmc.password,
      },
      properties: { capabilities: `boot_mode:${machine.firmware}` },
    });
    const uuid = String(made['uuid']);
    await product.send('POST', '/ports', { node_uuid: uuid, address: machine.nics[0]!.mac });
    seen.node = uuid;
    return openNode(machine, uuid, product, seen);
  });

/** So that a partition image is not alone on its disk. */
const SWAP_MIB = 64;

async function walk(machine: MachineSpec, options: WalkOptions, phase: RunPhase, seen: Seen): Promise<void> {
  const { rack, product, image } = options;
  // The emulated ARM board has no bus on which its operating system would see the BMC.
  const enrolled = bootsByMedia(options.boot) || options.boot === 'arm64' ? declare : discover;
  const node = await enrolled(machine, options, phase, seen);
  const { uuid } = node;
  await product.send('PATCH', `/nodes/${uuid}`, [{ op: 'add', path: '/name', value: machine.name }]);
  const instanceInfo = {
    image_source: image.file,
    image_os_hash_algo: 'sha256',
    image_os_hash_value: image.sha256,
    image_disk_size: image.diskSizeBytes,
    ...(image.isPartition ? { image_type: 'partition', swap_mb: SWAP_MIB } : {}),
  };
  const scene: MistakeScene = { machine, node: uuid, product, rack, instanceInfo };
  await makeMistakes('manage', scene, node, options, phase);
  await phase('verify', () => node.verb('manage', 'manageable'));
  await makeMistakes('inspect', scene, node, options, phase);
  await phase('inspect', () => node.verb('inspect', 'manageable'));
  await phase('clean', () => node.verb('provide', 'available'));
  if (options.until === 'available') return;
  await makeMistakes('deploy', scene, node, options, phase);
  await phase('deploy', async () => {
    // With a fault that the product gets over it is deployed already.
    if (seen.state === 'active') return;
    await setInstanceInfo(scene, instanceInfo);
    await node.verb('active', 'active', deployment(scene, options));
  });
  await phase('login', () => login(machine, uuid, options, seen));
}

const deployment = ({ node, machine }: MistakeScene, { key }: WalkOptions) => {
  const metaData = { uuid: node, hostname: machine.name, name: machine.name, public_keys: { lab: key.publicKey } };
  return { configdrive: { meta_data: metaData, user_data: '#cloud-config\n{}\n' } };
};

/** Each mistake in turn: made, refused by the product with cause and advice, mended. Those that it gets over come last, and all at once. */
async function makeMistakes(before: Mistake['before'], scene: MistakeScene, node: NodeHandle, options: WalkOptions, phase: RunPhase) {
  const [target, extra] = before === 'deploy' ? ['active', deployment(scene, options)] : [before, {}];
  const due = options.faults.filter(({ mistake }) => mistake?.before === before) as (Fault & { readonly mistake: Mistake })[];
  const [fatal, survived] = [
    due.filter(({ mistake }) => mistake.cause !== undefined),
    due.filter(({ mistake }) => mistake.cause === undefined),
  ];
  for (const together of [...fatal.map((fault) => [fault]), ...(survived.length === 0 ? [] : [survived])])
    await phase(together.map(({ name }) => name).join(', '), async () => {
      for (const { mistake } of together) await mistake.make(scene);
      await options.product.send('PUT', `/nodes/${scene.node}/states/provision`, { target, ...extra });
      const shown = await node.idle();
      const explained = await options.product.get(`/nodes/${scene.node}/explain`);
      for (const { name, mistake } of together) {
        options.book.inject(name, `${scene.machine.name}: ${String(shown['provision_state'])}`);
        for (const problem of fallsShort(mistake, shown, explained)) options.book.problem(name, `${scene.machine.name}: ${problem}`);
        await mistake.mend(scene);
      }
    });
}

/** What the product's answer to a mistake lacks. */
export function fallsShort(
  owed: Pick<Mistake, 'state' | 'cause' | 'advice' | 'diagnosis'>,
  node: JsonObject,
  explained: JsonObject,
): readonly string[] {
  const state = String(node['provision_state']);
  const error = String(node['last_error'] ?? '');
  const summary = String(explained['summary'] ?? '');
  const rules = ((explained['diagnosis'] ?? []) as JsonObject[]).map(({ rule }) => String(rule));
  const { cause = /^/, advice = /^/, diagnosis = rules[0] } = owed;
  return [
    ...(state === owed.state ? [] : [`the state is "${state}", not "${owed.state}"`]),
    ...(cause.test(error) ? [] : [`last_error does not name the cause: "${error}"`]),
    ...(advice.test(error) ? [] : [`last_error has no advice: "${error}"`]),
    ...(advice.test(summary) ? [] : [`explain has no advice: "${summary}"`]),
    ...(diagnosis === undefined || rules.includes(diagnosis)
      ? []
      : [`explain does not name ${diagnosis}: ${rules.join(', ') || 'nothing'}`]),
  ];
}

async function login(machine: MachineSpec, uuid: string, options: WalkOptions, seen: Seen): Promise<void> {
  const { rack, product, key, image } = options;
  const address = await until(async () => {
    const { addresses } = await product.get(`/nodes/${uuid}/addresses`);
    const bound = (addresses as JsonObject[]).find((lease) => lease['mac'] === machine.nics[0]!.mac && lease['state'] === 'bound');
    return bound?.['ip_address'] as string | undefined;
  }, `${machine.name} to have an address`);
  seen.address = address;
  const way = { address, user: image.user, privateKeyPath: key.privatePath };
  const hostname = await until(() => runOverSsh(rack, way, 'hostname'), `${machine.name} to answer over SSH`);
  if (hostname !== machine.name) throw new Error(`${machine.name} calls itself "${hostname}": its config drive was not applied`);
  seen.ssh = true;
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
