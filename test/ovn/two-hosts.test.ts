import assert from 'node:assert/strict';
import { after, before, test, type TestContext } from 'node:test';
import type { Tenant } from '../identity/identity-rig.ts';
import type { Shown } from '../network/network-rig.ts';
import { addressOf, eventually, startCloudOnHosts, type CloudRig } from './cloud-rig.ts';
import type { Machine } from './host-rig.ts';
import { PORTS } from './workload-order.ts';

/**
 * Who reaches whom, with real frames: two tenants with the same addresses, machines on two hosts, everything made through the Network
 * API alone.
 */
const OUTSIDE = '192.0.2.1';
/** A frame that is let through takes milliseconds; one that is dropped is never answered. */
const DROPPED_AFTER_MS = 700;
const EFFECTIVE_MS_MAX = 10_000;

interface Plugged {
  readonly port: Shown;
  readonly machine: Machine;
  readonly address: string;
}

let rig: CloudRig;
let ann: Tenant;
let bob: Tenant;
const at: Record<string, Plugged> = {};
const named: Record<string, Shown> = {};
let lease: Record<string, string>;

const make = (who: Tenant, path: string, member: string, values: object) => rig.make(who.token, path, member, values);
const leg = (verb: 'add' | 'remove', router: Shown, subnet: Shown) =>
  rig.expect(200, ann.token, 'PUT', `/v2.0/routers/${router.id}/${verb}_router_interface`, { subnet_id: subnet.id });

async function netOf(who: Tenant, cidr: string, more: object = {}): Promise<{ network: Shown; subnet: Shown }> {
  const gateway = cidr.replace(/0\/\d+$/, '1');
  return rig.net(who.token, cidr, { dns_nameservers: [gateway], ...more });
}

async function groupOf(who: Tenant, name: string, rules: readonly object[]): Promise<Shown> {
  const group = await make(who, '/security-groups', 'security_group', { name });
  for (const rule of rules)
    await make(who, '/security-group-rules', 'security_group_rule', { security_group_id: group.id, direction: 'ingress', ...rule });
  return group;
}

async function plug(who: Tenant, name: string, host: string, network: Shown, values: object): Promise<void> {
  const port = await make(who, '/ports', 'port', { network_id: network.id, name, device_owner: 'compute:nova', ...values });
  const { port: bound } = await rig.expect(200, rig.admin, 'PUT', `/v2.0/ports/${port.id}`, { port: { 'binding:host_id': host } });
  assert.equal(bound!['binding:vif_type'], 'ovs');
  assert.equal((bound!['binding:vif_details'] as { datapath_type: string }).datapath_type, 'netdev');
  assert.equal(bound!['status'], 'DOWN');
  const mac = String(port['mac_address']);
  const machine = await rig.hosts.machine(host, name, { id: port.id, mac, mtu: Number(network['mtu']) });
  at[name] = { port, machine, address: addressOf(port) };
}

async function makeOutside(): Promise<void> {
  named['outside'] = await rig.make(rig.admin, '/networks', 'network', {
    'router:external': true,
    'provider:network_type': 'flat',
    'provider:physical_network': 'physnet1',
  });
  const pools = [{ start: '192.0.2.100', end: '192.0.2.199' }];
  const subnet = { network_id: named['outside'].id, ip_version: 4, cidr: '192.0.2.0/24', gateway_ip: OUTSIDE, enable_dhcp: false };
  await rig.make(rig.admin, '/subnets', 'subnet', { ...subnet, allocation_pools: pools });
}

async function makeAnns(): Promise<void> {
  const [one, two] = [await netOf(ann, '10.1.0.0/24'), await netOf(ann, '10.2.0.0/24')];
  const slaac = { ip_version: 6, cidr: 'fd00:1::/64', ipv6_ra_mode: 'slaac', ipv6_address_mode: 'slaac' };
  const sixth = await make(ann, '/subnets', 'subnet', { network_id: one.network.id, ...slaac });
  const router = await make(ann, '/routers', 'router', { external_gateway_info: { network_id: named['outside']!.id } });
  for (const subnet of [one.subnet, two.subnet, sixth]) await leg('add', router, subnet);
  Object.assign(named, { router, second: two.subnet });
  const http = { protocol: 'tcp', port_range_min: PORTS.http, port_range_max: PORTS.http };
  const web = await groupOf(ann, 'web', [http, { ...http, ethertype: 'IPv6' }]);
  const closed = await groupOf(ann, 'closed', []);
  named['web'] = web;
  await plug(ann, 'a1', 'h1', one.network, { security_groups: [web.id], dns_name: 'web' });
  await plug(ann, 'a2', 'h2', one.network, {});
  await plug(ann, 'a3', 'h2', one.network, { security_groups: [closed.id] });
  await plug(ann, 'b1', 'h1', two.network, {});
  named['floating'] = await make(ann, '/floatingips', 'floatingip', {
    floating_network_id: named['outside']!.id,
    port_id: at['a1']!.port.id,
    fixed_ip_address: at['a1']!.address,
  });
}

