import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { JsonObject } from '../../core/base/json.ts';
import { startRig, type Rig } from './baremetal-rig.ts';

/**
 * Shapes and refusals by microversion, against a table written from Ironic's version history and not from our own:
 * which field and which resource came when.
 */
let rig: Rig;
let node: string;
const LATEST = 96;

before(async () => {
  rig = await startRig();
  node = await rig.node('manageable', { name: 'shapes', resource_class: 'x' });
});
after(() => rig.stop());

const keysOf = (body: unknown) => Object.keys(body as object).sort();

const NODE_ALWAYS =
  'uuid created_at updated_at driver driver_info properties instance_info instance_uuid extra power_state target_power_state provision_state target_provision_state provision_updated_at maintenance maintenance_reason last_error reservation console_enabled chassis_uuid ports links';
const NODE_SINCE: Readonly<Record<number, string>> = {
  3: 'driver_internal_info',
  5: 'name',
  6: 'inspection_started_at inspection_finished_at',
  7: 'clean_step',
  12: 'raid_config target_raid_config',
  14: 'states',
  20: 'network_interface',
  21: 'resource_class',
  24: 'portgroups',
  31: 'boot_interface console_interface deploy_interface inspect_interface management_interface power_interface raid_interface vendor_interface',
  32: 'volume',
  33: 'storage_interface',
  37: 'traits',
  38: 'rescue_interface',
  40: 'bios_interface',
  42: 'fault',
  44: 'deploy_step',
  46: 'conductor_group',
  47: 'automated_clean',
  48: 'protected protected_reason',
  49: 'conductor',
  50: 'owner',
  51: 'description',
  52: 'allocation_uuid',
  61: 'retired retired_reason',
  65: 'lessee',
  66: 'network_data',
  75: 'boot_mode secure_boot',
  82: 'shard',
  83: 'parent_node',
  86: 'firmware_interface',
  87: 'service_step',
  95: 'disable_power_off',
};
const upTo = (always: string, since: Readonly<Record<number, string>>, version: number) =>
  [always, ...Object.entries(since).flatMap(([from, names]) => (Number(from) <= version ? [names] : []))].join(' ').split(' ').sort();

test('a node has in every version exactly the fields of that version', async () => {
  for (let version = 1; version <= LATEST; version += 1) {
    const shown = await rig.expect(200, 'GET', `/v1/nodes/${node}`, undefined, { version });
    assert.deepEqual(keysOf(shown), upTo(NODE_ALWAYS, NODE_SINCE, version), `1.${version}`);
  }
  const { nodes } = await rig.expect(200, 'GET', '/v1/nodes', undefined, { version: 4 });
  assert.deepEqual(keysOf((nodes as JsonObject[])[0]), ['instance_uuid', 'links', 'maintenance', 'power_state', 'provision_state', 'uuid']);
});

test('a field is refused before its version: in fields=, in sort_key=, in a create and in a patch', async () => {
  for (const [since, names] of Object.entries(NODE_SINCE)) {
    const before = { version: Number(since) - 1 };
    for (const name of names.split(' ').filter((each) => !['states', 'portgroups', 'volume'].includes(each))) {
      await rig.expect(406, 'GET', `/v1/nodes?fields=uuid,${name}`, undefined, before);
      if (Number(since) > 8) await rig.expect(200, 'GET', `/v1/nodes?fields=uuid,${name}`, undefined, { version: Number(since) });
    }
  }
  const written = { resource_class: 'y', owner: 'z', description: 'd', network_interface: 'noop', lessee: 'l', shard: 's', retired: true };
  for (const [name, value] of Object.entries(written)) {
    const since = Number(Object.entries(NODE_SINCE).find(([, names]) => names.split(' ').includes(name))![0]);
    await rig.expect(406, 'POST', '/v1/nodes', { driver: 'fake-hardware', [name]: value }, { version: since - 1 });
    await rig.expect(406, 'PATCH', `/v1/nodes/${node}`, [{ op: 'replace', path: `/${name}`, value }], { version: since - 1 });
    await rig.expect(200, 'PATCH', `/v1/nodes/${node}`, [{ op: 'replace', path: `/${name}`, value }], { version: since });
  }
});

