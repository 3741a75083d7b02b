import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { JsonObject } from '../../core/base/json.ts';
import { faultOf, startRig, type Rig } from './baremetal-rig.ts';

/** The life of a node over HTTP, with the driver whose machine is only its row: every flow is the real one. */
let rig: Rig;
before(async () => {
  rig = await startRig();
});
after(() => rig.stop());

test('enrolled, managed, inspected, made available, deployed, rebuilt and given back', async () => {
  const node = await rig.node('manageable', { resource_class: 'life' });
  const inspected = await rig.verb(node, 'inspect', 'manageable');
  assert.deepEqual([inspected['inspection_started_at'], typeof inspected['inspection_finished_at']], [null, 'string']);
  await rig.verb(node, 'provide', 'available');
  const active = await rig.verb(node, 'active', 'active', { configdrive: { meta_data: { hostname: 'a' } } });
  assert.equal((active['instance_info'] as JsonObject)['configdrive'], '******');
  assert.equal(active['power_state'], 'power on');
  await rig.verb(node, 'rebuild', 'active');
  const back = await rig.verb(node, 'deleted', 'available');
  assert.deepEqual(back['instance_info'], {});
  assert.equal(back['power_state'], 'power off');
});

test('power: on, off, again, softly; a busy node is waited for', async () => {
  const node = await rig.node('manageable');
  for (const [target, state] of [
    ['power on', 'power on'],
    ['rebooting', 'power on'],
    ['soft rebooting', 'power on'],
    ['soft power off', 'power off'],
    ['power on', 'power on'],
    ['power off', 'power off'],
  ] as const) {
    await rig.expect(202, 'PUT', `/v1/nodes/${node}/states/power`, { target });
    await rig.until(node, (shown) => shown['power_state'] === state && shown['target_power_state'] === null);
  }
  for (const target of ['power on', 'power off', 'power on', 'power off'])
    await rig.expect(202, 'PUT', `/v1/nodes/${node}/states/power`, { target });
  await rig.until(node, (shown) => shown['power_state'] === 'power off' && shown['reservation'] === null);
});

test('a delay takes its time, and the node tells what it waits for', async () => {
  const node = await rig.node('manageable', { driver_info: { fake_boot_delay: '60' } });
  await rig.expect(202, 'PUT', `/v1/nodes/${node}/states/provision`, { target: 'provide' });
  await rig.until(node, (shown) => shown['provision_state'] !== 'manageable');
  const waiting = await rig.expect(200, 'GET', `/v1/nodes/${node}?also=waiting_for`);
  assert.ok(waiting['waiting_for'] !== null);
  const locked = await rig.call('DELETE', `/v1/nodes/${node}`);
  assert.equal(locked.status, 409);
  const wrong = await rig.expect(201, 'POST', '/v1/nodes', { driver: 'fake-hardware', driver_info: { fake_power_delay: 'long' } });
  await rig.expect(202, 'PUT', `/v1/nodes/${wrong['uuid'] as string}/states/provision`, { target: 'manage' });
  const refused = await rig.until(wrong['uuid'] as string, (shown) => shown['last_error'] !== null);
  assert.match(String(refused['last_error']), /fake_power_delay/);
});

test('fifty allocations for forty nodes at once: forty get one each, ten are told that there is none', async () => {
  const nodes = await Promise.all(Array.from({ length: 40 }, () => rig.node('available', { resource_class: 'crowd' })));
  const asked = await Promise.all(
    Array.from({ length: 50 }, () => rig.expect(201, 'POST', '/v1/allocations', { resource_class: 'crowd' })),
  );
  const shown = await Promise.all(asked.map(({ uuid }) => rig.expect(200, 'GET', `/v1/allocations/${uuid as string}`)));
  const active = shown.filter(({ state }) => state === 'active');
  assert.equal(active.length, 40);
  assert.deepEqual(new Set(active.map((each) => each['node_uuid'])), new Set(nodes));
  assert.match(String(shown.find(({ state }) => state === 'error')!['last_error']), /no available nodes match the resource class crowd/);
});

test('an allocation by traits and candidates; it goes with its instance', async () => {
  const [plain, golden] = [
    await rig.node('available', { resource_class: 'gold' }),
    await rig.node('available', { resource_class: 'gold' }),
  ];
  await rig.expect(204, 'PUT', `/v1/nodes/${golden}/traits/CUSTOM_GOLD`);
  const none = await rig.expect(201, 'POST', '/v1/allocations', {
    resource_class: 'gold',
    traits: ['CUSTOM_GOLD'],
    candidate_nodes: [plain],
  });
  assert.equal((await rig.expect(200, 'GET', `/v1/allocations/${none['uuid'] as string}`))['state'], 'error');
  await rig.expect(201, 'POST', '/v1/allocations', { name: 'mine', resource_class: 'gold', traits: ['CUSTOM_GOLD'] });
  const mine = await rig.expect(200, 'GET', '/v1/allocations/mine');
  assert.equal(mine['node_uuid'], golden);
  const node = await rig.expect(200, 'GET', `/v1/nodes/${golden}`);
  assert.equal(node['instance_uuid'], mine['uuid']);
  assert.equal(node['allocation_uuid'], mine['uuid']);
  await rig.verb(golden, 'active', 'active');
  assert.match(faultOf(await rig.expect(409, 'DELETE', '/v1/allocations/mine')), /the node is active/);
  assert.match(faultOf(await rig.expect(409, 'DELETE', `/v1/nodes/${golden}`)), /is associated with instance/);
  await rig.verb(golden, 'deleted', 'available');
  await rig.expect(404, 'GET', '/v1/allocations/mine');
});