async function makeBobs(): Promise<void> {
  const { network } = await netOf(bob, '10.1.0.0/24');
  const fixed = (address: string) => ({ fixed_ips: [{ ip_address: address }] });
  await plug(bob, 'c1', 'h1', network, fixed('10.1.0.201'));
  await plug(bob, 'c2', 'h2', network, fixed('10.1.0.202'));
}

before(async () => {
  rig = await startCloudOnHosts();
  ann = await rig.tenant('ann');
  bob = await rig.tenant('bob');
  await makeOutside();
  await makeAnns();
  await makeBobs();
  await Promise.all(
    Object.values(at).map(async ({ port, machine }) => {
      await eventually(`port ${port.id} is up`, async () => {
        const { port: now } = await rig.expect(200, rig.admin, 'GET', `/v2.0/ports/${port.id}`);
        return now!['status'] === 'ACTIVE';
      });
      await machine.up();
    }),
  );
  lease = Object.fromEntries(await Promise.all(Object.entries(at).map(async ([name, { machine }]) => [name, await machine.lease()])));
});
after(() => rig?.close());

test('each machine has the address that was allocated, by DHCP and by router advertisement', async (t) => {
  for (const [name, { address }] of Object.entries(at)) assert.equal(lease[name], address, name);
  for (const name of ['a1', 'a2', 'a3']) {
    const { machine, port } = at[name]!;
    const wanted = addressOf(port, 6);
    const ms = await eventually(`${name} has ${wanted}`, async () =>
      (await machine.ip('-6', '-o', 'addr', 'show', 'dev', 'eth0', 'scope', 'global', '-tentative')).includes(wanted),
    );
    t.diagnostic(`SLAAC ${name} ${wanted} after ${ms} ms more`);
  }
});

interface Pair {
  readonly why: string;
  readonly from: string;
  readonly to: string;
  readonly port: number;
  readonly sees?: string | null;
  readonly spoofed?: string;
}

test('who reaches whom', async (t) => {
  // Addresses are drawn: one that is nobody's.
  const taken = new Set(Object.values(at).map(({ address }) => address));
  const spoofed = ['10.1.0.99', '10.1.0.98', '10.1.0.97', '10.1.0.96', '10.1.0.95', '10.1.0.94'].find((each) => !taken.has(each))!;
  const router = (await rig.expect(200, ann.token, 'GET', `/v2.0/routers/${named['router']!.id}`))['router']!;
  const gateway = router['external_gateway_info'] as unknown as { external_fixed_ips: { ip_address: string }[] };
  const gatewayAddress = gateway.external_fixed_ips[0]!.ip_address;
  const floating = String(named['floating']!['floating_ip_address']);
  const own = (name: string) => at[name]!.address;
  const { ssh, http } = PORTS;
  const pairs: readonly Pair[] = [
    { why: 'same network, across hosts, allowed port', from: 'a2', to: own('a1'), port: http, sees: own('a2') },
    { why: 'same network, port that no rule allows', from: 'a2', to: own('a1'), port: ssh },
    { why: 'routed, group as remote', from: 'a2', to: own('b1'), port: ssh, sees: own('a2') },
    { why: 'routed, group as remote, the other way', from: 'b1', to: own('a2'), port: ssh, sees: own('b1') },
    { why: 'not in the group that is the remote', from: 'a1', to: own('a2'), port: ssh },
    { why: 'group without rules lets nothing in', from: 'a2', to: own('a3'), port: http },
    { why: 'but everything out, and answers back', from: 'a3', to: own('a1'), port: http, sees: own('a3') },
    {
      why: 'IPv6, across hosts, allowed port',
      from: 'a2',
      to: addressOf(at['a1']!.port, 6),
      port: http,
      sees: addressOf(at['a2']!.port, 6),
    },
    { why: 'IPv6, port that no rule allows', from: 'a2', to: addressOf(at['a1']!.port, 6), port: ssh },
    { why: 'other tenant, same prefix, own machine', from: 'c1', to: own('c2'), port: ssh, sees: own('c1') },
    { why: 'other tenant’s machine', from: 'c1', to: own('a1'), port: http },
    { why: 'other tenant’s machine, the other way', from: 'a2', to: own('c1'), port: ssh },
    { why: 'floating IP from outside', from: 'out', to: floating, port: http, sees: OUTSIDE },
    { why: 'floating IP, port that no rule allows', from: 'out', to: floating, port: ssh },
    { why: 'outwards, behind the router’s address', from: 'a2', to: OUTSIDE, port: http, sees: gatewayAddress },
    { why: 'outwards, routed network', from: 'b1', to: OUTSIDE, port: http, sees: gatewayAddress },
    { why: 'outwards, with a floating IP of its own', from: 'a1', to: OUTSIDE, port: http, sees: floating },
    { why: 'no router, no way out', from: 'c1', to: OUTSIDE, port: http },
    { why: 'address that is not the port’s', from: 'a2', to: own('a1'), port: http, spoofed },
  ];
  await at['a2']!.machine.ip('addr', 'add', `${spoofed}/24`, 'dev', 'eth0');
  const rows = await Promise.all(
    pairs.map(async ({ why, from, to, port, sees = null, spoofed }) => {
      const machine = from === 'out' ? rig.hosts.outside : at[from]!.machine;
      const timeoutMs = sees === null ? DROPPED_AFTER_MS : EFFECTIVE_MS_MAX;
      const seen = await machine.connect(to, port, { timeoutMs, ...(spoofed === undefined ? {} : { from: spoofed }) });
      return { why, from, to: `${to} ${port}`, wanted: sees ?? 'nothing', seen: seen ?? 'nothing', is: seen === sees ? 'right' : 'WRONG' };
    }),
  );
  await at['a2']!.machine.ip('addr', 'del', `${spoofed}/24`, 'dev', 'eth0');
  const resolved = await at['a2']!.machine.resolve('web', '10.1.0.1');
  const name = { why: 'name of a port', from: 'a2', to: 'web', wanted: own('a1'), seen: resolved ?? 'nothing' };
  rows.push({ ...name, is: resolved === own('a1') ? 'right' : 'WRONG' });
  for (const row of rows) t.diagnostic(`${row.is}: ${row.from} → ${row.to}: ${row.seen} (${row.why})`);
  assert.deepEqual(
    rows.filter(({ is }) => is === 'WRONG'),
    [],
  );
});

