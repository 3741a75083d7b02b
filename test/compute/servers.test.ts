import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Tenant } from '../identity/identity-rig.ts';
import { isStatus, startComputeRig, type ComputeRig } from './compute-rig.ts';

/** Servers on fake metal, as tenants see them and as the rooms below have them. */
let rig: ComputeRig;
let tenant: Tenant & { readonly network: string };
let machines: string[];
before(async () => {
  rig = await startComputeRig();
  machines = await rig.machines(3);
  tenant = await rig.tenant('first');
});
after(() => rig.close());

const allocationsOf = async (server: string) => Object.keys((await rig.look(`/placement/allocations/${server}`))['allocations']!);
const portsOf = async (server: string) =>
  (await rig.look(`/networking/v2.0/ports?device_id=${server}`))['ports'] as unknown as Record<string, unknown>[];
const nodeOf = async (uuid: string) => rig.look(`/baremetal/v1/nodes/${uuid}`);
const allAvailable = (nodes: readonly Record<string, unknown>[]) =>
  nodes.every((node) => node['provision_state'] === 'available' && node['instance_uuid'] === null);
test('a server gets a machine, a claim, ports on its links and a config drive; deleted, it leaves nothing', async () => {
  const { token, network } = tenant;
  await rig.expect(201, token, 'POST', '/os-keypairs', { keypair: { name: 'k', type: 'ssh', public_key: KEY } }, '2.92');
  const id = await rig.server(token, { networks: [{ uuid: network }], key_name: 'k', metadata: { role: 'web' }, tags: ['a'] });
  const shown = await rig.until(token, id, isStatus('ACTIVE'));
  assert.deepEqual(Object.keys(shown['addresses']!), ['net-first']);
  assert.equal(shown['OS-EXT-SRV-ATTR:host'], undefined);
  const [machine] = await allocationsOf(id);
  assert.ok(machines.includes(machine!));
  const node = await nodeOf(machine!);
  assert.deepEqual([node['provision_state'], node['instance_uuid'], node['power_state']], ['active', id, 'power on']);
  assert.equal(node['instance_info']!['image_source'], rig.image);
  const [port] = await portsOf(id);
  assert.deepEqual([port!['binding:host_id'], port!['binding:vnic_type'], port!['device_owner']], [machine, 'baremetal', 'compute:nova']);
  const links = (await rig.look(`/baremetal/v1/ports/detail?node=${machine}`))['ports'] as unknown as { address: string }[];
  assert.ok(links.some(({ address }) => address === port!['mac_address']));

  await rig.expect(204, token, 'DELETE', `/servers/${id}`);
  await rig.untilGone(token, id);
  assert.deepEqual([await allocationsOf(id), await portsOf(id)], [[], []]);
  await rig.untilNodes(allAvailable);
  const actions = (await rig.expect(200, token, 'GET', `/servers/${id}/os-instance-actions`))['instanceActions'] as unknown as {
    action: string;
  }[];
  assert.deepEqual(
    actions.map(({ action }) => action),
    ['delete', 'create'],
  );
  assert.deepEqual(await rig.audit(), []);
});

const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIH/DnDx1Q7LiZo0oJmi12ZpBoLzky204AjoKk4jR3XiL who@where';

test('stopped, started, rebooted, rebuilt, rescued; each is an action with an event that ended well', async () => {
  const { token, network } = tenant;
  const id = await rig.server(token, { networks: [{ uuid: network }] });
  await rig.until(token, id, isStatus('ACTIVE'));
  const act = (body: object, status = 202) => rig.expect(status, token, 'POST', `/servers/${id}/action`, body);
  const resting = (status: string) => (shown: Record<string, unknown>) =>
    shown['status'] === status && shown['OS-EXT-STS:task_state'] === null;
  for (const [body, status, rest] of [
    [{ 'os-stop': null }, 202, 'SHUTOFF'],
    [{ 'os-start': null }, 202, 'ACTIVE'],
    [{ reboot: { type: 'SOFT' } }, 202, 'ACTIVE'],
    [{ reboot: { type: 'HARD' } }, 202, 'ACTIVE'],
    [{ rebuild: { imageRef: rig.image, name: 'other' } }, 202, 'ACTIVE'],
    [{ rescue: null }, 200, 'RESCUE'],
    [{ unrescue: null }, 202, 'ACTIVE'],
  ] as const) {
    await act(body, status);
    await rig.until(token, id, resting(rest));
  }
  const { instanceActions } = (await rig.expect(200, token, 'GET', `/servers/${id}/os-instance-actions`)) as unknown as {
    instanceActions: { action: string; request_id: string; message: string | null }[];
  };
  assert.deepEqual(
    instanceActions.map(({ action, message }) => [action, message]),
    ['unrescue', 'rescue', 'rebuild', 'reboot', 'reboot', 'start', 'stop', 'create'].map((action) => [action, null]),
  );
  // What metal can not do is refused by name, and after the state was looked at.
  assert.equal((await rig.call(token, 'POST', `/servers/${id}/action`, { pause: null })).status, 501);
  assert.equal((await rig.call(token, 'POST', `/servers/${id}/action`, { resume: null })).status, 409);
  // Who switches the machine off by the Bare Metal API has stopped the server: it is what its machine says.
  const [machine] = await allocationsOf(id);
  await rig.baremetal('PUT', `/nodes/${machine}/states/power`, { target: 'power off' });
  await rig.until(token, id, resting('SHUTOFF'));
  await rig.expect(204, token, 'DELETE', `/servers/${id}`);
  await rig.untilGone(token, id);
  await rig.untilNodes(allAvailable);
});

