import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { SERVICES } from '../../api/services.ts';
import type { Tenant } from '../identity/identity-rig.ts';
import { fill, furnish, SECRET } from './furnish.ts';
import { startNetworkRig, type NetworkRig } from './network-rig.ts';

/** Over all operations of the Network API, none left out: strangers learn and change nothing, and nonsense is refused, never a crash. */
const OPERATIONS = SERVICES.find((service) => service.type === 'network')!.routes.filter((route) => route.open !== true);

let rig: NetworkRig;
let ann: Tenant;
let mallory: Tenant;
const ids: Record<string, string> = {};

before(async () => {
  rig = await startNetworkRig();
  ann = await rig.tenant('ann');
  mallory = await rig.tenant('mallory');
  Object.assign(ids, await furnish(rig, ann));
});
after(() => rig?.close());

const bodyOf = (method: string) => (method === 'GET' || method === 'DELETE' ? undefined : {});

/** Names of collections, whose members everybody may make for themselves: what they make is their own. */
const isOwn = (answer: { body: object }) => !JSON.stringify(answer.body).includes(SECRET);

test('a member of another project learns and changes nothing', async () => {
  for (const { method, path } of OPERATIONS) {
    const what = `${method} ${path}`;
    const answer = await rig.call(mallory.token, method, fill(ids, path), bodyOf(method));
    assert.ok(answer.status < 500, `${what}: ${answer.status}`);
    assert.ok(isOwn(answer), `${what} told ${JSON.stringify(answer.body)}`);
    if (fill(ids, path) !== path && !path.includes('/quotas/') && !path.includes('/extensions/') && !path.includes('/:alias'))
      assert.ok([400, 403, 404, 405].includes(answer.status), `${what}: ${answer.status} ${JSON.stringify(answer.body)}`);
  }
  for (const collection of ['networks', 'ports', 'routers', 'security-groups', 'subnetpools', 'trunks', 'floatingips'])
    await rig.expect(200, ann.token, 'GET', `/v2.0/${collection}/${ids[`/${collection}`]}`);
});

test('nobody gets anywhere without a token', async () => {
  for (const { method, path } of OPERATIONS) {
    const { status, body } = await rig.call('', method, fill(ids, path), bodyOf(method));
    assert.equal(status, 401, `${method} ${path}`);
    assert.equal(body['error']!['code'], 401);
  }
});

const NONSENSE: readonly unknown[] = [
  null,
  [],
  'text',
  7,
  true,
  {},
  { x: 1 },
  '\u0000',
  'x'.repeat(5000),
  -1,
  1e300,
  [[]],
  [{}],
  [null],
  { id: 1 },
  '::',
  '10.0.0.0/99',
];

test('nonsense in every attribute of every noun is refused in Neutron’s words, never a crash', async () => {
  for (const { method, path } of OPERATIONS.filter((each) => each.method === 'POST' || each.method === 'PUT')) {
    const at = fill(ids, path);
    for (const body of [undefined, null, [], 'x', 7, { nothing: {} }]) await refused(method, at, body);
    const collection = path
      .replace(/\/:\w+$/, '')
      .split('/')
      .at(-1)!
      .replaceAll('-', '_');
    const member = MEMBERS[collection] ?? collection.replace(/s$/, '');
    for (const inner of [null, [], 'x', {}, { unknown_attribute: 1 }])
      await refused(method, at, { [member]: inner, sub_ports: inner, tags: inner, prefixes: inner, addresses: inner });
    await refused(method, at, { [`${collection}`]: [null, {}] });
    for (const name of attributesOf(path))
      for (const value of NONSENSE)
        await refused(method, at, { [member]: { ...(method === 'POST' ? minimal(member) : {}), [name]: value } });
  }
});

