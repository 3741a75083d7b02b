import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Tenant } from '../identity/identity-rig.ts';
import { startNetworkRig, type NetworkRig, type Shown } from './network-rig.ts';

/** Lists in pages and orders, filters, revisions: the same for every noun, shown here on networks and ports. */
let rig: NetworkRig;
let ann: Tenant;
let made: Shown[];
before(async () => {
  rig = await startNetworkRig();
  ann = await rig.tenant('ann');
  made = [];
  for (const name of ['b', 'a', 'c', 'a', 'd'])
    made.push(await rig.make(ann.token, '/networks', 'network', { name, description: `of ${name}` }));
});
after(() => rig?.close());

const list = async (query: string): Promise<Shown[]> => (await rig.expect(200, ann.token, 'GET', `/v2.0/networks?${query}`))['networks']!;
const names = async (query: string) => (await list(query)).map((each) => each['name']).join('');

test('sorted by one key and by two, both ways', async () => {
  assert.equal(await names('sort_key=name'), 'aabcd');
  assert.equal(await names('sort_key=name&sort_dir=desc'), 'dcbaa');
  const twice = await list('sort_key=name&sort_dir=asc&sort_key=id&sort_dir=desc');
  const ids = twice.filter((each) => each['name'] === 'a').map((each) => each.id);
  assert.deepEqual(ids, ids.toSorted().toReversed());
});

test('pages forth and back over equal names, by the links', async () => {
  const seen: string[] = [];
  let path: string | undefined = '/v2.0/networks?sort_key=name&limit=2';
  let last = '';
  for (let page = 0; path !== undefined; page += 1) {
    const body = await rig.expect(200, ann.token, 'GET', path);
    seen.push(...body['networks']!.map((each) => each.id));
    const links = body['networks_links'] as unknown as { rel: string; href: string }[];
    last = links.find((link) => link.rel === 'previous')!.href;
    path = links.find((link) => link.rel === 'next')?.href.split('/networking')[1];
    assert.ok(page < 10);
  }
  assert.equal(seen.length, 5);
  assert.deepEqual(
    seen,
    (await list('sort_key=name')).map((each) => each.id),
  );
  const back = await rig.expect(200, ann.token, 'GET', last.split('/networking')[1]!);
  assert.deepEqual(
    back['networks']!.map((each) => each.id),
    seen.slice(2, 4),
  );
});

test('only the fields that were asked for', async () => {
  for (const network of await list('fields=id&fields=name')) assert.deepEqual(Object.keys(network).toSorted(), ['id', 'name']);
  const one = await rig.expect(200, ann.token, 'GET', `/v2.0/networks/${made[0]!.id}?fields=mtu`);
  assert.deepEqual(Object.keys(one['network']!), ['mtu']);
});

test('values of one filter are alternatives, filters add up', async () => {
  assert.equal(await names('name=a&name=c&sort_key=name'), 'aac');
  assert.equal(await names('name=a&name=c&description=of c'), 'c');
  assert.equal(await names(`id=${made[2]!.id}`), 'c');
  assert.deepEqual(await list('id=no-uuid'), []);
  assert.deepEqual(await list('shared=true'), []);
  assert.equal((await rig.call(ann.token, 'GET', '/v2.0/networks?shared=perhaps')).status, 400);
});

test('a filter, an order or a marker that is none is refused', async () => {
  for (const query of [
    'unknown=1',
    'sort_key=subnets',
    'sort_key=name&sort_dir=up',
    'sort_key=name&sort_key=id&sort_dir=asc',
    'limit=-1',
    'limit=x',
    'marker=x',
    `marker=${ann.projectId}`,
  ])
    assert.equal((await rig.call(ann.token, 'GET', `/v2.0/networks?${query}`)).status, 400, query);
});

test('tags: all, any, not all, not any', async () => {
  const tag = (at: number, tags: string[]) => rig.expect(200, ann.token, 'PUT', `/v2.0/networks/${made[at]!.id}/tags`, { tags });
  await tag(0, ['red', 'blue']);
  await tag(1, ['red']);
  assert.equal(await names('tags=red,blue'), 'b');
  assert.equal(await names('tags-any=red,blue&sort_key=name'), 'ab');
  assert.equal(await names('not-tags=red,blue&sort_key=name'), 'aacd');
  assert.equal(await names('not-tags-any=red&sort_key=name'), 'acd');
  await rig.expect(204, ann.token, 'GET', `/v2.0/networks/${made[1]!.id}/tags/red`);
  await rig.expect(204, ann.token, 'DELETE', `/v2.0/networks/${made[1]!.id}/tags/red`);
  await rig.expect(404, ann.token, 'DELETE', `/v2.0/networks/${made[1]!.id}/tags/red`);
});

test('a revision counts what changed, also below, and guards against a change that was not seen', async () => {
  const revision = async (path: string, member: string) =>
    (await rig.expect(200, ann.token, 'GET', `/v2.0${path}`))[member]!['revision_number'] as number;
  const { network, subnet } = await rig.net(ann.token, '10.9.0.0/24');
  const path = `/networks/${network.id}`;
  const before = await revision(path, 'network');
  await rig.expect(200, ann.token, 'PUT', `/v2.0/subnets/${subnet.id}`, { subnet: { name: 'x' } });
  assert.ok((await revision(path, 'network')) > before, 'a subnet is part of what a network shows');
  const stale = { 'if-match': `revision_number=${before}` };
  const refused = await rig.expect(412, ann.token, 'PUT', `/v2.0${path}`, { network: { name: 'y' } }, stale);
  assert.equal(refused['NeutronError']!['type'], 'RevisionNumberConstraintFailed');
  await rig.expect(412, ann.token, 'DELETE', `/v2.0${path}`, undefined, stale);
  await rig.expect(
    200,
    ann.token,
    'PUT',
    `/v2.0${path}`,
    { network: { name: 'y' } },
    { 'if-match': `revision_number=${await revision(path, 'network')}` },
  );
  const group = await rig.make(ann.token, '/security-groups', 'security_group', { name: 'g' });
  await rig.make(ann.token, '/security-group-rules', 'security_group_rule', {
    security_group_id: group.id,
    direction: 'ingress',
    protocol: 'tcp',
  });
  assert.ok((await revision(`/security-groups/${group.id}`, 'security_group')) > Number(group['revision_number']));
});

test('ports are found by their addresses', async () => {
  const { network, subnet } = await rig.net(ann.token, '10.10.0.0/24');
  const port = await rig.make(ann.token, '/ports', 'port', {
    network_id: network.id,
    fixed_ips: [{ subnet_id: subnet.id, ip_address: '10.10.0.42' }],
  });
  const found = async (query: string) => (await rig.expect(200, ann.token, 'GET', `/v2.0/ports?${query}`))['ports']!.map((each) => each.id);
  assert.deepEqual(await found('fixed_ips=ip_address=10.10.0.42'), [port.id]);
  assert.deepEqual(await found(`fixed_ips=subnet_id=${subnet.id}&fixed_ips=ip_address_substr=.0.42`), [port.id]);
  assert.deepEqual(await found('fixed_ips=ip_address=10.10.0.43'), []);
  assert.deepEqual(await found(`mac_address=${String(port['mac_address'])}`), [port.id]);
});
