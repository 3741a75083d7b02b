import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { sql } from 'kysely';
import { silentLogger } from '../../core/base/logger.ts';
import { connectDatabase, type Database } from '../../core/database/connect-database.ts';
import { writeHosts, type NetworkHost } from '../../network/network-host-service.ts';
import { readNetworkState } from '../../network/network-state-record.ts';
import { startNetworkRig, type NetworkRig, type Shown } from './network-rig.ts';

/** Who carries networks out, without OVN and with hosts of it: what is taken from an agent is not done there, and what nobody does is shown as dead. */
let rig: NetworkRig;
let database: Database;
before(async () => {
  rig = await startNetworkRig();
  database = await connectDatabase({
    connection: { host: join(rig.cloud.data, 'pg-run'), user: 'rackwright', database: 'postgres' },
    logger: silentLogger,
  });
});
after(async () => {
  await database?.close();
  await rig?.close();
});

const get = (path: string) => rig.expect(200, rig.admin, 'GET', `/v2.0${path}`);
const agentsOf = async (query: string): Promise<Shown[]> => (await get(`/agents?${query}`)).agents!;
const idsOf = async (path: string, collection: string): Promise<string[]> => (await get(path))[collection]!.map(({ id }: Shown) => id);
const chassis = (name: string, more: Partial<NetworkHost> = {}): NetworkHost => ({
  name: `chassis-${name}`,
  hostname: name,
  isGateway: true,
  isRouting: true,
  datapathType: 'system',
  bridgeMappings: 'physnet1:br-ex',
  isAlive: true,
  ...more,
});

test('without OVN this host answers DHCP, and who would carry routers is dead and says why', async () => {
  const [dhcp] = await agentsOf('agent_type=DHCP%20agent');
  assert.deepEqual([dhcp!['host'], dhcp!['alive'], dhcp!['availability_zone']], [hostname(), true, 'nova']);
  const [routing] = await agentsOf('agent_type=L3%20agent');
  assert.equal(routing!['alive'], false);
  assert.match(String((routing!['configurations'] as { reason: string }).reason), /nothing carries routers out/);
});

test('a network is taken from its DHCP agent and given back, each once', async () => {
  const { network } = await rig.net(rig.admin, '10.5.0.0/24');
  const [agent] = await agentsOf('agent_type=DHCP%20agent');
  const path = `/v2.0/agents/${agent!.id}/dhcp-networks`;
  const zones = async () => (await get(`/networks/${network.id}`)).network!['availability_zones'];
  assert.deepEqual(await idsOf(`/networks/${network.id}/dhcp-agents`, 'agents'), [agent!.id]);
  assert.deepEqual(await zones(), ['nova']);
  const again = await rig.expect(409, rig.admin, 'POST', path, { network_id: network.id });
  assert.equal(again['NeutronError']!['type'], 'NetworkHostedByDHCPAgent');
  await rig.expect(204, rig.admin, 'DELETE', `${path}/${network.id}`);
  const gone = await rig.expect(409, rig.admin, 'DELETE', `${path}/${network.id}`);
  assert.equal(gone['NeutronError']!['type'], 'NetworkNotHostedByDhcpAgent');
  assert.deepEqual(await idsOf(`/networks/${network.id}/dhcp-agents`, 'agents'), []);
  assert.ok(!(await idsOf(`/agents/${agent!.id}/dhcp-networks`, 'networks')).includes(network.id));
  assert.deepEqual(await zones(), []);
  await rig.expect(201, rig.admin, 'POST', path, { network_id: network.id });
  assert.ok((await idsOf(`/agents/${agent!.id}/dhcp-networks`, 'networks')).includes(network.id));
  const [routing] = await agentsOf('agent_type=L3%20agent');
  const wrong = await rig.expect(409, rig.admin, 'POST', `/v2.0/agents/${routing!.id}/dhcp-networks`, { network_id: network.id });
  assert.equal(wrong['NeutronError']!['type'], 'InvalidDHCPAgent');
});

