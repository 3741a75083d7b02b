import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { SERVICES } from '../../api/services.ts';
import type { Tenant } from '../identity/identity-rig.ts';
import { fill, furnish, SECRET } from './furnish.ts';
import { startNetworkRig, type NetworkRig } from './network-rig.ts';

/** The newer policies, enforced: what each role of a project may do with what is the project's, over every operation. */
const OPERATIONS = SERVICES.find((service) => service.type === 'network')!.routes.filter((route) => route.open !== true);
let rig: NetworkRig;
let ann: Tenant;
let ids: Record<string, string>;
/** Ann's project, read only. */
let reader: string;
const strangers: Record<string, string> = {};

before(async () => {
  rig = await startNetworkRig({ args: ['--enforce-scope'] });
  ann = await rig.tenant('ann');
  ids = await furnish(rig, ann);
  const { cloud } = rig;
  const made = await cloud.call(cloud.admin, 'POST', '/users', { user: { name: 'reader', domain_id: 'default', password: 'pw' } });
  const userId = String(made.body['user']!['id']);
  const roles = (await cloud.call(cloud.admin, 'GET', '/roles?name=reader')).body['roles'] as unknown as { id: string }[];
  await cloud.call(cloud.admin, 'PUT', `/projects/${ann.projectId}/users/${userId}/roles/${roles[0]!.id}`);
  reader = await cloud.login({
    identity: { methods: ['password'], password: { user: { id: userId, password: 'pw' } } },
    scope: { project: { id: ann.projectId } },
  });
  for (const role of ['member', 'reader', 'manager']) strangers[role] = (await rig.tenant(`other-${role}`, [role])).token;
});
after(() => rig?.close());

test('a reader of the project reads what is the project’s and changes nothing', async () => {
  const before = await rig.expect(200, ann.token, 'GET', `/v2.0/networks/${ids['/networks']}`);
  for (const { method, path } of OPERATIONS.filter((each) => each.method !== 'GET')) {
    const { status } = await rig.call(reader, method, fill(ids, path), method === 'DELETE' ? undefined : {});
    assert.ok([400, 403, 404].includes(status), `${method} ${path}: ${status}`);
  }
  for (const path of [
    '/networks',
    '/subnets',
    '/ports',
    '/routers',
    '/security-groups',
    '/subnetpools',
    '/trunks',
    '/floatingips',
    '/qos/policies',
  ])
    await rig.expect(200, reader, 'GET', `/v2.0${path}/${ids[path]}`);
  const now = await rig.expect(200, ann.token, 'GET', `/v2.0/networks/${ids['/networks']}`);
  assert.deepEqual(now, before);
});

test('whoever is of another project learns and changes nothing, whatever the role', async () => {
  for (const [role, token] of Object.entries(strangers)) {
    for (const { method, path } of OPERATIONS) {
      const answer = await rig.call(token, method, fill(ids, path), method === 'GET' || method === 'DELETE' ? undefined : {});
      const what = `${role}: ${method} ${path} → ${answer.status} ${JSON.stringify(answer.body)}`;
      assert.ok(answer.status < 500, what);
      assert.ok(!JSON.stringify(answer.body).includes(SECRET), what);
    }
  }
  for (const path of ['/networks', '/ports', '/routers', '/trunks']) await rig.expect(200, ann.token, 'GET', `/v2.0${path}/${ids[path]}`);
});

test('attributes of the operator are neither shown to a member nor taken from one', async () => {
  const network = (await rig.expect(200, ann.token, 'GET', `/v2.0/networks/${ids['/networks']}`))['network']!;
  const port = (await rig.expect(200, ann.token, 'GET', `/v2.0/ports/${ids['/ports']}`))['port']!;
  const router = (await rig.expect(200, ann.token, 'GET', `/v2.0/routers/${ids['/routers']}`))['router']!;
  for (const name of ['provider:network_type', 'provider:segmentation_id', 'segments']) assert.ok(!(name in network), name);
  for (const name of ['binding:host_id', 'binding:profile', 'binding:vif_type', 'resource_request']) assert.ok(!(name in port), name);
  for (const name of ['ha', 'distributed']) assert.ok(!(name in router), name);
  const asAdmin = (await rig.expect(200, rig.admin, 'GET', `/v2.0/networks/${ids['/networks']}`))['network']!;
  assert.equal(asAdmin['provider:network_type'], 'geneve');
  const refused: readonly (readonly [path: string, member: string, values: object])[] = [
    ['/networks', 'network', { shared: true }],
    ['/networks', 'network', { 'router:external': true }],
    ['/networks', 'network', { 'provider:network_type': 'vlan', 'provider:physical_network': 'p' }],
    ['/ports', 'port', { network_id: network.id, 'binding:host_id': 'h' }],
    ['/routers', 'router', { distributed: true }],
    ['/rbac-policies', 'rbac_policy', { object_type: 'network', object_id: network.id, action: 'access_as_shared', target_tenant: '*' }],
  ];
  for (const [path, member, values] of refused) {
    const { body } = { body: await rig.expect(403, ann.token, 'POST', `/v2.0${path}`, { [member]: values }) };
    assert.equal(body['NeutronError']!['type'], 'PolicyNotAuthorized');
  }
  await rig.expect(403, ann.token, 'PUT', `/v2.0/networks/${network.id}`, { network: { shared: true } });
});

test('what is shared with a project is seen by it, and used, and can then not be taken away', async () => {
  const other = strangers['member']!;
  const target = (await rig.expect(200, other, 'GET', '/v2.0/quotas/tenant'))['tenant']!['tenant_id'];
  const policy = { object_type: 'network', object_id: ids['/networks'], action: 'access_as_shared', target_tenant: target };
  await rig.expect(404, other, 'GET', `/v2.0/networks/${ids['/networks']}`);
  const made = await rig.make(ann.token, '/rbac-policies', 'rbac_policy', policy);
  assert.equal((await rig.expect(200, other, 'GET', `/v2.0/networks/${ids['/networks']}`))['network']!['shared'], true);
  const port = await rig.make(other, '/ports', 'port', { network_id: ids['/networks'] });
  await rig.expect(403, other, 'PUT', `/v2.0/networks/${ids['/networks']}`, { network: { name: 'mine' } });
  await rig.expect(409, ann.token, 'DELETE', `/v2.0/rbac-policies/${made.id}`);
  await rig.expect(204, other, 'DELETE', `/v2.0/ports/${port.id}`);
  await rig.expect(204, ann.token, 'DELETE', `/v2.0/rbac-policies/${made.id}`);
  await rig.expect(404, other, 'GET', `/v2.0/networks/${ids['/networks']}`);
});
