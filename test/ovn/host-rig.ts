import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import type { SwitchProcessConfig, SwitchProcessReady } from '../../lab/switch-process.ts';
import type { Order, Said } from './workload-order.ts';

/*
 * Hosts of a cloud as network namespaces: each has a real ovs-vswitchd (in user space, so that no kernel module is needed) and a real
 * ovn-controller, one wire for tunnels and one to the world outside. Machines are namespaces plugged in by `iface-id`.
 */
const run = promisify(execFile);
const OVS_SCHEMA = '/usr/share/openvswitch/vswitch.ovsschema';
const READY_MS_MAX = 120_000;
const OUTSIDE_ADDRESS = '192.0.2.1';

export interface Machine {
  /** The visitor's address as the other side saw it, or null when nobody answered. */
  connect(host: string, port: number, more?: { readonly from?: string; readonly timeoutMs?: number }): Promise<string | null>;
  resolve(name: string, server: string): Promise<string | null>;
  /** How fast the other machine sends, kilobits a second. */
  pull(host: string): Promise<number>;
  /** Asks for an address by DHCP and takes it. */
  lease(): Promise<string>;
  /** The body, or the status of a refusal; empty when nobody answers. */
  curl(url: string, ...more: string[]): Promise<string>;
  ip(...args: string[]): Promise<string>;
  up(): Promise<void>;
}

export interface Leaf {
  readonly port: number;
  readonly certificatePem: string;
  readonly username: string;
  readonly password: string;
  readonly machines: Readonly<Record<string, Machine>>;
}

export interface HostRig {
  /** `rack`: its way out is this physical network, on a wire of its own. */
  addHost(name: string, options: { readonly tunnelAddress: string; readonly isGateway: boolean; readonly rack?: string }): Promise<void>;
  /** The site's own router: an address in a VLAN on each rack's wire. */
  router(legs: readonly { readonly rack: string; readonly vlan: number; readonly cidr: string }[]): Promise<Machine>;
  /** MAC addresses that a rack's wire has seen frames of. */
  seen(rack: string): Promise<string>;
  /** The product's role metadata on the host; the configuration is given the host's own switch. */
  metadata(host: string, configure: (openVSwitch: string) => string): Promise<void>;
  /** Devices of the host's integration bridge. */
  devices(host: string): Promise<string[]>;
  /** What the host's switch does with frames (ovs-ofctl(8), dump-flows). */
  flows(host: string): Promise<string>;
  /** `kill -9`, and a new one. */
  restartController(host: string): Promise<void>;
  machine(host: string, name: string, port: { readonly id: string; readonly mac: string; readonly mtu: number }): Promise<Machine>;
  /** A leaf switch whose uplink is on the provider's wire, and its management on this host: `Ethernet1` and on, each with a machine that is cabled to it. */
  leaf(chassisMac: string, machines: readonly { readonly name: string; readonly mac: string; readonly vlan?: number }[]): Promise<Leaf>;
  /** The world outside: 192.0.2.1 on the provider's wire. */
  readonly outside: Machine;
  stop(): Promise<void>;
}