test('a router is at several hosts, at those that were chosen, or at one', async () => {
  await writeHosts(
    database.db,
    ['g1', 'g2', 'g3'].map((name) => chassis(name)),
  );
  const outside = await rig.make(rig.admin, '/networks', 'network', { 'router:external': true });
  await rig.make(rig.admin, '/subnets', 'subnet', { network_id: outside.id, ip_version: 4, cidr: '203.0.113.0/24' });
  const router = (more: object) =>
    rig.make(rig.admin, '/routers', 'router', { external_gateway_info: { network_id: outside.id }, ...more });
  const hostsOf = async ({ id }: Shown) =>
    (await get(`/routers/${id}/l3-agents`))
      .agents!.filter(({ binary }: Shown) => binary === 'ovn-controller')
      .map(({ host }: Shown) => String(host));
  const inOvn = async ({ id }: Shown) => (await readNetworkState(database.db)).routers.find((one) => one.id === id)!.gateway!.hosts;
  const agents = new Map((await agentsOf('agent_type=L3%20agent')).map((agent) => [agent['host'], agent.id]));

  const usual = await router({});
  assert.deepEqual((await hostsOf(usual)).sort(), ['g1', 'g2', 'g3']);
  assert.deepEqual([...(await inOvn(usual))].sort(), ['chassis-g1', 'chassis-g2', 'chassis-g3']);
  for (const host of [hostname(), 'g1', 'g3'])
    await rig.expect(204, rig.admin, 'DELETE', `/v2.0/agents/${agents.get(host)}/l3-routers/${usual.id}`);
  assert.deepEqual(await inOvn(usual), ['chassis-g2']);
  await rig.expect(204, rig.admin, 'DELETE', `/v2.0/agents/${agents.get('g2')}/l3-routers/${usual.id}`);
  assert.deepEqual(await inOvn(usual), [], 'nobody takes the place of the last one by himself');
  await rig.expect(201, rig.admin, 'POST', `/v2.0/agents/${agents.get('g3')}/l3-routers`, { router_id: usual.id });
  assert.deepEqual(await inOvn(usual), ['chassis-g3']);
  assert.deepEqual(await idsOf(`/agents/${agents.get('g3')}/l3-routers`, 'routers'), [usual.id]);
  const gone = await rig.expect(409, rig.admin, 'DELETE', `/v2.0/agents/${agents.get('g1')}/l3-routers/${usual.id}`);
  assert.equal(gone['NeutronError']!['type'], 'RouterNotHostedByL3Agent');

  const single = await router({ ha: false });
  const { agents: at } = await get(`/routers/${single.id}/l3-agents`);
  assert.equal(at!.length, 1);
  const other = [...agents.values()].find((id) => id !== at![0]!.id);
  const twice = await rig.expect(409, rig.admin, 'POST', `/v2.0/agents/${other}/l3-routers`, { router_id: single.id });
  assert.equal(twice['NeutronError']!['type'], 'RouterHostedByL3Agent');

  await rig.expect(200, rig.admin, 'PUT', `/v2.0/agents/${agents.get('g3')}`, { agent: { admin_state_up: false } });
  assert.deepEqual(await inOvn(usual), [], 'a host that is switched off has none');
  await writeHosts(database.db, [chassis('g1'), chassis('g2', { isRouting: false }), chassis('g4')]);
  assert.deepEqual(await inOvn(usual), ['chassis-g4'], 'when the chosen host is gone, those that it was not taken from are drawn again');
});

test('OVN’s host does not answer on a network that was taken from it; machines on no host are answered while anybody does', async () => {
  await writeHosts(
    database.db,
    ['h1', 'h2'].map((name) => chassis(name)),
  );
  const { network } = await rig.net(rig.admin, '10.6.0.0/24');
  const dhcpNow = async () => (await readNetworkState(database.db)).networks.find(({ id }) => id === network.id)!.dhcp;
  const agents = new Map((await agentsOf('agent_type=DHCP%20agent')).map((agent) => [agent['host'], agent.id]));
  assert.deepEqual(await dhcpNow(), { isServed: true, notAt: [] });
  await rig.expect(204, rig.admin, 'DELETE', `/v2.0/agents/${agents.get('h1')}/dhcp-networks/${network.id}`);
  assert.deepEqual(await dhcpNow(), { isServed: true, notAt: ['h1', 'chassis-h1'] });
  await rig.expect(200, rig.admin, 'PUT', `/v2.0/agents/${agents.get('h2')}`, { agent: { admin_state_up: false } });
  const { isServed, notAt } = await dhcpNow();
  assert.deepEqual([isServed, [...notAt].sort()], [false, ['chassis-h1', 'chassis-h2', 'h1', 'h2']]);
  await writeHosts(database.db, []);
});

test('a project’s HA network is there from its first such router to its last', async () => {
  const ann = await rig.tenant('ann');
  const router = () => rig.make(rig.admin, '/routers', 'router', { project_id: ann.projectId, ha: true, admin_state_up: false });
  const found = async (): Promise<Shown | undefined> =>
    (await get(`/networks?name=${encodeURIComponent(`HA network tenant ${ann.projectId}`)}`)).networks![0];
  const [first, second] = await Promise.all([router(), router()]);
  const network = await found();
  assert.ok(Number(network!['provider:segmentation_id']) > 0);
  const { networks: anns } = await rig.expect(200, ann.token, 'GET', '/v2.0/networks');
  assert.ok(!anns!.some(({ id }: Shown) => id === network!.id), 'it is not the project’s own');
  await rig.expect(204, rig.admin, 'DELETE', `/v2.0/routers/${first.id}`);
  assert.equal((await found())!['provider:segmentation_id'], network!['provider:segmentation_id']);
  await rig.expect(200, rig.admin, 'PUT', `/v2.0/routers/${second.id}`, { router: { ha: false } });
  assert.equal(await found(), undefined);
});

test('a host that gives no sign of life is dead, with the time of its last', async () => {
  await writeHosts(database.db, [chassis('quiet')]);
  const silence = `update network_agent set heartbeat_timestamp = now() - interval '76 seconds' where host = 'quiet'`;
  await sql.raw(silence).execute(database.db);
  await writeHosts(database.db, [chassis('quiet', { isAlive: false })]);
  for (const agent of await agentsOf('host=quiet')) {
    assert.equal(agent['alive'], false);
    assert.match((agent['configurations'] as { reason: string }).reason, /nothing was heard of it since \d{4}-/);
  }
  await writeHosts(database.db, [chassis('quiet')]);
  for (const agent of await agentsOf('host=quiet')) {
    assert.equal(agent['alive'], true);
    assert.ok(!('reason' in (agent['configurations'] as object)));
  }
});