test('ten creators at once and three machines: three are active, seven say which filter left them nothing', async () => {
  const creators = await Promise.all(Array.from({ length: 10 }, (_each, at) => rig.cloud.tenant(`creator-${at}`, ['member'])));
  const made = await Promise.all(creators.map(async ({ token }) => ({ token, id: await rig.server(token, { networks: 'none' }) })));
  const ends = await Promise.all(
    made.map(({ token, id }) => rig.until(token, id, (shown) => ['ACTIVE', 'ERROR'].includes(String(shown['status'])))),
  );
  const active = ends.filter(isStatus('ACTIVE'));
  assert.equal(active.length, 3);
  assert.equal(new Set(active.map((shown) => shown['hostId'])).size, 3);
  for (const shown of ends.filter(isStatus('ERROR'))) {
    assert.match(String(shown['fault']!['message']), /^No valid host was found/);
    assert.equal(shown['fault']!['details'], undefined, 'a tenant is not told about machines');
  }
  const failed = made.find((_each, at) => isStatus('ERROR')(ends[at]!))!;
  const asAdmin = (await rig.expect(200, rig.cloud.admin, 'GET', `/servers/${failed.id}`))['server']!;
  assert.match(String(asAdmin['fault']!['details']), /Placement offered \d|went to others meanwhile/);
  assert.deepEqual(await rig.audit(), []);
  for (const { token, id } of made) await rig.expect(204, token, 'DELETE', `/servers/${id}`);
  for (const { token, id } of made) await rig.untilGone(token, id);
  await rig.untilNodes(allAvailable);
});

test('two tenants: neither sees, lists or touches the other one’s servers', async () => {
  const [a, b] = [await rig.cloud.tenant('a', ['member']), await rig.cloud.tenant('b', ['member'])];
  const id = await rig.server(a.token, { networks: 'none' });
  await rig.until(a.token, id, isStatus('ACTIVE'));
  for (const [method, path, body] of [
    ['GET', '', undefined],
    ['PUT', '', { server: { name: 'mine' } }],
    ['DELETE', '', undefined],
    ['GET', '/metadata', undefined],
    ['PUT', '/tags/x', undefined],
    ['GET', '/os-interface', undefined],
    ['GET', '/os-instance-actions', undefined],
    ['POST', '/action', { 'os-stop': null }],
    ['POST', '/action', { lock: null }],
  ] as const)
    assert.equal((await rig.call(b.token, method, `/servers/${id}${path}`, body)).status, 404, `${method} ${path}`);
  assert.deepEqual((await rig.expect(200, b.token, 'GET', '/servers/detail'))['servers'], []);
  assert.equal((await rig.call(b.token, 'GET', '/servers?all_tenants=1')).status, 403);
  // What is locked by its owner is the owner's to delete once unlocked.
  await rig.expect(202, a.token, 'POST', `/servers/${id}/action`, { lock: { locked_reason: 'kept' } });
  assert.equal((await rig.call(a.token, 'DELETE', `/servers/${id}`)).status, 409);
  await rig.call(a.token, 'POST', `/servers/${id}/action`, { unlock: null });
  await rig.call(a.token, 'DELETE', `/servers/${id}`);
  await rig.untilGone(a.token, id);
});