test('filters are refused before their version', async () => {
  const filters: readonly [string, number][] = [
    ['provision_state=available', 9],
    ['driver=fake-hardware', 16],
    ['resource_class=x', 21],
    ['fault=power failure', 42],
    ['conductor_group=', 46],
    ['conductor=x', 49],
    ['owner=x', 50],
    ['lessee=x', 65],
    ['shard=x', 82],
    ['sharded=true', 82],
  ];
  for (const [query, since] of filters) {
    await rig.expect(406, 'GET', `/v1/nodes?${encodeURI(query)}`, undefined, { version: since - 1 });
    await rig.expect(200, 'GET', `/v1/nodes?${encodeURI(query)}`, undefined, { version: since });
    await rig.expect(406, 'GET', `/v1/nodes/detail?${encodeURI(query)}`, undefined, { version: since - 1 });
  }
  await rig.expect(400, 'GET', '/v1/nodes?detail=true', undefined, { version: 42 });
  await rig.expect(200, 'GET', '/v1/nodes?detail=true', undefined, { version: 43 });
});

test('ports and port groups by version', async () => {
  const { uuid } = await rig.expect(201, 'POST', '/v1/ports', { node_uuid: node, address: '52:54:00:01:01:01' });
  const since = {
    18: 'internal_info',
    19: 'pxe_enabled local_link_connection',
    24: 'portgroup_uuid',
    34: 'physical_network',
    53: 'is_smartnic',
    88: 'name',
  };
  for (let version = 1; version <= LATEST; version += 1) {
    const shown = await rig.expect(200, 'GET', `/v1/ports/${uuid as string}`, undefined, { version });
    assert.deepEqual(keysOf(shown), upTo('uuid created_at updated_at address extra node_uuid links', since, version), `1.${version}`);
  }
  const link = { port_id: '1', switch_id: '00:00:00:00:00:01' };
  for (const [version, fields] of [
    [18, { pxe_enabled: true }],
    [18, { local_link_connection: link }],
    [33, { physical_network: 'a' }],
    [52, { is_smartnic: false }],
    [63, { local_link_connection: { network_type: 'unmanaged' } }],
  ] as const)
    await rig.expect(406, 'POST', '/v1/ports', { node_uuid: node, address: '52:54:00:01:01:02', ...fields }, { version });
  await rig.expect(406, 'POST', '/v1/portgroups', { node_uuid: node, mode: '802.3ad' }, { version: 25 });
  await rig.expect(201, 'POST', '/v1/portgroups', { node_uuid: node, mode: '802.3ad' }, { version: 26 });
});

test('resources that a version does not have', async () => {
  const missing: readonly [string, string, number, number][] = [
    ['GET', '/v1/portgroups', 23, 404],
    ['GET', `/v1/nodes/${node}/portgroups`, 24, 404],
    ['GET', `/v1/nodes/${node}/vifs`, 28, 404],
    ['PUT', `/v1/nodes/${node}/management/inject_nmi`, 29, 404],
    ['GET', '/v1/volume', 32, 404],
    ['GET', `/v1/nodes/${node}/traits`, 37, 406],
    ['GET', `/v1/nodes/${node}/bios`, 40, 404],
    ['GET', '/v1/conductors', 49, 404],
    ['GET', '/v1/allocations', 52, 404],
    ['POST', '/v1/allocations', 52, 405],
    ['POST', '/v1/events', 54, 404],
    ['GET', '/v1/deploy_templates', 55, 404],
    ['DELETE', '/v1/deploy_templates/CUSTOM_X', 55, 405],
    ['PUT', `/v1/nodes/${node}/states/boot_mode`, 76, 404],
    ['GET', `/v1/nodes/${node}/history`, 78, 404],
    ['GET', '/v1/shards', 82, 404],
    ['GET', `/v1/nodes/${node}/children`, 83, 404],
    ['GET', `/v1/nodes/${node}/firmware`, 86, 404],
    ['POST', `/v1/nodes/${node}/vmedia`, 89, 404],
    ['GET', '/v1/runbooks', 92, 404],
    ['POST', '/v1/runbooks', 92, 405],
  ];
  for (const [method, path, since, status] of missing) {
    await rig.expect(status, method, path, undefined, { version: since - 1 });
    const now = await rig.call(method, path, undefined, { version: since });
    assert.notEqual(now.status, 405, path);
    assert.notEqual(now.status, 406, path);
  }
});