test('protected and retired nodes, maintenance', async () => {
  const node = await rig.node('active');
  const patch = (operations: object[], status = 200) => rig.expect(status, 'PATCH', `/v1/nodes/${node}`, operations);
  await patch([{ op: 'add', path: '/protected_reason', value: 'x' }], 400);
  await patch([
    { op: 'add', path: '/protected', value: true },
    { op: 'add', path: '/protected_reason', value: 'pet' },
  ]);
  await rig.expect(403, 'PUT', `/v1/nodes/${node}/states/provision`, { target: 'deleted' });
  await patch([{ op: 'replace', path: '/protected', value: 'false' }]);
  await rig.expect(202, 'PUT', `/v1/nodes/${node}/maintenance`, { reason: 'fans' });
  await rig.expect(400, 'PUT', `/v1/nodes/${node}/states/provision`, { target: 'rebuild' });
  assert.equal((await rig.expect(200, 'GET', `/v1/nodes/${node}`))['maintenance_reason'], 'fans');
  await rig.expect(202, 'DELETE', `/v1/nodes/${node}/maintenance`);
  await patch([{ op: 'add', path: '/retired', value: true }]);
  await rig.verb(node, 'deleted', 'available');
  const other = await rig.node('manageable');
  await rig.expect(200, 'PATCH', `/v1/nodes/${other}`, [{ op: 'add', path: '/retired', value: true }]);
  assert.match(faultOf(await rig.expect(400, 'PUT', `/v1/nodes/${other}/states/provision`, { target: 'provide' })), /retired/);
});

test('VIFs go to a port group first; traits are at most fifty', async () => {
  const node = await rig.node('manageable');
  const port = await rig.expect(201, 'POST', '/v1/ports', { node_uuid: node, address: '52:54:00:aa:00:01' });
  const group = await rig.expect(201, 'POST', '/v1/portgroups', { node_uuid: node, address: '52:54:00:aa:00:02' });
  const vif = '3f1c7e0a-2b0f-4f6e-9d5d-0a6f2f7a1c11';
  const vifs = async () => (await rig.expect(200, 'GET', `/v1/nodes/${node}/vifs`))['vifs'];
  await rig.expect(200, 'PATCH', `/v1/ports/${port['uuid'] as string}`, [{ op: 'add', path: '/portgroup_uuid', value: group['uuid']! }]);
  await rig.expect(204, 'POST', `/v1/nodes/${node}/vifs`, { id: vif });
  assert.deepEqual(await vifs(), [{ id: vif }]);
  assert.match(faultOf(await rig.expect(409, 'POST', `/v1/nodes/${node}/vifs`, { id: vif })), /already attached to Ironic Portgroup/);
  assert.match(faultOf(await rig.expect(400, 'POST', `/v1/nodes/${node}/vifs`, { id: 'other' })), /not enough free physical ports/);
  assert.deepEqual((await rig.expect(200, 'GET', `/v1/ports/${port['uuid'] as string}`))['internal_info'], {});
  await rig.expect(204, 'DELETE', `/v1/nodes/${node}/vifs/${vif}`);
  assert.deepEqual(await vifs(), []);
  const traits = Array.from({ length: 50 }, (_each, at) => `CUSTOM_T${at}`);
  await rig.expect(204, 'PUT', `/v1/nodes/${node}/traits`, { traits });
  await rig.expect(400, 'PUT', `/v1/nodes/${node}/traits/CUSTOM_ONE_MORE`);
  await rig.expect(400, 'PUT', `/v1/nodes/${node}/traits`, { traits: ['NO_SUCH_TRAIT'] });
});

test('a runbook: its steps for nodes that have its name as a trait', async () => {
  const steps = [
    { interface: 'power', step: 'power_off', args: {}, order: 2 },
    { interface: 'power', step: 'power_on', args: {}, order: 1 },
  ];
  await rig.expect(201, 'POST', '/v1/runbooks', { name: 'CUSTOM_TIDY', steps });
  const secret = [{ interface: 'power', step: 'power_on', args: { secret_token: 'x' }, order: 1 }];
  assert.ok(!JSON.stringify(await rig.expect(201, 'POST', '/v1/runbooks', { name: 'CUSTOM_SECRET', steps: secret })).includes('"x"'));
  await rig.expect(409, 'POST', '/v1/runbooks', { name: 'CUSTOM_TIDY', steps });
  await rig.expect(400, 'POST', '/v1/runbooks', { name: 'CUSTOM_TWICE', steps: [steps[0], steps[0]] });
  const node = await rig.node('manageable');
  const provision = `/v1/nodes/${node}/states/provision`;
  assert.match(faultOf(await rig.expect(400, 'PUT', provision, { target: 'clean', runbook: 'CUSTOM_TIDY' })), /no trait of that name/);
  await rig.expect(204, 'PUT', `/v1/nodes/${node}/traits/CUSTOM_TIDY`);
  await rig.expect(400, 'PUT', provision, { target: 'clean', runbook: 'CUSTOM_TIDY', clean_steps: [{ interface: 'deploy', step: 'x' }] });
  await rig.expect(404, 'PUT', provision, { target: 'clean', runbook: 'CUSTOM_NONE' });
  await rig.verb(node, 'clean', 'manageable', { runbook: 'CUSTOM_TIDY' });
  await rig.expect(200, 'PATCH', '/v1/runbooks/CUSTOM_TIDY', [{ op: 'replace', path: '/steps/0/order', value: 7 }]);
  await rig.expect(204, 'DELETE', '/v1/runbooks/CUSTOM_TIDY');
});
