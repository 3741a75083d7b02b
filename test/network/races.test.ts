import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Tenant } from '../identity/identity-rig.ts';
import { startNetworkRig, type NetworkRig } from './network-rig.ts';

/** Many at once want the same thing: addresses, prefixes, quota and segments are given out by the transaction that takes them. */
let rig: NetworkRig;
let ann: Tenant;
before(async () => {
  rig = await startNetworkRig();
  ann = await rig.tenant('ann');
  await rig.expect(200, rig.admin, 'PUT', `/v2.0/quotas/${ann.projectId}`, { quota: { port: -1, network: -1, subnet: -1 } });
});
after(() => rig?.close());

const statuses = (answers: readonly { status: number }[]) =>
  Object.fromEntries(
    Map.groupBy(answers, (answer) => answer.status)
      .entries()
      .map(([status, all]) => [status, all.length]),
  );

test('of two hundred that want the last address one gets it, and the others are told', async () => {
  const { network } = await rig.net(ann.token, '10.1.0.0/29', { allocation_pools: [{ start: '10.1.0.2', end: '10.1.0.2' }] });
  const all = await Promise.all(
    Array.from({ length: 200 }, () => rig.call(ann.token, 'POST', '/v2.0/ports', { port: { network_id: network.id } })),
  );
  assert.deepEqual(statuses(all), { 201: 1, 409: 199 });
  const refused = all.find((answer) => answer.status === 409)!;
  assert.equal(refused.body['NeutronError']!['type'], 'IpAddressGenerationFailure');
  const left = await rig.expect(200, ann.token, 'GET', `/v2.0/ports?network_id=${network.id}`);
  assert.equal(left['ports']!.length, 1, 'whoever got no address left no port behind');
});

test('fifty ports get fifty different addresses of a pool of fifty', async () => {
  const { network } = await rig.net(ann.token, '10.2.0.0/24', { allocation_pools: [{ start: '10.2.0.10', end: '10.2.0.59' }] });
  const all = await Promise.all(
    Array.from({ length: 50 }, () => rig.call(ann.token, 'POST', '/v2.0/ports', { port: { network_id: network.id } })),
  );
  assert.deepEqual(statuses(all), { 201: 50 });
  const ips = all.flatMap((answer) => (answer.body['port']!['fixed_ips'] as { ip_address: string }[]).map((each) => each.ip_address));
  assert.equal(new Set(ips).size, 50);
});

test('of twenty that want one address by name one gets it', async () => {
  const { network } = await rig.net(ann.token, '10.3.0.0/24');
  const port = { network_id: network.id, fixed_ips: [{ ip_address: '10.3.0.77' }] };
  const all = await Promise.all(Array.from({ length: 20 }, () => rig.call(ann.token, 'POST', '/v2.0/ports', { port })));
  assert.deepEqual(statuses(all), { 201: 1, 409: 19 });
});

test('subnets of one network do not overlap, however many are added at once', async () => {
  const network = await rig.make(ann.token, '/networks', 'network', {});
  const subnet = { network_id: network.id, ip_version: 4, cidr: '10.4.0.0/24' };
  const all = await Promise.all(Array.from({ length: 10 }, () => rig.call(ann.token, 'POST', '/v2.0/subnets', { subnet })));
  assert.deepEqual(statuses(all), { 201: 1, 400: 9 });
});

test('prefixes of a pool are given out once', async () => {
  const pool = await rig.make(ann.token, '/subnetpools', 'subnetpool', { name: 'pool', prefixes: ['10.5.0.0/24'], default_prefixlen: 28 });
  const networks = await Promise.all(Array.from({ length: 20 }, () => rig.make(ann.token, '/networks', 'network', {})));
  const all = await Promise.all(
    networks.map((network) =>
      rig.call(ann.token, 'POST', '/v2.0/subnets', { subnet: { network_id: network.id, ip_version: 4, subnetpool_id: pool.id } }),
    ),
  );
  assert.deepEqual(statuses(all), { 201: 16, 409: 4 });
  const cidrs = all.filter((answer) => answer.status === 201).map((answer) => answer.body['subnet']!['cidr']);
  assert.equal(new Set(cidrs).size, 16);
});

test('a quota holds against many at once, also when each asks for several', async () => {
  const bob = await rig.tenant('bob');
  await rig.expect(200, rig.admin, 'PUT', `/v2.0/quotas/${bob.projectId}`, { quota: { network: 7 } });
  const two = { networks: [{ name: 'a' }, { name: 'b' }] };
  const all = await Promise.all(Array.from({ length: 12 }, () => rig.call(bob.token, 'POST', '/v2.0/networks', two)));
  assert.deepEqual(statuses(all), { 201: 3, 409: 9 });
  assert.equal((await rig.expect(200, bob.token, 'GET', '/v2.0/networks'))['networks']!.length, 6);
  const details = await rig.expect(200, rig.admin, 'GET', `/v2.0/quotas/${bob.projectId}/details`);
  assert.deepEqual(details['quota']!['network'], { limit: 7, used: 6, reserved: 0 });
});

test('networks made at once have different segments, and a project one default security group', async () => {
  const eve = await rig.tenant('eve');
  const all = await Promise.all(Array.from({ length: 30 }, () => rig.make(eve.token, '/networks', 'network', {})));
  const ids = (await rig.expect(200, rig.admin, 'GET', `/v2.0/networks?project_id=${eve.projectId}`))['networks']!.map(
    (each) => each['provider:segmentation_id'],
  );
  assert.equal(new Set(ids).size, 30);
  const subnet = { network_id: all[0]!.id, ip_version: 4, cidr: '10.6.0.0/24' };
  await rig.make(eve.token, '/subnets', 'subnet', subnet);
  await Promise.all(Array.from({ length: 10 }, () => rig.make(eve.token, '/ports', 'port', { network_id: all[0]!.id })));
  assert.equal((await rig.expect(200, eve.token, 'GET', '/v2.0/security-groups'))['security_groups']!.length, 1);
});

test('a bulk request is all or nothing', async () => {
  const { network } = await rig.net(ann.token, '10.7.0.0/29');
  const ports = Array.from({ length: 6 }, (_none, at) => ({ network_id: network.id, name: `bulk-${at}` }));
  const { status } = await rig.call(ann.token, 'POST', '/v2.0/ports', { ports });
  assert.equal(status, 409, 'five addresses are free, six were asked for');
  assert.deepEqual((await rig.expect(200, ann.token, 'GET', `/v2.0/ports?network_id=${network.id}`))['ports'], []);
});

test('the default security group that comes with the first one does not count', async () => {
  const zoe = await rig.tenant('zoe');
  await rig.expect(200, rig.admin, 'PUT', `/v2.0/quotas/${zoe.projectId}`, { quota: { security_group: 1 } });
  const make = (status: number) =>
    rig.expect(status, rig.admin, 'POST', '/v2.0/security-groups', { security_group: { name: 'own', project_id: zoe.projectId } });
  await make(201);
  await make(409);
});