test('states are called as each version knows them, and new nodes start there', async () => {
  const made = async (version: number) => rig.expect(201, 'POST', '/v1/nodes', { driver: 'fake-hardware' }, { version });
  assert.equal((await made(1))['provision_state'], null);
  assert.equal((await made(2))['provision_state'], 'available');
  assert.equal((await made(10))['provision_state'], 'available');
  assert.equal((await made(11))['provision_state'], 'enroll');
  for (const [target, since] of [
    ['manage', 4],
    ['inspect', 6],
    ['abort', 13],
    ['clean', 15],
    ['adopt', 17],
    ['rescue', 38],
    ['undeploy', 73],
    ['unhold', 85],
    ['service', 87],
  ] as const)
    await rig.expect(406, 'PUT', `/v1/nodes/${node}/states/provision`, { target }, { version: since - 1 });
  await rig.expect(406, 'PUT', `/v1/nodes/${node}/states/power`, { target: 'soft power off' }, { version: 26 });
  await rig.expect(406, 'PUT', `/v1/nodes/${node}/states/power`, { target: 'power on', timeout: 10 }, { version: 26 });
  await rig.expect(404, 'GET', '/v1/nodes/shapes', undefined, { version: 4 });
});

test('pages: limit, marker, next, sorting in both directions with nulls', async () => {
  const ids: string[] = [];
  for (const [name, description] of [
    ['p1', 'b'],
    ['p2', null],
    ['p3', 'a'],
    ['p4', null],
    ['p5', 'c'],
  ] as const)
    ids.push(
      String((await rig.expect(201, 'POST', '/v1/nodes', { driver: 'fake-hardware', name, description, resource_class: 'pages' }))['uuid']),
    );
  const walk = async (query: string) => {
    const seen: string[] = [];
    for (let path: string | undefined = `/v1/nodes?resource_class=pages&limit=2&${query}`; path !== undefined;) {
      const page: JsonObject = await rig.expect(200, 'GET', path);
      seen.push(...(page['nodes'] as JsonObject[]).map((each) => String(each['name'])));
      const next = page['next'] as string | undefined;
      path = next?.slice(next.indexOf('/v1/'));
    }
    return seen.join(' ');
  };
  assert.equal(await walk(''), 'p1 p2 p3 p4 p5');
  assert.equal(await walk('sort_dir=desc'), 'p5 p4 p3 p2 p1');
  assert.equal(await walk('sort_key=description'), 'p2 p4 p3 p1 p5');
  assert.equal(await walk('sort_key=description&sort_dir=desc'), 'p5 p1 p3 p4 p2');
  assert.equal(await walk('sort_key=deploy_interface&fields=name'), 'p1 p2 p3 p4 p5');
  await rig.expect(404, 'GET', '/v1/nodes?marker=00000000-0000-0000-0000-000000000000');
  for (const query of ['limit=0', 'limit=-1', 'sort_dir=up', 'sort_key=extra', 'sort_key=links', 'sort_key=driver_secrets'])
    await rig.expect(400, 'GET', `/v1/nodes?${query}`);
});

test('discovery: the root, the version and its resources', async () => {
  const root = (await (await fetch(`${rig.serve.endpoint}/baremetal/`)).json()) as JsonObject;
  const [v1] = root['versions'] as JsonObject[];
  assert.deepEqual([v1!['id'], v1!['status'], v1!['min_version'], v1!['version']], ['v1', 'CURRENT', '1.1', `1.${LATEST}`]);
  const old = await rig.expect(200, 'GET', '/v1', undefined, { version: 1 });
  assert.deepEqual(keysOf(old), ['chassis', 'drivers', 'id', 'links', 'media_types', 'nodes', 'ports', 'version']);
  assert.ok('shards' in (await rig.expect(200, 'GET', '/v1/', undefined, { version: LATEST })));
});
