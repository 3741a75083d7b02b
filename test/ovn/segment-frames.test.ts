import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { startNetworkRig, type NetworkRig, type Shown } from '../network/network-rig.ts';
import { addressOf, eventually } from './cloud-rig.ts';
import { startHosts, type HostRig, type Machine } from './host-rig.ts';
import { startOvn, type OvnRig } from './ovn-rig.ts';
import { PORTS } from './workload-order.ts';

/**
 * One routed network, a segment in each rack: two hosts that have no wire in common but the one for tunnels, and the site's own router between the racks, which knows
 * each segment by its VLAN only.
 */
const RACKS = [
  { rack: 'rack1', vlan: 101, subnet: '10.31.0.0/24', gateway: '10.31.0.1', prefix: '10.31.0.' },
  { rack: 'rack2', vlan: 102, subnet: '10.32.0.0/24', gateway: '10.32.0.1', prefix: '10.32.0.' },
] as const;
/** Plugged into the hosts of the racks: the third is beside the first. */
const MACHINES = { m1: 'h1', m2: 'h2', m3: 'h1' } as const;
type Name = keyof typeof MACHINES;
const folder = mkdtempSync(join(tmpdir(), 'rackwright-segment-frames-'));
let ovn: OvnRig;
let hosts: HostRig;
let rig: NetworkRig;
const ports: Record<string, Shown> = {};
const machines: Record<string, Machine> = {};
const machine = (name: Name) => machines[name]!;
const address = (name: Name) => addressOf(ports[name]!);

async function routedNetwork(): Promise<Shown> {
  const segments = RACKS.map(({ rack, vlan }) => ({
    'provider:network_type': 'vlan',
    'provider:physical_network': rack,
    'provider:segmentation_id': vlan,
  }));
  const network = await rig.make(rig.admin, '/networks', 'network', { name: 'racks', segments });
  const { segments: made } = await rig.expect(200, rig.admin, 'GET', `/v2.0/segments?network_id=${network.id}`);
  for (const segment of made as unknown as Shown[]) {
    const { subnet: cidr, gateway: gateway_ip } = RACKS.find(({ rack }) => rack === segment['physical_network'])!;
    await rig.make(rig.admin, '/subnets', 'subnet', { network_id: network.id, segment_id: segment.id, ip_version: 4, cidr, gateway_ip });
  }
  return network;
}

before(async () => {
  ovn = await startOvn();
  hosts = await startHosts(ovn.southbound);
  await hosts.router(RACKS.map(({ rack, vlan, gateway }) => ({ rack, vlan, cidr: `${gateway}/24` })));
  await hosts.addHost('h1', { tunnelAddress: '10.99.0.31', isGateway: false, rack: 'rack1' });
  await hosts.addHost('h2', { tunnelAddress: '10.99.0.32', isGateway: false, rack: 'rack2' });
  const config = join(folder, 'rackwright.yaml');
  writeFileSync(config, JSON.stringify({ network: { ovn: { northbound: [ovn.northbound], southbound: [ovn.southbound] } } }));
  rig = await startNetworkRig({ args: ['--config', config] });
  await eventually('two hosts', async () => {
    const { agents } = await rig.expect(200, rig.admin, 'GET', '/v2.0/agents?binary=ovn-controller&agent_type=DHCP%20agent');
    return agents!.length === 2;
  });
  const network = await routedNetwork();
  for (const [name, host] of Object.entries(MACHINES)) {
    const port = await rig.make(rig.admin, '/ports', 'port', { network_id: network.id, 'binding:host_id': host });
    ports[name] = port;
    machines[name] = await hosts.machine(host, name, { id: port.id, mac: String(port['mac_address']), mtu: 1400 });
    await eventually(`${name} is up`, async () => {
      const { port: now } = await rig.expect(200, rig.admin, 'GET', `/v2.0/ports/${port.id}`);
      return now!['status'] === 'ACTIVE';
    });
    await machine(name as Name).up();
  }
});
after(async () => {
  await rig?.close();
  await hosts?.stop();
  await ovn?.stop();
  rmSync(folder, { recursive: true, force: true });
});

test('each machine has an address of its rack’s segment from OVN’s DHCP, and the site’s router as its way out', async () => {
  for (const [name, prefix] of [
    ['m1', RACKS[0].prefix],
    ['m2', RACKS[1].prefix],
    ['m3', RACKS[0].prefix],
  ] as const) {
    assert.ok(address(name).startsWith(prefix), `${name}: ${address(name)}`);
    assert.equal(await machine(name).lease(), address(name));
    assert.match(await machine(name).ip('route'), new RegExp(`^default via ${prefix}1 `, 'm'));
  }
});

test('frames leave with the tag of their segment on the wire of their rack, and on no other', async () => {
  for (const [name, { gateway }] of [
    ['m1', RACKS[0]],
    ['m2', RACKS[1]],
  ] as const)
    await eventually(`${name} meets the router`, async () => (await machine(name).connect(gateway, PORTS.http)) === address(name));
  const [first, second] = await Promise.all(RACKS.map(async ({ rack }) => (await hosts.seen(rack)).toLowerCase()));
  const macOf = (name: Name) => String(ports[name]!['mac_address']);
  assert.deepEqual([first!.includes(macOf('m1')), first!.includes(macOf('m2'))], [true, false]);
  assert.deepEqual([second!.includes(macOf('m1')), second!.includes(macOf('m2'))], [false, true]);
});

test('from rack to rack the site’s router forwards; within a rack nobody has to', async () => {
  assert.equal(await machine('m1').connect(address('m2'), PORTS.http), address('m1'));
  assert.equal(await machine('m2').connect(address('m1'), PORTS.http), address('m2'));
  assert.equal(await machine('m1').connect(address('m3'), PORTS.http), address('m1'));
});