test('who sends and gets more than its policy allows is held to it, and its frames are marked', async (t) => {
  const [a2, b1] = [at['a2']!, at['b1']!];
  const LIMIT_KBPS = 3_000;
  /** The first frames come at once, and headers are not counted. */
  const MOST_KBPS = LIMIT_KBPS * 1.5;
  const policy = await rig.make(rig.admin, '/qos/policies', 'policy', { name: 'held', shared: true });
  const rule = (kind: string, values: object) => rig.make(rig.admin, `/qos/policies/${policy.id}/${kind}s`, kind, values);
  const use = (path: string, member: string, id: string | null) =>
    rig.expect(200, rig.admin, 'PUT', path, { [member]: { qos_policy_id: id } });
  const unlimited = await a2.machine.pull(b1.address);
  assert.ok(unlimited > MOST_KBPS, `${unlimited} kbit/s`);
  t.diagnostic(`nothing said: ${unlimited} kbit/s`);
  const limit = await rule('bandwidth_limit_rule', { max_kbps: LIMIT_KBPS, max_burst_kbps: LIMIT_KBPS / 10, direction: 'egress' });
  await rule('dscp_marking_rule', { dscp_mark: 46 });
  const held = async (what: string) => {
    let kbps = 0;
    await eventually(what, async () => (kbps = await a2.machine.pull(b1.address)) < MOST_KBPS && kbps > 0);
    t.diagnostic(`${what}: ${kbps} kbit/s`);
  };
  await use(`/v2.0/ports/${b1.port.id}`, 'port', policy.id);
  await held('what the port sends');
  const marking = (await rig.hosts.flows('h1')).split('\n').filter((flow) => flow.includes('ip_dscp'));
  assert.match(marking.join('\n'), /n_packets=[1-9].*set_field:46\/0x3f->ip_dscp/);
  await use(`/v2.0/ports/${b1.port.id}`, 'port', null);
  await rig.expect(200, rig.admin, 'PUT', `/v2.0/qos/policies/${policy.id}/bandwidth_limit_rules/${limit.id}`, {
    bandwidth_limit_rule: { direction: 'ingress' },
  });
  await eventually('fast again', async () => (await a2.machine.pull(b1.address)) > MOST_KBPS);
  await use(`/v2.0/networks/${String(a2.port['network_id'])}`, 'network', policy.id);
  await held('what a port gets, of its network’s policy');
  await use(`/v2.0/networks/${String(a2.port['network_id'])}`, 'network', null);
});

/**
 * From the call until a new connection gets through, or until none does any more. A visitor whose kernel asked for the address too early asks again only after a
 * second of its own (RFC 1122, 2.3.2.1): `asNew`, each looks as one that comes for the first time.
 */
