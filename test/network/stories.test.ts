import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Tenant } from '../identity/identity-rig.ts';
import { startNetworkRig, type NetworkRig, type Shown } from './network-rig.ts';

/** What people do with networks, from the first call to the last, and what is in the way of the last ones. */
let rig: NetworkRig;
let ann: Tenant;
let outside: Shown;
before(async () => {
  rig = await startNetworkRig();
  ann = await rig.tenant('ann');
  outside = await rig.make(rig.admin, '/networks', 'network', { name: 'outside', 'router:external': true, is_default: true });
  await rig.make(rig.admin, '/subnets', 'subnet', { network_id: outside.id, ip_version: 4, cidr: '203.0.113.0/24' });
});
after(() => rig?.close());

const typeOf = async (status: number, method: string, path: string, body?: unknown) =>
  (await rig.expect(status, ann.token, method, `/v2.0${path}`, body))['NeutronError']!['type'];
const show = async (path: string, member: string): Promise<Shown> => (await rig.expect(200, ann.token, 'GET', `/v2.0${path}`))[member]!;

test('a machine behind a router gets an address of the outside, and the way there can not be torn down under it', async () => {
  const { network, subnet } = await rig.net(ann.token, '10.0.0.0/24');
  const port = await rig.make(ann.token, '/ports', 'port', { network_id: network.id });
  const router = await rig.make(ann.token, '/routers', 'router', { name: 'r' });
  const wish = { floatingip: { floating_network_id: outside.id, port_id: port.id } };
  assert.equal(await typeOf(404, 'POST', '/floatingips', wish), 'ExternalGatewayForFloatingIPNotFound');
  await rig.expect(200, ann.token, 'PUT', `/v2.0/routers/${router.id}/add_router_interface`, { subnet_id: subnet.id });
  await rig.expect(200, ann.token, 'PUT', `/v2.0/routers/${router.id}`, { router: { external_gateway_info: { network_id: outside.id } } });
  const floating = await rig.make(ann.token, '/floatingips', 'floatingip', wish.floatingip);
  assert.deepEqual(
    [floating['status'], floating['router_id'], floating['fixed_ip_address']],
    ['ACTIVE', router.id, (port['fixed_ips'] as { ip_address: string }[])[0]!.ip_address],
  );
  assert.equal(
    await typeOf(409, 'PUT', `/routers/${router.id}`, { router: { external_gateway_info: null } }),
    'RouterExternalGatewayInUseByFloatingIp',
  );
  assert.equal(
    await typeOf(409, 'PUT', `/routers/${router.id}/remove_router_interface`, { subnet_id: subnet.id }),
    'RouterInterfaceInUseByFloatingIP',
  );
  assert.equal(await typeOf(409, 'DELETE', `/routers/${router.id}`), 'RouterInUse');
  assert.equal(await typeOf(409, 'DELETE', `/subnets/${subnet.id}`), 'SubnetInUse');
  await rig.expect(204, ann.token, 'DELETE', `/v2.0/ports/${port.id}`);
  const free = await show(`/floatingips/${floating.id}`, 'floatingip');
  assert.deepEqual([free['status'], free['port_id'], free['router_id']], ['DOWN', null, null]);
  await rig.expect(204, ann.token, 'DELETE', `/v2.0/floatingips/${floating.id}`);
  await rig.expect(200, ann.token, 'PUT', `/v2.0/routers/${router.id}/remove_router_interface`, { subnet_id: subnet.id });
  for (const path of [`/routers/${router.id}`, `/networks/${network.id}`]) await rig.expect(204, ann.token, 'DELETE', `/v2.0${path}`);
});

test('machines that address themselves have their address as long as the subnet is there', async () => {
  const network = await rig.make(ann.token, '/networks', 'network', {});
  const subnet = { network_id: network.id, ip_version: 4, cidr: '10.1.0.0/24' };
  await rig.make(ann.token, '/subnets', 'subnet', subnet);
  const port = await rig.make(ann.token, '/ports', 'port', { network_id: network.id, mac_address: 'fa:16:3e:11:22:33' });
  const six = { network_id: network.id, ip_version: 6, cidr: '2001:db8:9::/64', ipv6_ra_mode: 'slaac', ipv6_address_mode: 'slaac' };
  const added = await rig.make(ann.token, '/subnets', 'subnet', six);
  const ips = async () =>
    ((await show(`/ports/${port.id}`, 'port'))['fixed_ips'] as { ip_address: string }[]).map((each) => each.ip_address);
  assert.equal((await ips())[1], '2001:db8:9:0:f816:3eff:fe11:2233');
  const mac = { port: { mac_address: 'fa:16:3e:11:22:44' } };
  await rig.expect(403, ann.token, 'PUT', `/v2.0/ports/${port.id}`, mac);
  await rig.expect(200, rig.admin, 'PUT', `/v2.0/ports/${port.id}`, mac);
  assert.equal((await ips())[1], '2001:db8:9:0:f816:3eff:fe11:2244');
  await rig.expect(204, ann.token, 'DELETE', `/v2.0/subnets/${added.id}`);
  assert.equal((await ips()).length, 1);
});