test('deleted while it is being built: the deployment is broken off and the machine comes back', async () => {
  const [slow] = await rig.machines(1, { resource_class: 'slow', driver_info: { fake_deploy_delay: '600' } });
  await rig.flavor('slow', 'CUSTOM_SLOW');
  const id = await rig.server(tenant.token, { flavorRef: 'slow', networks: [{ uuid: tenant.network }] });
  await rig.untilNodes((nodes) =>
    nodes.some(
      (node) =>
        (String(node['uuid']) === slow && String(node['provision_state']) === 'wait call-back') ||
        String(node['provision_state']) === 'deploying',
    ),
  );
  await rig.call(tenant.token, 'DELETE', `/servers/${id}`);
  await rig.untilGone(tenant.token, id);
  assert.deepEqual([await allocationsOf(id), await portsOf(id)], [[], []]);
  await rig.untilNodes(allAvailable);
  assert.deepEqual(await rig.audit(), []);
});

test('a deployment that fails goes on with the next machine, and the first one comes back', async () => {
  const { admin } = rig.cloud;
  // Held at the first step, so that one deployment can be broken off and the other let go on.
  await rig.baremetal('POST', '/deploy_templates', {
    name: 'CUSTOM_HELD',
    steps: [{ interface: 'power', step: 'hold', args: {}, priority: 95 }],
  });
  const pair = await rig.machines(2, { resource_class: 'pair' });
  for (const machine of pair) await rig.baremetal('PUT', `/nodes/${machine}/traits/CUSTOM_HELD`);
  await rig.flavor('pair', 'CUSTOM_PAIR', { 'trait:CUSTOM_HELD': 'required' });
  const id = await rig.server(tenant.token, { flavorRef: 'pair', networks: [{ uuid: tenant.network }] });
  let first = '';
  const isOn = (nodes: readonly Record<string, unknown>[], state: string) =>
    nodes.find((node) => node['instance_uuid'] === id && node['provision_state'] === state && node['uuid'] !== first);
  const held = async () => {
    let uuid = '';
    await rig.untilNodes((nodes) => (uuid = String(isOn(nodes, 'deploy hold')?.['uuid'] ?? '')) !== '');
    return uuid;
  };
  first = await held();
  const [before] = await portsOf(id);
  // What the flow waits for is told as for nodes.
  const waiting = (await rig.expect(200, tenant.token, 'GET', `/servers/${id}?also=waiting_for`))['server']!['waiting_for']!;
  assert.match(String(waiting['what']), /to be deployed$/);
  await rig.baremetal('PUT', `/nodes/${first}/states/provision`, { target: 'abort' });
  await rig.baremetal('PUT', `/nodes/${await held()}/states/provision`, { target: 'unhold' });
  const shown = await rig.until(tenant.token, id, (one) => ['ACTIVE', 'ERROR'].includes(String(one['status'])));
  assert.equal(String(shown['status']), 'ACTIVE', JSON.stringify(shown));
  const [second] = await allocationsOf(id);
  assert.deepEqual([second !== first, pair.includes(second!)], [true, true]);
  const [after] = await portsOf(id);
  assert.deepEqual([after!['id'], after!['binding:host_id'], after!['fixed_ips']], [before!['id'], second, before!['fixed_ips']]);
  assert.notEqual(after!['mac_address'], before!['mac_address']);
  await rig.untilNodes((nodes) => nodes.some((node) => String(node['uuid']) === first && String(node['provision_state']) === 'available'));
  assert.deepEqual(await rig.audit(), []);
  await rig.expect(204, admin, 'DELETE', `/servers/${id}`);
  await rig.untilGone(tenant.token, id);
  await rig.untilNodes(allAvailable);
});

test('deleted at any moment after it was asked for, also in the one in which it becomes active', async () => {
  for (const moment of [0, 20, 60, 120, 180, 240, 300, 400]) {
    const id = await rig.server(tenant.token, { networks: [{ uuid: tenant.network }] });
    await sleep(moment);
    assert.equal((await rig.call(tenant.token, 'DELETE', `/servers/${id}`)).status, 204);
    await rig.untilGone(tenant.token, id);
    await rig.untilNodes(allAvailable);
  }
  assert.deepEqual(await rig.audit(), []);
});

test('a flavor that asks for a processor finds no machine: those are sold as a whole', async () => {
  const { admin } = rig.cloud;
  await rig.expect(200, admin, 'POST', '/flavors', { flavor: { name: 'small', id: 'small', ram: 64, vcpus: 1, disk: 1 } });
  const id = await rig.server(tenant.token, { flavorRef: 'small', networks: 'none' });
  const shown = await rig.until(tenant.token, id, isStatus('ERROR'));
  assert.match(String(shown['fault']!['message']), /^No valid host was found/);
  await rig.call(tenant.token, 'DELETE', `/servers/${id}`);
  assert.equal((await rig.call(tenant.token, 'GET', `/servers/${id}`)).status, 404);
});