async function effective(
  t: TestContext,
  what: string,
  change: () => Promise<unknown>,
  reaches: boolean,
  from: Machine,
  to: string,
  port: number,
  { asNew = false } = {},
) {
  const begun = performance.now();
  const changed = change();
  const look = async () => {
    if (asNew) await from.ip('neigh', 'flush', 'to', to);
    return ((await from.connect(to, port, { timeoutMs: 150 })) !== null) === reaches;
  };
  await eventually(what, look, EFFECTIVE_MS_MAX);
  const ms = Math.round(performance.now() - begun);
  await changed;
  t.diagnostic(`${what}: ${ms} ms`);
}

test('a change is effective at once', async (t) => {
  const [a1, a2, b1] = [at['a1']!, at['a2']!, at['b1']!];
  const { ssh } = PORTS;
  const values = { security_group_id: named['web']!.id, direction: 'ingress', protocol: 'tcp', port_range_min: ssh, port_range_max: ssh };
  let rule: Shown | undefined;
  const allow = async () => (rule = await make(ann, '/security-group-rules', 'security_group_rule', values));
  await effective(t, 'security group rule added', allow, true, a2.machine, a1.address, ssh);
  const forbid = () => rig.expect(204, ann.token, 'DELETE', `/v2.0/security-group-rules/${rule!.id}`);
  await effective(t, 'security group rule removed', forbid, false, a2.machine, a1.address, ssh);

  const free = await make(ann, '/floatingips', 'floatingip', { floating_network_id: named['outside']!.id });
  const give = (port: Shown | null) =>
    rig.expect(200, ann.token, 'PUT', `/v2.0/floatingips/${free.id}`, { floatingip: { port_id: port === null ? null : port.id } });
  await rig.expect(200, ann.token, 'PUT', `/v2.0/ports/${b1.port.id}`, { port: { security_groups: [named['web']!.id] } });
  const address = String(free['floating_ip_address']);
  const { outside } = rig.hosts;
  await effective(t, 'floating IP given', () => give(b1.port), true, outside, address, PORTS.http, { asNew: true });
  await effective(t, 'floating IP taken', () => give(null), false, outside, address, PORTS.http);
  await outside.ip('neigh', 'flush', 'to', address);
  await outside.connect(address, PORTS.http, { timeoutMs: 100 });
  await effective(t, 'floating IP given, to who had asked for it', () => give(b1.port), true, outside, address, PORTS.http);
  await give(null);

  const unplug = () => leg('remove', named['router']!, named['second']!);
  await effective(t, 'router interface removed', unplug, false, a2.machine, b1.address, PORTS.http);
  // The new interface has a MAC address of its own: the machine must not go on with the old one.
  await b1.machine.ip('neigh', 'flush', 'dev', 'eth0');
  await effective(
    t,
    'router interface added',
    () => leg('add', named['router']!, named['second']!),
    true,
    a2.machine,
    b1.address,
    PORTS.http,
  );
});

test('a floating IP that moves to another router is announced: who knows the old router’s MAC address learns of it', async (t) => {
  const { network, subnet } = await netOf(ann, '10.3.0.0/24');
  const router = await make(ann, '/routers', 'router', { external_gateway_info: { network_id: named['outside']!.id } });
  await leg('add', router, subnet);
  const ssh = { protocol: 'tcp', port_range_min: PORTS.ssh, port_range_max: PORTS.ssh };
  await plug(ann, 'd1', 'h2', network, { security_groups: [(await groupOf(ann, 'ssh', [ssh])).id] });
  const d1 = at['d1']!;
  await d1.machine.up();
  assert.equal(await d1.machine.lease(), d1.address);
  const { outside } = rig.hosts;
  const moved = named['floating']!;
  const address = String(moved['floating_ip_address']);
  const move = (port: Shown) => rig.expect(200, ann.token, 'PUT', `/v2.0/floatingips/${moved.id}`, { floatingip: { port_id: port.id } });
  await eventually('known by the old router’s address', async () => (await outside.connect(address, PORTS.http)) !== null);
  await effective(t, 'floating IP moved to another router', () => move(d1.port), true, outside, address, PORTS.ssh);
  assert.equal(await d1.machine.connect(OUTSIDE, PORTS.http), address);
});

test('a host without a virtual switch can not have the port, and one that is unplugged is down', async () => {
  const { port } = at['c2']!;
  const elsewhere = { port: { 'binding:host_id': 'nowhere' } };
  const { port: failed } = await rig.expect(200, rig.admin, 'PUT', `/v2.0/ports/${port.id}`, elsewhere);
  assert.deepEqual([failed!['binding:vif_type'], failed!['status']], ['binding_failed', 'DOWN']);
});
