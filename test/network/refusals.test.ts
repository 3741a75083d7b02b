import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Tenant } from '../identity/identity-rig.ts';
import { startNetworkRig, type NetworkRig, type Shown } from './network-rig.ts';

/** What Neutron 21 (Debian 12) answered to the same calls, where an earlier Rackwright took them or refused them otherwise. */
let rig: NetworkRig;
let ann: Tenant;
let mallory: Tenant;
let network: Shown;
let subnet: Shown;
before(async () => {
  rig = await startNetworkRig();
  ann = await rig.tenant('ann');
  mallory = await rig.tenant('mallory');
  ({ network, subnet } = await rig.net(ann.token, '10.1.0.0/24'));
});
after(() => rig?.close());

const NOBODYS = '00000000-0000-4000-8000-000000000001';
async function refused(token: string, method: string, path: string, body: unknown, status: number, type: string): Promise<void> {
  const answer = await rig.call(token, method, `/v2.0${path}`, body);
  const error = answer.body['NeutronError'];
  assert.deepEqual(
    [answer.status, error?.['type']],
    [status, type],
    `${method} ${path} ${JSON.stringify(body)}: ${JSON.stringify(answer.body)}`,
  );
}

test('a subnet of a network that is not there, or not theirs: both are not there', async () => {
  for (const [token, id] of [
    [ann.token, NOBODYS],
    [mallory.token, network.id],
  ] as const)
    await refused(token, 'POST', '/subnets', { subnet: { network_id: id, ip_version: 4, cidr: '10.4.0.0/24' } }, 404, 'NetworkNotFound');
});

test('a port with an address of a subnet that is not there, or not theirs, or of another network', async () => {
  const { subnet: hers } = await rig.net(mallory.token, '10.66.0.0/24');
  const { subnet: other } = await rig.net(ann.token, '10.2.0.0/24');
  const port = await rig.make(ann.token, '/ports', 'port', { network_id: network.id });
  for (const [id, status, type] of [
    [NOBODYS, 404, 'SubnetNotFound'],
    [hers.id, 404, 'SubnetNotFound'],
    [other.id, 400, 'InvalidInput'],
  ] as const) {
    const fixed = { fixed_ips: [{ subnet_id: id }] };
    await refused(ann.token, 'POST', '/ports', { port: { network_id: network.id, ...fixed } }, status, type);
    await refused(ann.token, 'PUT', `/ports/${port.id}`, { port: fixed }, status, type);
  }
});

test('DHCP needs room for more than two addresses', async () => {
  const asked = (cidr: string, more: object = {}) => ({
    subnet: { network_id: network.id, ip_version: cidr.includes(':') ? 6 : 4, cidr, ...more },
  });
  for (const cidr of ['10.3.0.0/31', '10.3.0.0/32', 'fd00:3::/127'])
    await refused(ann.token, 'POST', '/subnets', asked(cidr), 400, 'InvalidInput');
  const { subnet: small } = await rig.expect(201, ann.token, 'POST', '/v2.0/subnets', asked('10.3.0.0/31', { enable_dhcp: false }));
  await refused(ann.token, 'PUT', `/subnets/${small!.id}`, { subnet: { enable_dhcp: true } }, 400, 'InvalidInput');
});

test('a zone that no agent is in', async () => {
  await refused(ann.token, 'POST', '/networks', { network: { availability_zone_hints: ['moon'] } }, 404, 'AvailabilityZoneNotFound');
  await refused(ann.token, 'POST', '/routers', { router: { availability_zone_hints: ['nova', 'moon'] } }, 404, 'AvailabilityZoneNotFound');
  await rig.make(ann.token, '/networks', 'network', { availability_zone_hints: ['nova'] });
});

test('one default security group there is', async () => {
  const group = await rig.make(ann.token, '/security-groups', 'security_group', { name: 'mine' });
  const body = { security_group: { name: 'Default' } };
  await refused(ann.token, 'POST', '/security-groups', body, 409, 'SecurityGroupDefaultAlreadyExists');
  await refused(ann.token, 'PUT', `/security-groups/${group.id}`, body, 409, 'SecurityGroupDefaultAlreadyExists');
});

test('a filter that is no number, no pair, is refused instead of finding nothing or everything', async () => {
  for (const path of ['/networks?mtu=x', '/subnets?ip_version=4x', '/ports?fixed_ips=10.1.0.1', '/security-group-rules?port_range_min=a'])
    await refused(ann.token, 'GET', path, undefined, 400, 'InvalidInput');
  const of = async (path: string) => Object.values(await rig.expect(200, ann.token, 'GET', `/v2.0${path}`))[0]!.length;
  assert.equal(await of('/networks?mtu=99999999999999999999'), 0);
  assert.equal(await of(`/subnets?ip_version=4&id=${subnet.id}`), 1);
});

test('a trunk that is switched off stays, and an address scope has a version', async () => {
  const port = await rig.make(ann.token, '/ports', 'port', { network_id: network.id });
  const trunk = await rig.make(ann.token, '/trunks', 'trunk', { port_id: port.id, admin_state_up: false });
  await refused(ann.token, 'DELETE', `/trunks/${trunk.id}`, undefined, 409, 'TrunkDisabled');
  await rig.expect(200, ann.token, 'PUT', `/v2.0/trunks/${trunk.id}`, { trunk: { admin_state_up: true } });
  await rig.expect(204, ann.token, 'DELETE', `/v2.0/trunks/${trunk.id}`);
  await refused(ann.token, 'POST', '/address-scopes', { address_scope: { name: 'x' } }, 400, 'HTTPBadRequest');
});
