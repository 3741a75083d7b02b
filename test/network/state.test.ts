import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { readCreate } from '../../network/attribute-policy.ts';
import { announceAgent } from '../../network/agent-service.ts';
import { NETWORK_CHANGED, readNetworkState } from '../../network/network-state-record.ts';
import { plugIn, plugOut } from '../../network/port-plug-service.ts';
import { createRows, deleteOne, inTransaction, listOf, mustShow, updateOne } from '../../network/resource-service.ts';
import type { Resource, Row, Values } from '../../network/resource.ts';
import { agents, networks, ports, subnets } from '../../network/resources.ts';
import { startDatabaseRig, type DatabaseRig } from '../core/database-rig.ts';

/** The room without the API: what a back end hears and reads, and how bare metal plugs in. */
const ANN = { projectId: 'ann', seesAll: false };
const BOB = { projectId: 'bob', seesAll: false };
let rig: DatabaseRig;
let database: Awaited<ReturnType<DatabaseRig['freshDatabase']>>;
before(async () => {
  rig = await startDatabaseRig();
  database = await rig.freshDatabase();
});
after(() => rig?.close());

const make = async (resource: Resource, values: Values, actor = ANN): Promise<Row> =>
  (await createRows(database.db, actor, resource, [readCreate(resource, values, actor)]))[0]!;
const anyone = async () => undefined;

test('each change is told once it is committed, and then read in one state', async () => {
  let heard = 0;
  let wake: () => void = () => undefined;
  const stop = database.listen(NETWORK_CHANGED, () => {
    heard += 1;
    wake();
  });
  const told = () => new Promise<void>((resolve) => (wake = resolve));
  await new Promise<void>((resolve) => {
    const off = database.onReconnect(() => {
      off();
      resolve();
    });
  });
  const first = told();
  const network = await make(networks, { name: 'n' });
  await first;
  const subnet = await make(subnets, { network_id: network.id, ip_version: 4, cidr: '10.0.0.0/24' });
  const port = await make(ports, { network_id: network.id, fixed_ips: [{ ip_address: '10.0.0.9' }] });
  const state = await readNetworkState(database.db);
  assert.deepEqual(
    state.networks.map((each) => [each.id, each.mtu, each.provider]),
    [[network.id, 1442, null]],
  );
  assert.equal(state.subnets[0]!.gateway, '10.0.0.1');
  assert.deepEqual(state.ports[0]!.addresses, [{ subnetId: subnet.id, address: '10.0.0.9' }]);
  assert.equal(state.ports[0]!.securityGroupIds.length, 1);
  assert.equal(state.securityGroups[0]!.rules.length, 4, 'out to everywhere, in from the group itself, of both families');
  const failing = updateOne(database.db, ANN, ports, { key: port.id, values: { fixed_ips: [{ ip_address: '192.0.2.1' }] } }, anyone);
  await assert.rejects(failing, /not a valid IP/);
  const before = heard;
  const last = told();
  await deleteOne(database.db, ANN, ports, { key: port.id }, anyone);
  await last;
  assert.equal(heard, before + 1, 'what was rolled back was not told');
  stop();
});

test('a port comes up on a NIC of bare metal with the NIC’s address, and goes down without it', async () => {
  const network = await make(networks, { name: 'metal' });
  await make(subnets, { network_id: network.id, ip_version: 4, cidr: '10.1.0.0/24' });
  const port = await make(ports, { network_id: network.id });
  assert.equal(port['status'], 'DOWN');
  const plug = {
    nodeId: 'node-1',
    mac: '52:54:00:00:00:07',
    isSwitched: false,
    switchLinks: [{ switch_id: 'a', port_id: '1' }],
    group: null,
  };
  const shown = async () => (await mustShow(database.db, { projectId: null, seesAll: true }, ports, port.id)).row;
  await inTransaction(database.db, (trx) => plugIn(trx, BOB, port.id, plug));
  assert.equal((await shown())['status'], 'DOWN', 'who does not see the port plugs nothing in');
  await inTransaction(database.db, (trx) => plugIn(trx, ANN, port.id, plug));
  const up = await shown();
  assert.deepEqual(
    [up['status'], up['binding:host_id'], up['mac_address'], up['binding:vif_type']],
    ['ACTIVE', 'node-1', plug.mac, 'other'],
  );
  await inTransaction(database.db, (trx) => plugOut(trx, port.id, 'node-2'));
  assert.equal((await shown())['status'], 'ACTIVE', 'another node has nothing to take away');
  await inTransaction(database.db, (trx) => plugOut(trx, port.id, 'node-1'));
  const down = await shown();
  assert.deepEqual([down['status'], down['binding:host_id']], ['DOWN', '']);
  assert.notEqual(down['mac_address'], plug.mac, 'the NIC may come to another port');
  await inTransaction(database.db, (trx) => plugIn(trx, ANN, 'no-uuid', plug));
});

test('an agent is there from its first word on, once', async () => {
  const agent = { agentType: 'DHCP agent', binary: 'x', host: 'h', topic: 't', configurations: { a: 1 } };
  await announceAgent(database.db, agent, true);
  await announceAgent(database.db, { ...agent, configurations: { a: 2 } }, false);
  const page = await listOf(database.db, ANN, agents, { filters: new Map(), names: ['alive', 'configurations'], sorts: [] });
  assert.deepEqual(JSON.parse(page.json), [{ alive: true, configurations: { a: 2 } }]);
});