export async function startHosts(southbound: string): Promise<HostRig> {
  const folder = mkdtempSync(join(tmpdir(), 'rackwright-hosts-'));
  const prefix = `rwo${process.pid}-`;
  const children = new Map<string, ChildProcess>();
  const namespaces: string[] = [];
  const ns = (name: string) => `${prefix}${name}`;

  const addNamespace = async (name: string) => {
    await run('ip', ['netns', 'add', ns(name)]);
    namespaces.push(name);
    await batch(ns(name), ['link set lo up']);
  };
  const inside = async (name: string, program: string, ...args: string[]) =>
    (await run('ip', ['netns', 'exec', ns(name), program, ...args])).stdout;
  /** User space sees frames before the kernel has written their checksums. */
  const withChecksums = (name: string, device: string) => inside(name, 'ethtool', '-K', device, 'tx', 'off');
  const wire = async (name: string, device: string, bridge: string) => {
    await batch(ns('wire'), [
      `link add ${name}-${device} type veth peer name ${device} netns ${ns(name)}`,
      `link set ${name}-${device} master ${bridge} up`,
    ]);
    await batch(ns(name), [`link set ${device} up`]);
    await withChecksums(name, device);
  };
  const daemon = (name: string, program: string, args: readonly string[], at: string) => {
    const env = { ...process.env, OVS_RUNDIR: at, OVN_RUNDIR: at, OVS_LOGDIR: at, OVN_LOGDIR: at, OVS_DBDIR: at };
    const child = spawn('ip', ['netns', 'exec', ns(name), program, ...args], { stdio: 'ignore', env });
    children.set(`${name} ${program}`, child);
  };
  const at = (host: string) => join(folder, host);
  const vsctl = (host: string, ...args: string[]) => run('ovs-vsctl', [`--db=unix:${at(host)}/db.sock`, '--timeout=20', ...args]);
  const controller = (host: string) =>
    daemon(host, 'ovn-controller', [`unix:${at(host)}/db.sock`, `--log-file=${at(host)}/controller.log`], at(host));

  const plain = async (name: string): Promise<Machine> => {
    const child = spawn('ip', ['netns', 'exec', ns(name), process.execPath, join(import.meta.dirname, 'workload.ts')], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    children.set(`${name} workload`, child);
    const waiting = new Map<number, (answer: string | null) => void>();
    let lastId = 0;
    createInterface({ input: child.stdout }).on('line', (line) => {
      const { id, answer } = JSON.parse(line) as Said;
      waiting.get(id)?.(answer);
      waiting.delete(id);
    });
    const order = (what: Order) =>
      new Promise<string | null>((resolve) => {
        lastId += 1;
        waiting.set(lastId, resolve);
        child.stdin.write(`${JSON.stringify({ ...what, id: lastId })}\n`);
      });
    return {
      connect: (host, port, { from, timeoutMs = 1_500 } = {}) => order({ do: 'connect', host, port, from, timeoutMs }),
      resolve: (asked, server) => order({ do: 'resolve', name: asked, server }),
      pull: async (host) => Number((await order({ do: 'pull', host })) ?? 0),
      async lease() {
        const out = await inside(
          name,
          'udhcpc',
          '-i',
          'eth0',
          '-n',
          '-q',
          '-f',
          '-O',
          'staticroutes',
          '-t',
          '8',
          '-T',
          '1',
          '-s',
          join(folder, 'lease.sh'),
        );
        return /leased (\S+)/.exec(out)?.[1] ?? '';
      },
      async curl(url, ...more) {
        const told = await inside(name, 'curl', '-s', '-g', '--max-time', '20', '-w', '\n%{http_code}', ...more, url).catch(() => '\n');
        const at = told.lastIndexOf('\n');
        return told.endsWith('\n200') ? told.slice(0, at) : told.slice(at + 1);
      },
      ip: (...args) => inside(name, 'ip', ...args),
      up: () => batch(ns(name), ['link set eth0 up']),
    };
  };

  mkdirSync(folder, { recursive: true });
  writeFileSync(
    join(folder, 'lease.sh'),
    '#!/bin/sh\n[ "$1" = bound ] || exit 0\nip addr add $ip/$mask dev $interface\n[ -z "$router" ] || ip route add default via $router\nset -- $staticroutes\nwhile [ -n "$1" ]; do ip route replace "$1" via "$2"; shift 2; done\necho leased $ip\n',
    { mode: 0o755 },
  );
  await addNamespace('wire');
  await batch(ns('wire'), ['link add ul type bridge', 'link add ex type bridge', 'link set ul up', 'link set ex up']);
  await addNamespace('out');
  await wire('out', 'eth0', 'ex');
  await batch(ns('out'), [`addr add ${OUTSIDE_ADDRESS}/24 dev eth0`]);

  const startSwitch = async (name: string) => {
    mkdirSync(at(name), { recursive: true });
    await run('ovsdb-tool', ['create', `${at(name)}/conf.db`, OVS_SCHEMA]);
    const socket = `${at(name)}/db.sock`;
    daemon(name, 'ovsdb-server', [`${at(name)}/conf.db`, `--remote=punix:${socket}`, `--log-file=${at(name)}/db.log`], at(name));
    await untilThere(socket);
    await vsctl(name, '--no-wait', 'init');
    daemon(name, 'ovs-vswitchd', [`unix:${socket}`, `--log-file=${at(name)}/vswitchd.log`], at(name));
  };
  const addBridge = (of: string, device: string) => {
    const inUserSpace = ['--', 'set', 'bridge', of, 'datapath_type=netdev'];
    return ['add-br', of, ...inUserSpace, '--', 'add-port', of, device];
  };
  const internal = (device: string) => ['--', 'set', 'interface', device, 'type=internal'];
  const racks = new Set<string>();
  const rackWire = async (rack: string) => {
    if (racks.has(rack)) return;
    racks.add(rack);
    await batch(ns('wire'), [`link add ${rack} type bridge`, `link set ${rack} up`]);
  };

  return {
    outside: await plain('out'),
    async router(legs) {
      await addNamespace('router');
      await startSwitch('router');
      for (const { rack, vlan, cidr } of legs) {
        const leg = `${rack}-leg`;
        await rackWire(rack);
        await wire('router', rack, rack);
        await vsctl('router', ...addBridge(`br-${rack}`, rack), '--', 'add-port', `br-${rack}`, leg, `tag=${vlan}`, ...internal(leg));
        await batch(ns('router'), [`addr add ${cidr} dev ${leg}`, `link set ${leg} up`]);
      }
      await inside('router', 'sysctl', '-q', '-w', 'net.ipv4.ip_forward=1');
      return plain('router');
    },
    seen: (rack) => inside('wire', 'bridge', 'fdb', 'show', 'br', rack, 'dynamic'),
    async addHost(name, { tunnelAddress, isGateway, rack }) {
      const isOut = isGateway || rack !== undefined;
      await addNamespace(name);
      await wire(name, 'ul0', 'ul');
      if (rack !== undefined) await rackWire(rack);
      if (isOut) await wire(name, 'ex0', rack ?? 'ex');
      await startSwitch(name);
      const ids = {
        'system-id': `chassis-${name}`,
        hostname: name,
        'ovn-remote': southbound,
        'ovn-encap-type': 'geneve',
        'ovn-encap-ip': tunnelAddress,
        'ovn-bridge-datapath-type': 'netdev',
        ...(isOut ? { 'ovn-bridge-mappings': `${rack ?? 'physnet1'}:br-ex` } : {}),
        ...(isGateway ? { 'ovn-cms-options': 'enable-chassis-as-gw' } : {}),
      };
      await vsctl(name, '--no-wait', 'set', 'open', '.', ...Object.entries(ids).map(([key, value]) => `external-ids:${key}="${value}"`));
      await vsctl(name, ...addBridge('br-ul', 'ul0'), ...(isOut ? ['--', ...addBridge('br-ex', 'ex0')] : []));
      // Tunnels look up their way in the host's own routes: the address is on the bridge that owns the wire.
      await batch(ns(name), [`addr add ${tunnelAddress}/24 dev br-ul`, 'link set br-ul up', ...(isOut ? ['link set br-ex up'] : [])]);
      controller(name);
    },
    async metadata(host, configure) {
      const config = join(at(host), 'metadata.yaml');
      writeFileSync(config, configure(`unix:${at(host)}/db.sock`));
      const program = join(import.meta.dirname, '../../cli/rackwright.ts');
      // Names of namespaces are files: each host has its own.
      const script = 'mount -t tmpfs names /run/netns && exec "$0" "$@"';
      const words = [process.execPath, '--disable-warning=ExperimentalWarning', program, 'serve', '--role', 'metadata'];
      const args = ['netns', 'exec', ns(host), 'sh', '-c', script, ...words, '--data', at(host), '--config', config];
      const child = spawn('ip', args, { stdio: ['ignore', 'pipe', 'inherit'] });
      children.set(`${host} metadata`, child);
      await once(createInterface({ input: child.stdout }), 'line');
    },
    devices: async (host) => (await vsctl(host, 'list-ports', 'br-int')).stdout.split('\n').filter(Boolean),
    flows: async (host) => (await run('ovs-ofctl', ['dump-flows', `unix:${at(host)}/br-int.mgmt`, '-O', 'OpenFlow15'])).stdout,
    async restartController(host) {
      const child = children.get(`${host} ovn-controller`)!;
      child.kill('SIGKILL');
      await once(child, 'exit');
      controller(host);
    },
    async machine(host, name, { id, mac, mtu }) {
      await addNamespace(name);
      await batch(ns(host), [`link add t-${name} type veth peer name eth0 netns ${ns(name)}`, `link set t-${name} mtu ${mtu} up`]);
      await batch(ns(name), [`link set eth0 address ${mac} mtu ${mtu}`]);
      await withChecksums(name, 'eth0');
      await vsctl(host, 'add-port', 'br-int', `t-${name}`, '--', 'set', 'interface', `t-${name}`, `external_ids:iface-id=${id}`);
      return plain(name);
    },
    async leaf(chassisMac, machines) {
      const tap = (at: number) => `l${process.pid}-${at}`;
      const access = { username: 'admin', password: 'of-the-leaf' };
      const config: SwitchProcessConfig = {
        name: 'leaf-1',
        chassisMac,
        management: { address: '127.0.0.1', port: 0, ...access },
        ports: [
          { name: 'Uplink1', tap: tap(0), vlans: { untagged: null, tagged: 'all' } },
          ...machines.map(({ vlan }, at) => ({
            name: `Ethernet${at + 1}`,
            tap: tap(at + 1),
            ...(vlan === undefined ? {} : { vlans: { untagged: vlan, tagged: [] } }),
          })),
        ],
      };
      const program = join(import.meta.dirname, '../../lab/switch-process.ts');
      const args = ['--disable-warning=ExperimentalWarning', program, JSON.stringify(config)];
      const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
      children.set('leaf', child);
      const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
      // A device that is moved stays the program's.
      await run('ip', ['link', 'set', tap(0), 'netns', ns('wire')]);
      await batch(ns('wire'), [`link set ${tap(0)} master ex up`]);
      const cabled: Record<string, Machine> = {};
      for (const [at, { name, mac }] of machines.entries()) {
        await addNamespace(name);
        await run('ip', ['link', 'set', tap(at + 1), 'netns', ns(name)]);
        await batch(ns(name), [`link set ${tap(at + 1)} name eth0 address ${mac}`]);
        cabled[name] = await plain(name);
      }
      return { ...(JSON.parse(line) as SwitchProcessReady), ...access, machines: cabled };
    },
    async stop() {
      for (const child of [...children.values()].reverse()) {
        if (child.exitCode !== null || child.signalCode !== null) continue;
        child.kill('SIGKILL');
        await once(child, 'exit');
      }
      for (const name of namespaces.reverse()) await run('ip', ['netns', 'del', ns(name)]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function batch(namespace: string, lines: readonly string[]): Promise<void> {
  const child = spawn('ip', ['-n', namespace, '-batch', '-'], { stdio: ['pipe', 'ignore', 'pipe'] });
  let why = '';
  child.stderr.on('data', (chunk: Buffer) => (why += chunk.toString()));
  child.stdin.end(`${lines.join('\n')}\n`);
  const [code] = (await once(child, 'exit')) as [number];
  if (code !== 0) throw new Error(`ip in ${namespace}: ${why}\n${lines.join('\n')}`);
}

async function untilThere(path: string): Promise<void> {
  for (const giveUpAt = Date.now() + READY_MS_MAX; !existsSync(path);) {
    if (Date.now() > giveUpAt) throw new Error(`${path} does not appear`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
