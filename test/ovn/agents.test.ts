import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Tenant } from '../identity/identity-rig.ts';
import type { Shown } from '../network/network-rig.ts';
import { addressOf, eventually, startCloudOnHosts, type CloudRig } from './cloud-rig.ts';

/** What is taken from an agent of OVN's hosts is not done there any more: a machine gets no address, a router has its way out elsewhere. */
let rig: CloudRig;
let ann: Tenant;
before(async () => {
  rig = await startCloudOnHosts();
  ann = await rig.tenant('ann');
});
after(() => rig?.close());

async function agentOf(host: string, kind: string): Promise<Shown> {
  const { agents } = await rig.expect(200, rig.admin, 'GET', `/v2.0/agents?host=${host}&agent_type=${encodeURIComponent(kind)}`);
  assert.equal(agents!.length, 1, `${kind} of ${host}`);
  return agents![0]!;
}

test('a machine gets its address while the DHCP agent of its host has the network', async () => {
  const { network } = await rig.net(ann.token, '10.1.0.0/24');
  const machineOn = async (host: string) => {
    const port = await rig.make(ann.token, '/ports', 'port', { network_id: network.id, device_owner: 'compute:nova' });
    await rig.expect(200, rig.admin, 'PUT', `/v2.0/ports/${port.id}`, { port: { 'binding:host_id': host } });
    const mac = String(port['mac_address']);
    const machine = await rig.hosts.machine(host, `on-${host}`, { id: port.id, mac, mtu: Number(network['mtu']) });
    await eventually(`port ${port.id} is up`, async () => {
      const { port: now } = await rig.expect(200, rig.admin, 'GET', `/v2.0/ports/${port.id}`);
      return now!['status'] === 'ACTIVE';
    });
    await machine.up();
    return { port, machine };
  };
  const optionsOf = async ({ id }: Shown) => (await rig.ovn.nbctl('lsp-get-dhcpv4-options', id)).trim();
  const [one, two] = [await machineOn('h1'), await machineOn('h2')];
  const agent = await agentOf('h1', 'DHCP agent');
  const path = `/v2.0/agents/${agent.id}/dhcp-networks`;

  await rig.expect(204, rig.admin, 'DELETE', `${path}/${network.id}`);
  await eventually('h1 has no options', async () => (await optionsOf(one.port)) === '');
  assert.notEqual(await optionsOf(two.port), '', 'the other host answers on');
  await rig.ovn.nbctl('--wait=hv', 'sync');
  await assert.rejects(one.machine.lease(), 'nobody answers');
  assert.equal(await two.machine.lease(), addressOf(two.port));

  await rig.expect(201, rig.admin, 'POST', path, { network_id: network.id });
  await eventually('h1 has options', async () => (await optionsOf(one.port)) !== '');
  await rig.ovn.nbctl('--wait=hv', 'sync');
  assert.equal(await one.machine.lease(), addressOf(one.port));
});

test('a router is where its L3 agents are', async () => {
  const outside = await rig.make(rig.admin, '/networks', 'network', { 'router:external': true });
  await rig.make(rig.admin, '/subnets', 'subnet', { network_id: outside.id, ip_version: 4, cidr: '192.0.2.0/24', enable_dhcp: false });
  const router = await rig.make(ann.token, '/routers', 'router', { external_gateway_info: { network_id: outside.id } });
  const agent = await agentOf('gw', 'L3 agent');
  const { agents } = await rig.expect(200, rig.admin, 'GET', '/v2.0/agents?agent_type=L3%20agent');
  assert.deepEqual(
    agents!.map(({ host, alive }: Shown) => [host, alive]),
    [['gw', true]],
    'none but the gateway host, now that there is OVN',
  );
  const { ports } = await rig.expect(200, rig.admin, 'GET', `/v2.0/ports?device_id=${router.id}`);
  const chassis = async () => await rig.ovn.nbctl('lrp-get-gateway-chassis', `lrp-${ports![0]!.id}`);
  await eventually('the router is in OVN', async () => (await rig.ovn.nbctl('show')).includes(ports![0]!.id));
  await eventually('the router is at gw', async () => /chassis-gw/.test(await chassis()));
  await rig.expect(204, rig.admin, 'DELETE', `/v2.0/agents/${agent.id}/l3-routers/${router.id}`);
  await eventually('it is nowhere', async () => (await chassis()).trim() === '');
  await rig.expect(201, rig.admin, 'POST', `/v2.0/agents/${agent.id}/l3-routers`, { router_id: router.id });
  await eventually('it is at gw again', async () => /chassis-gw/.test(await chassis()));
});
