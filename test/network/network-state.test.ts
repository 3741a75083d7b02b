import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { silentLogger } from '../../core/base/logger.ts';
import { connectDatabase, type Database } from '../../core/database/connect-database.ts';
import { NETWORK_CHANGED, readNetworkState } from '../../network/network-state-record.ts';
import type { Tenant } from '../identity/identity-rig.ts';
import { startNetworkRig, type NetworkRig, type Shown } from './network-rig.ts';

/** What a back end is told is what was asked for through the API. */
let rig: NetworkRig;
let ann: Tenant;
let database: Database;
before(async () => {
  rig = await startNetworkRig();
  ann = await rig.tenant('ann');
  const connection = { host: join(rig.cloud.data, 'pg-run'), user: 'rackwright', database: 'postgres' };
  database = await connectDatabase({ connection, logger: silentLogger, poolSize: 2 });
});
after(async () => {
  await database?.close();
  await rig?.close();
});

const make = (path: string, member: string, values: object): Promise<Shown> => rig.make(ann.token, path, member, values);

async function makeOutside(): Promise<{ network: Shown; subnet: Shown }> {
  const network = await rig.make(rig.admin, '/networks', 'network', {
    name: 'outside',
    'router:external': true,
    'provider:network_type': 'vlan',
    'provider:physical_network': 'physnet1',
    'provider:segmentation_id': 100,
  });
  const subnet = await rig.make(rig.admin, '/subnets', 'subnet', {
    network_id: network.id,
    ip_version: 4,
    cidr: '192.0.2.0/24',
    enable_dhcp: false,
  });
  return { network, subnet };
}

