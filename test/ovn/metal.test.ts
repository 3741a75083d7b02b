import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Tenant } from '../identity/identity-rig.ts';
import { startNetworkRig, type NetworkRig, type Shown } from '../network/network-rig.ts';
import { fingerprintOf } from '../switch/fingerprint.ts';
import { createMachineRows, vlanNetwork, type MachineRows } from '../switch/machine-rows.ts';
import { addressOf, eventually } from './cloud-rig.ts';
import { startHosts, type HostRig, type Leaf, type Machine } from './host-rig.ts';
import { startOvn, type OvnRig } from './ovn-rig.ts';
import { PORTS } from './workload-order.ts';

/**
 * Machines on a leaf switch whose uplink goes to the gateway hosts of OVN: the control plane puts each into its tenant's VLAN over the switch's API, and OVN gives
 * it its address, its router and its floating IP. Real frames, through the lab's switch, Linux bridges and two gateways in user space.
 */
const CHASSIS = '52:54:00:00:00:fe';
const OUTSIDE = '192.0.2.1';
/** A frame that is let through takes milliseconds; one that is dropped is never answered. */
const DROPPED_AFTER_MS = 700;
const MACHINES = [
  { name: 'm1', mac: '52:54:00:aa:00:01' },
  { name: 'm2', mac: '52:54:00:aa:00:02' },
  { name: 'm3', mac: '52:54:00:aa:00:03' },
];

const folder = mkdtempSync(join(tmpdir(), 'rackwright-metal-'));
let ovn: OvnRig;
let hosts: HostRig;
let leaf: Leaf;
let rig: NetworkRig;
let rows: MachineRows;
const ports: Record<string, Shown> = {};
let floating: string;
let ann: Tenant;
const machine = (name: string): Machine => leaf.machines[name]!;

async function tenantNetwork(who: Tenant, name: string, vlan: number, cidr: string, outside: Shown): Promise<Shown> {
  const network = await vlanNetwork(rig, name, vlan, { project_id: who.projectId });
  const subnet = await rig.make(who.token, '/subnets', 'subnet', { network_id: network.id, ip_version: 4, cidr });
  const router = await rig.make(who.token, '/routers', 'router', { external_gateway_info: { network_id: outside.id } });
  await rig.expect(200, who.token, 'PUT', `/v2.0/routers/${router.id}/add_router_interface`, { subnet_id: subnet.id });
  return network;
}

function writeConfiguration(): string {
  const path = join(folder, 'rackwright.yaml');
  writeFileSync(join(folder, 'password'), leaf.password, { mode: 0o600 });
  const access = { address: `127.0.0.1:${leaf.port}`, username: leaf.username, password_file: join(folder, 'password') };
  const facts = { name: 'leaf-1', driver: 'eos', chassis_mac: CHASSIS, physical_network: 'physnet1', ports: ['Ethernet*'] };
  const network = { ovn: { northbound: [ovn.northbound], southbound: [ovn.southbound] }, provisioning_network: 'provisioning' };
  writeFileSync(
    path,
    JSON.stringify({ network, switches: [{ ...facts, ...access, certificate_sha256: fingerprintOf(leaf.certificatePem) }] }),
  );
  return path;
}

before(async () => {
  ovn = await startOvn();
  hosts = await startHosts(ovn.southbound);
  await hosts.addHost('g1', { tunnelAddress: '10.99.0.21', isGateway: true });
  await hosts.addHost('g2', { tunnelAddress: '10.99.0.22', isGateway: true });
  leaf = await hosts.leaf(CHASSIS, MACHINES);
  rig = await startNetworkRig({ args: ['--config', writeConfiguration()] });
  rows = createMachineRows(rig);
  await eventually('two hosts', async () => {
    const { agents } = await rig.expect(200, rig.admin, 'GET', '/v2.0/agents?binary=ovn-controller&agent_type=DHCP%20agent');
    return agents!.length === 2;
  });
  await vlanNetwork(rig, 'provisioning', 11);
  const external = { 'router:external': true, 'provider:network_type': 'flat', 'provider:physical_network': 'physnet1' };
  const outside = await rig.make(rig.admin, '/networks', 'network', external);
  const pools = [{ start: '192.0.2.100', end: '192.0.2.199' }];
  const subnet = { network_id: outside.id, ip_version: 4, cidr: '192.0.2.0/24', gateway_ip: OUTSIDE, enable_dhcp: false };
  await rig.make(rig.admin, '/subnets', 'subnet', { ...subnet, allocation_pools: pools });
  ann = await rig.tenant('ann');
  const bob = await rig.tenant('bob');
  const anns = await tenantNetwork(ann, 'anns', 101, '10.1.0.0/24', outside);
  const bobs = await tenantNetwork(bob, 'bobs', 102, '10.2.0.0/24', outside);
  for (const [at, { name, mac }] of MACHINES.entries()) {
    await rows.enroll(name, { mac, switchId: CHASSIS, portId: `Ethernet${at + 1}` });
    await rows.verb(name, 'provide', 'available');
    ports[name] = name === 'm3' ? await rows.deploy(name, bob, bobs) : await rows.deploy(name, ann, anns);
    await machine(name).up();
  }
  const made = await rig.make(ann.token, '/floatingips', 'floatingip', { floating_network_id: outside.id, port_id: ports['m1']!.id });
  floating = String(made['floating_ip_address']);
});
after(async () => {
  await rig?.close();
  await hosts?.stop();
  await ovn?.stop();
  rmSync(folder, { recursive: true, force: true });
});