test('a port that changes its addresses keeps those that it is to keep', async () => {
  const { network, subnet } = await rig.net(ann.token, '10.2.0.0/24');
  const port = await rig.make(ann.token, '/ports', 'port', {
    network_id: network.id,
    fixed_ips: [{ ip_address: '10.2.0.10' }, { ip_address: '10.2.0.11' }],
  });
  const change = async (fixed: object[]) => {
    const body = await rig.expect(200, ann.token, 'PUT', `/v2.0/ports/${port.id}`, { port: { fixed_ips: fixed } });
    return (body['port']!['fixed_ips'] as { ip_address: string }[]).map((each) => each.ip_address);
  };
  assert.deepEqual(await change([{ ip_address: '10.2.0.11' }, { ip_address: '10.2.0.12' }]), ['10.2.0.11', '10.2.0.12']);
  const three = await change([{ ip_address: '10.2.0.11' }, { ip_address: '10.2.0.12' }, { subnet_id: subnet.id }]);
  assert.deepEqual([three.length, ...three.slice(0, 2)], [3, '10.2.0.11', '10.2.0.12']);
  assert.deepEqual(await change([]), []);
});

test('a trunk holds its ports: each in one place, with a VLAN of its own', async () => {
  const { network } = await rig.net(ann.token, '10.3.0.0/24');
  const [parent, one, two] = await Promise.all([1, 2, 3].map(() => rig.make(ann.token, '/ports', 'port', { network_id: network.id })));
  const trunk = await rig.make(ann.token, '/trunks', 'trunk', { port_id: parent!.id });
  const add = (port: Shown, id: number) => ({ sub_ports: [{ port_id: port.id, segmentation_type: 'vlan', segmentation_id: id }] });
  await rig.expect(200, ann.token, 'PUT', `/v2.0/trunks/${trunk.id}/add_subports`, add(one!, 7));
  assert.equal(await typeOf(409, 'PUT', `/trunks/${trunk.id}/add_subports`, add(two!, 7)), 'DuplicateSubPort');
  assert.equal(await typeOf(409, 'PUT', `/trunks/${trunk.id}/add_subports`, add(one!, 8)), 'TrunkPortInUse');
  assert.equal(await typeOf(409, 'DELETE', `/ports/${one!.id}`), 'PortInUse');
  const details = (await show(`/ports/${parent!.id}`, 'port'))['trunk_details'] as { sub_ports: { segmentation_id: number }[] };
  assert.deepEqual(
    details.sub_ports.map((each) => each.segmentation_id),
    [7],
  );
  await rig.expect(204, ann.token, 'DELETE', `/v2.0/trunks/${trunk.id}`);
  await rig.expect(204, ann.token, 'DELETE', `/v2.0/ports/${one!.id}`);
});

test('the same rule twice is refused, under whichever name of its protocol', async () => {
  const group = await rig.make(ann.token, '/security-groups', 'security_group', { name: 'g' });
  const rule = (protocol: string) => ({
    security_group_rule: { security_group_id: group.id, direction: 'ingress', protocol, port_range_min: 22, port_range_max: 22 },
  });
  await rig.expect(201, ann.token, 'POST', '/v2.0/security-group-rules', rule('tcp'));
  for (const protocol of ['tcp', '6', 'TCP'])
    assert.equal(await typeOf(409, 'POST', '/security-group-rules', rule(protocol)), 'SecurityGroupRuleExists', protocol);
});

test('a network for whoever wants no more than one', async () => {
  await rig.make(rig.admin, '/subnetpools', 'subnetpool', {
    name: 'usual',
    prefixes: ['10.64.0.0/16'],
    default_prefixlen: 26,
    is_default: true,
    shared: true,
  });
  const eve = await rig.tenant('eve');
  const get = async () =>
    (await rig.expect(200, eve.token, 'GET', `/v2.0/auto-allocated-topology/${eve.projectId}`))['auto_allocated_topology']!.id;
  const both = await Promise.all([get(), get()]);
  assert.equal(both[0], both[1]);
  const port = await rig.make(eve.token, '/ports', 'port', { network_id: both[0] });
  await rig.make(eve.token, '/floatingips', 'floatingip', { floating_network_id: outside.id, port_id: port.id });
  await rig.expect(204, eve.token, 'DELETE', `/v2.0/ports/${port.id}`);
  await rig.expect(204, eve.token, 'DELETE', `/v2.0/auto-allocated-topology/${eve.projectId}`);
  assert.deepEqual((await rig.expect(200, eve.token, 'GET', '/v2.0/routers'))['routers'], []);
});

test('a live move prepares the other binding, then makes it the active one', async () => {
  const { network } = await rig.net(ann.token, '10.4.0.0/24');
  const port = await rig.make(rig.admin, '/ports', 'port', { network_id: network.id, 'binding:host_id': 'a', project_id: ann.projectId });
  const path = `/v2.0/ports/${port.id}/bindings`;
  await rig.expect(201, rig.admin, 'POST', path, { binding: { host: 'b' } });
  await rig.expect(409, rig.admin, 'POST', path, { binding: { host: 'b' } });
  await rig.expect(200, rig.admin, 'PUT', `${path}/b/activate`);
  const all = (await rig.expect(200, rig.admin, 'GET', path))['bindings']!.map(
    (each) => `${String(each['host'])} ${String(each['status'])}`,
  );
  assert.deepEqual(all.toSorted(), ['a INACTIVE', 'b ACTIVE']);
  await rig.expect(204, rig.admin, 'DELETE', `${path}/a`);
  assert.equal((await rig.expect(200, rig.admin, 'GET', `/v2.0/ports/${port.id}`))['port']!['binding:host_id'], 'b');
});