test('everything that was asked for is in the state, in the form that a back end reads', async () => {
  const outside = await makeOutside();
  const { network, subnet } = await rig.net(ann.token, '10.1.0.0/24', {
    dns_nameservers: ['192.0.2.53'],
    host_routes: [{ destination: '10.9.0.0/16', nexthop: '10.1.0.9' }],
  });
  const sixth = { network_id: network.id, ip_version: 6, cidr: 'fd00:1::/64', ipv6_ra_mode: 'slaac', ipv6_address_mode: 'slaac' };
  const subnet6 = await make('/subnets', 'subnet', sixth);
  const range = await make('/address-groups', 'address_group', { addresses: ['10.0.0.0/8', 'fd00::/8'] });
  const group = await make('/security-groups', 'security_group', { name: 'web' });
  const rule = { security_group_id: group.id, direction: 'ingress', protocol: 'tcp', port_range_min: 22, port_range_max: 23 };
  const { id: ruleId } = await make('/security-group-rules', 'security_group_rule', { ...rule, remote_ip_prefix: '10.0.0.0/8' });
  const { id: ruleOf } = await make('/security-group-rules', 'security_group_rule', { ...rule, remote_address_group_id: range.id });
  const port = await make('/ports', 'port', {
    network_id: network.id,
    security_groups: [group.id],
    dns_name: 'web',
    allowed_address_pairs: [{ ip_address: '10.1.0.99' }],
    extra_dhcp_opts: [{ opt_name: 'bootfile-name', opt_value: 'x.efi' }],
  });
  const child = await make('/ports', 'port', { network_id: network.id, port_security_enabled: false });
  const subPort = { port_id: child.id, segmentation_type: 'vlan', segmentation_id: 7 };
  await make('/trunks', 'trunk', { port_id: port.id, sub_ports: [subPort] });
  const router = await make('/routers', 'router', { name: 'edge', external_gateway_info: { network_id: outside.network.id } });
  await rig.expect(200, ann.token, 'PUT', `/v2.0/routers/${router.id}/add_router_interface`, { subnet_id: subnet.id });
  await rig.expect(200, ann.token, 'PUT', `/v2.0/routers/${router.id}/add_router_interface`, { subnet_id: subnet6.id });
  const routes = [{ destination: '10.8.0.0/16', nexthop: '10.1.0.8' }];
  await rig.expect(200, ann.token, 'PUT', `/v2.0/routers/${router.id}`, { router: { routes } });
  const address = (port['fixed_ips'] as { subnet_id: string; ip_address: string }[]).find((one) => one.subnet_id === subnet.id)!;
  const floating = await make('/floatingips', 'floatingip', {
    floating_network_id: outside.network.id,
    port_id: port.id,
    fixed_ip_address: address.ip_address,
  });
  const shared = await make('/floatingips', 'floatingip', { floating_network_id: outside.network.id });
  const childAddress = (child['fixed_ips'] as { ip_address: string }[]).find((one) => one.ip_address.startsWith('10.1.'))!;
  await make(`/floatingips/${shared.id}/port_forwardings`, 'port_forwarding', {
    protocol: 'tcp',
    external_port_range: '2222:2223',
    internal_port_range: '22:23',
    internal_ip_address: childAddress.ip_address,
    internal_port_id: child.id,
  });

  const state = await readNetworkState(database.db);
  const one = <T extends { readonly id: string }>(rows: readonly T[], { id }: { readonly id: string }) => rows.find((row) => row.id === id);
  const provider = { physicalNetwork: 'physnet1', vlan: 100 };
  assert.deepEqual(one(state.networks, outside.network), {
    id: outside.network.id,
    name: 'outside',
    mtu: 1500,
    provider,
    moreProviders: [],
    isExternal: true,
    dhcp: { isServed: true, notAt: [] },
  });
  assert.equal(one(state.networks, network)!.provider, null);
  assert.deepEqual(one(state.subnets, subnet), {
    id: subnet.id,
    networkId: network.id,
    cidr: '10.1.0.0/24',
    ipVersion: 4,
    gateway: '10.1.0.1',
    hasDhcp: true,
    dnsServers: ['192.0.2.53'],
    routes: [{ destination: '10.9.0.0/16', nexthop: '10.1.0.9' }],
    addressMode: null,
    raMode: null,
  });
  assert.equal(one(state.subnets, subnet6)!.raMode, 'slaac');
  const told = one(state.ports, port)!;
  assert.deepEqual([...told.addresses].map((each) => each.subnetId).sort(), [subnet.id, subnet6.id].sort());
  assert.deepEqual(
    [told.dnsName, told.hasPortSecurity, told.securityGroupIds, told.allowedPairs, told.dhcpOptions, told.parent, told.hostId],
    [
      'web',
      true,
      [group.id],
      [{ address: '10.1.0.99', mac: port['mac_address'] }],
      [{ name: 'bootfile-name', value: 'x.efi', ipVersion: 4 }],
      null,
      null,
    ],
  );
  assert.deepEqual(one(state.ports, child)!.parent, { portId: port.id, vlan: 7 });
  const legs = state.ports.filter(({ deviceId }) => deviceId === router.id);
  assert.deepEqual(legs.map(({ owner }) => owner).sort(), [
    'network:router_gateway',
    'network:router_interface',
    'network:router_interface',
  ]);
  const gatewayPort = legs.find(({ owner }) => owner === 'network:router_gateway')!;
  const wanted = {
    id: router.id,
    name: 'edge',
    isEnabled: true,
    gateway: { portId: gatewayPort.id, hasSnat: true, qosPolicyId: null, hosts: [] },
    routes,
  };
  assert.deepEqual(one(state.routers, router), wanted);
  assert.deepEqual(
    [one(state.floatingIps, floating)!.fixedAddress, one(state.floatingIps, floating)!.routerId],
    [address.ip_address, router.id],
  );
  assert.deepEqual(
    one(state.floatingIps, shared)!.forwardings.map((each) => [each.externalPort, each.internalPort, each.internalAddress]),
    [
      [2222, 22, childAddress.ip_address],
      [2223, 23, childAddress.ip_address],
    ],
  );
  assert.ok(!state.ports.some(({ owner }) => owner === 'network:floatingip'), 'a floating IP is the router’s to answer for, not a port’s');
  const rules = one(state.securityGroups, group)!.rules;
  const byPrefix = rules.find(({ id }) => id === ruleId)!;
  assert.deepEqual([byPrefix.portMin, byPrefix.portMax, byPrefix.remotePrefix], [22, 23, '10.0.0.0/8']);
  assert.equal(rules.find(({ id }) => id === ruleOf)!.remoteAddressGroupId, range.id);
  assert.deepEqual([...one(state.addressGroups, range)!.addresses].sort(), ['10.0.0.0/8', 'fd00::/8']);
});

test('a port that only calls itself a router’s leg is none', async () => {
  const { network } = await rig.net(ann.token, '10.2.0.0/24');
  const values = { network_id: network.id, device_owner: 'network:router_interface', device_id: 'somebody-else-s-router' };
  const port = await rig.make(rig.admin, '/ports', 'port', values);
  const told = (await readNetworkState(database.db)).ports.find(({ id }) => id === port.id)!;
  assert.equal(told.owner, '');
});

test('a change is told once, when it is committed', async () => {
  let told = 0;
  const heard = new Promise<void>((resolve) => {
    const stop = database.listen(NETWORK_CHANGED, () => {
      told += 1;
      stop();
      resolve();
    });
  });
  await new Promise<void>((resolve) => {
    const stop = database.onReconnect(() => {
      stop();
      resolve();
    });
  });
  await make('/networks', 'network', {});
  await heard;
  assert.equal(told, 1);
});