test('each machine has the address of its port from OVN’s DHCP, and its port is up because the switch has it', async () => {
  for (const { name, mac } of MACHINES) {
    const { port } = await rig.expect(200, rig.admin, 'GET', `/v2.0/ports/${ports[name]!.id}`);
    assert.deepEqual([port!['status'], port!['mac_address'], port!['binding:vif_type']], ['ACTIVE', mac, 'other']);
    let lease = '';
    // The gateway host takes the port over a moment after the row is there.
    await eventually(`${name} has an address`, async () => {
      lease = await machine(name)
        .lease()
        .catch(() => '');
      return lease !== '';
    });
    assert.equal(lease, addressOf(ports[name]!), name);
  }
});

test('a floating IP is the machine’s both ways; without one it goes out as its router', async () => {
  const { outside } = hosts;
  await eventually('the floating IP answers', async () => (await outside.connect(floating, PORTS.http)) === OUTSIDE);
  assert.equal(await machine('m1').connect(OUTSIDE, PORTS.http), floating);
  const hidden = await machine('m2').connect(OUTSIDE, PORTS.http);
  assert.match(String(hidden), /^192\.0\.2\.1\d\d$/);
  assert.notEqual(hidden, floating);
});

test('machines of a tenant reach each other, those of another do not, also with an address of theirs', async () => {
  const [one, two, three] = ['m1', 'm2', 'm3'].map((name) => addressOf(ports[name]!)) as [string, string, string];
  const quickly = { timeoutMs: DROPPED_AFTER_MS };
  assert.equal(await machine('m1').connect(two, PORTS.http), one);
  assert.equal(await machine('m3').connect(one, PORTS.http, quickly), null);
  assert.equal(await machine('m1').connect(three, PORTS.http, quickly), null);
  await machine('m3').ip('addr', 'add', '10.1.0.250/24', 'dev', 'eth0');
  for (const address of [one, two]) assert.equal(await machine('m3').connect(address, PORTS.http, quickly), null);
});

test('a stateless security group is carried out where OVN sees the frames, and not between neighbours', async () => {
  const { outside } = hosts;
  const m1 = addressOf(ports['m1']!);
  assert.equal(await outside.connect(floating, PORTS.ssh, { timeoutMs: 3_000 }), OUTSIDE);
  const group = await rig.make(ann.token, '/security-groups', 'security_group', { name: 'web', stateful: false });
  const rule = { security_group_id: group.id, ethertype: 'IPv4', protocol: 'tcp' };
  await rig.make(ann.token, '/security-group-rules', 'security_group_rule', {
    ...rule,
    direction: 'ingress',
    port_range_min: PORTS.http,
    port_range_max: PORTS.http,
  });
  await rig.expect(200, ann.token, 'PUT', `/v2.0/ports/${ports['m1']!.id}`, { port: { security_groups: [group.id] } });
  const quickly = { timeoutMs: DROPPED_AFTER_MS };
  await eventually('the other port is closed', async () => (await outside.connect(floating, PORTS.ssh, quickly)) === null);
  assert.equal(await outside.connect(floating, PORTS.http), OUTSIDE);
  assert.equal(await machine('m2').connect(m1, PORTS.ssh), addressOf(ports['m2']!), 'a neighbour on the switch');
  assert.equal(await machine('m1').lease(), m1, 'it may ask for its address');
  assert.equal(await machine('m1').connect(OUTSIDE, PORTS.http, quickly), null, 'answers are no connection that was allowed');
  await rig.make(ann.token, '/security-group-rules', 'security_group_rule', {
    ...rule,
    direction: 'ingress',
    remote_ip_prefix: `${OUTSIDE}/32`,
  });
  await eventually('answers are allowed', async () => (await machine('m1').connect(OUTSIDE, PORTS.http)) === floating);
  const explained = JSON.stringify(await rows.call(200, 'GET', `/nodes/${rows.id('m1')}/explain`));
  assert.match(explained, /has the security groups web, which OVN carries out; between neighbours on switches nothing is filtered/);
});

test('what the tables want of OVN and of the switch is what is there', async () => {
  const { checks } = (await rows.call(200, 'GET', '/audit')) as unknown as {
    checks: { check: string; found: string[]; error: string | null }[];
  };
  for (const { check, found, error } of checks.filter((one) => /switch|OVN/.test(one.check)))
    assert.deepEqual([check, found, error], [check, [], null]);
});