const MEMBERS: Readonly<Record<string, string>> = {
  policies: 'policy',
  rbac_policies: 'rbac_policy',
  ndp_proxies: 'ndp_proxy',
};
/** What a noun can not do without, so that nonsense in the other attributes is looked at. */
const minimal = (member: string): object =>
  ({
    subnet: { network_id: ids['/networks'], ip_version: 4, cidr: '10.99.0.0/24' },
    port: { network_id: ids['/networks'] },
    security_group_rule: { security_group_id: ids['/security-groups'], direction: 'egress' },
    floatingip: { floating_network_id: ids['outside'] },
    subnetpool: { name: 'pool', prefixes: ['10.98.0.0/16'] },
    rbac_policy: { object_type: 'network', object_id: ids['/networks'], action: 'access_as_shared', target_tenant: 'x' },
    trunk: { port_id: ids['/ports'] },
    port_forwarding: {
      protocol: 'tcp',
      external_port: 1,
      internal_port: 1,
      internal_ip_address: '10.0.0.2',
      internal_port_id: ids['/ports'],
    },
    conntrack_helper: { protocol: 'tcp', port: 21, helper: 'ftp' },
    ndp_proxy: { router_id: ids['/routers'], port_id: ids['/ports'] },
    local_ip: { network_id: ids['/networks'] },
    port_association: { fixed_port_id: ids['/ports'] },
    segment: { network_id: ids['/networks'], network_type: 'vlan', physical_network: 'x' },
    network_segment_range: { network_type: 'vlan', physical_network: 'x', minimum: 1, maximum: 2 },
    metering_label_rule: { metering_label_id: ids['/metering/metering-labels'], direction: 'egress' },
    log: { resource_type: 'security_group' },
    flavor: { service_type: 'L3_ROUTER_NAT' },
    service_profile: { metainfo: '{}' },
    binding: { host: 'host' },
    default_security_group_rule: { direction: 'egress' },
    bandwidth_limit_rule: { max_kbps: 1 },
    dscp_marking_rule: { dscp_mark: 8 },
    minimum_bandwidth_rule: { min_kbps: 1 },
    minimum_packet_rate_rule: { min_kpps: 1 },
    packet_rate_limit_rule: { max_kpps: 1 },
  })[member] ?? {};

/** Everything that any list of the API can be filtered by, and what only bodies have. */
function attributesOf(path: string): readonly string[] {
  const list = OPERATIONS.find((each) => each.method === 'GET' && each.path === path.replace(/\/:\w+$/, ''));
  if (list === undefined) return ['name', 'routes', 'subnet_id', 'port_id', 'network_id'];
  const paging = new Set(['fields', 'sort_key', 'sort_dir', 'limit', 'marker', 'page_reverse']);
  return [
    ...(list.query ?? []).filter((name) => !paging.has(name)),
    'fixed_ips',
    'allowed_address_pairs',
    'external_gateway_info',
    'segments',
    'host_routes',
    'allocation_pools',
    'binding:profile',
    'sub_ports',
    'tags',
    'prefixes',
  ];
}

async function refused(method: string, path: string, body: unknown): Promise<void> {
  const answer = await rig.call(rig.admin, method, path, body);
  const what = `${method} ${path} ${JSON.stringify(body)?.slice(0, 200)}: ${answer.status} ${JSON.stringify(answer.body).slice(0, 300)}`;
  assert.ok(answer.status < 500 || answer.status === 503, what);
  if (answer.status >= 400) assert.ok(typeof answer.body['NeutronError']?.['message'] === 'string', what);
}

test('nonsense in every filter of every list is no crash', async () => {
  for (const { path, query = [] } of OPERATIONS.filter((each) => each.method === 'GET' && (each.query ?? []).length > 2)) {
    for (const name of query) {
      for (const value of ['', 'x', '%00', '-1', '99999999999999999999', "'", '%F0%9F', 'true', '10.0.0.0/99', '::1']) {
        const answer = await rig.call(rig.admin, 'GET', `${fill(ids, path)}?${encodeURIComponent(name)}=${value}`);
        assert.ok(answer.status < 500, `${path}?${name}=${value}: ${answer.status} ${JSON.stringify(answer.body)}`);
      }
    }
  }
});
