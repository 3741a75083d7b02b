import { formatPrefix, overlaps, parsePrefix, rangeOf, type IpVersion } from '../../core/base/ip-address.ts';
import { badInput, conflict, notFound, NetworkError } from '../network-error.ts';
import {
  defaultGateway,
  defaultPools,
  requireGateway,
  requireIpv6Modes,
  requirePools,
  requireRoomForDhcp,
  requirePrefix,
  type Pool,
} from '../address/subnet-policy.ts';
import { boolean, cidr, integer, ipAddress, listOf, matching, oneOf, orEmpty, orNull, record, uuid } from '../mechanism/attribute-types.ts';
import { insertRows, touch, updateRow } from '../mechanism/row-write.ts';
import { mustSee } from '../mechanism/seen.ts';
import { ownedOrShared, sharedWith, standard } from '../mechanism/standard-attributes.ts';
import { query } from '../mechanism/statement.ts';
import { attribute, attributes, type AttributeType, type Resource, type Row, type Trx, type Values, type Work } from '../resource.ts';
import { automaticAddresses, releaseAutomatic } from './automatic-address.ts';
import { networks } from './network-noun.ts';
import { cidrFromPool } from './pool-allocation.ts';

/** Layer 3 of a network. Two subnets of one network never overlap: its row is locked while one is added. */
const NAMESERVERS_MAX = 5;
const ROUTES_MAX = 20;
const MODES = oneOf('dhcpv6-stateful', 'dhcpv6-stateless', 'slaac');
/** A kind of device: `compute:`, `network:dhcp`. */
const DEVICE_OWNER = /^[a-z]\w*:/i;
const route = record({ destination: cidr, nexthop: ipAddress });
const poolsType = listOf(record({ start: ipAddress, end: ipAddress }));
const named = (inner: AttributeType) => listOf(inner, { unique: true, kind: 'text[]' });
const seenNetwork = (of: string) => `exists (select from network n where n.id = t.network_id and (${of}))`;
const viaNetwork = (sql: string) => sql.replaceAll('t.', 'n.');

export const subnets: Resource = {
  member: 'subnet',
  collection: 'subnets',
  path: '/subnets',
  table: 'network_subnet',
  verbs: ['create', 'update', 'delete'],
  quota: 'subnet',
  scope: `(t.project_id = :project or ${seenNetwork(viaNetwork(ownedOrShared('network')))})`,
  notFound: (id) => notFound('SubnetNotFound', `Subnet ${id} could not be found.`),
  owner: { prefix: 'network', attribute: 'network_id', resource: () => networks },
  attributes: attributes({
    ...standard,
    network_id: attribute(uuid, 'post filter sort'),
    ip_version: attribute(oneOf(4, 6), 'post filter sort'),
    cidr: attribute(orNull(cidr), 'post filter sort', { default: undefined }),
    prefixlen: attribute(integer(0, 128), 'post', { default: undefined, column: null, sql: null }),
    use_default_subnetpool: attribute(boolean, 'post', { default: false, column: null, sql: null }),
    subnetpool_id: attribute(orNull(uuid), 'post filter sort', { default: undefined }),
    gateway_ip: attribute(orNull(ipAddress), 'post put filter sort', { default: undefined }),
    allocation_pools: attribute(poolsType, 'post put', {
      default: undefined,
      sql: `(select coalesce(json_agg(json_build_object('start', p.first, 'end', p.last) order by p.first), '[]')
        from network_allocation_pool p where p.subnet_id = t.id)`,
    }),
    dns_nameservers: attribute(orEmpty(named(ipAddress)), 'post put', { default: [] }),
    host_routes: attribute(orEmpty(listOf(route, { unique: true })), 'post put', { default: [] }),
    enable_dhcp: attribute(boolean, 'post put filter sort', { default: true }),
    ipv6_ra_mode: attribute(MODES, 'post filter sort', { default: undefined }),
    ipv6_address_mode: attribute(MODES, 'post filter sort', { default: undefined }),
    shared: attribute(boolean, 'filter', { sql: null, search: seenNetwork(viaNetwork(sharedWith('network'))) }),
    segment_id: attribute(orNull(uuid), 'post put filter sort', { default: null }),
    service_types: attribute(named(matching(DEVICE_OWNER, 255, 'does not correspond to a valid device owner')), 'post put', {
      default: [],
    }),
    dns_publish_fixed_ip: attribute(boolean, 'post put', { default: false }),
  }),
  create,
  update,
  remove,
};

async function create(work: Work, asked: readonly Values[]): Promise<string[]> {
  const ids = [];
  for (const values of asked) ids.push(await createOne(work, values));
  return ids;
}

async function createOne(work: Work, values: Values): Promise<string> {
  const { trx } = work;
  await query(trx, 'select from network where id = $1 for no key update', [values['network_id']]);
  const network = await mustSee(work, networks, values['network_id'], { names: ['id', 'project_id', 'mtu'] });
  const version = values['ip_version'] as IpVersion;
  requireLists(values);
  const { cidr: text, subnetpoolId } = await cidrFromPool(work, values);
  const prefix = requirePrefix(version, text);
  if (values['enable_dhcp'] === true) requireRoomForDhcp(prefix);
  const gateway = values['gateway_ip'] === undefined ? defaultGateway(prefix) : (values['gateway_ip'] as string | null);
  requireIpv6Modes({
    version,
    length: prefix.length,
    dhcp: values['enable_dhcp'] as boolean,
    raMode: values['ipv6_ra_mode'] as string | undefined,
    addressMode: values['ipv6_address_mode'] as string | undefined,
  });
  if (version === 6 && Number(network['mtu']) < 1280)
    throw badInput(`IPv6 needs an MTU of 1280, the network has ${String(network['mtu'])}`);
  if (gateway !== null) requireGateway(prefix, gateway);
  const pools = (values['allocation_pools'] as Pool[] | undefined) ?? defaultPools(prefix, gateway);
  requirePools(prefix, pools, gateway);
  requireRoutes(version, values['host_routes'] as readonly { nexthop: string; destination: string }[]);
  await requireRoom(work, network.id, formatPrefix(prefix), version, subnetpoolId);
  await requireSegment(trx, network.id, values['segment_id'] as string | null);
  const row = { ...values, cidr: formatPrefix(prefix), gateway_ip: gateway, subnetpool_id: subnetpoolId };
  const [id] = await insertRows(trx, subnets, [row]);
  await writePools(trx, id!, pools);
  await touch(trx, 'network', [network.id]);
  await automaticAddresses(trx, { id: id!, networkId: network.id, prefix, mode: values['ipv6_address_mode'] as string | undefined });
  return id!;
}

function requireLists(values: Values): void {
  if (((values['dns_nameservers'] as string[] | undefined)?.length ?? 0) > NAMESERVERS_MAX)
    throw new NetworkError(400, 'DNSNameServersExhausted', `The number of DNS nameservers exceeds the limit ${NAMESERVERS_MAX}.`);
  if (((values['host_routes'] as unknown[] | undefined)?.length ?? 0) > ROUTES_MAX)
    throw new NetworkError(400, 'HostRoutesExhausted', `The number of host routes exceeds the limit ${ROUTES_MAX}.`);
}

function requireRoutes(version: IpVersion, routes: readonly { nexthop: string; destination: string }[]): void {
  const other = routes.find((each) => parsePrefix(each.nexthop)!.version !== version || parsePrefix(each.destination)!.version !== version);
  if (other !== undefined)
    throw badInput(`host route ${other.destination} via ${other.nexthop} does not match the ip_version '${version}'`);
}

/** Not over another one of the network, and of the same pool as those of its family. */
async function requireRoom({ trx }: Work, networkId: string, text: string, version: IpVersion, poolId: string | null): Promise<void> {
  const others = await query<{ cidr: string; subnetpool_id: string | null; ip_version: number }>(
    trx,
    'select cidr::text, subnetpool_id, ip_version from network_subnet where network_id = $1',
    [networkId],
  );
  const range = rangeOf(parsePrefix(text)!);
  const over = others.find((other) => overlaps(rangeOf(parsePrefix(other.cidr)!), range));
  if (over !== undefined) throw badInput(`Requested subnet with cidr: ${text} for network: ${networkId} overlaps with another subnet`);
  const family = others.filter((other) => other.ip_version === version);
  if (family.some((other) => other.subnetpool_id !== poolId))
    throw new NetworkError(
      400,
      'NetworkSubnetPoolAffinityError',
      'Subnets hosted on the same network must be allocated from the same subnet pool.',
    );
}

async function requireSegment(trx: Trx, networkId: string, id: string | null): Promise<void> {
  if (id === null) return;
  const found = await query(trx, 'select from network_segment where id = $1 and network_id = $2', [id, networkId]);
  if (found.length === 0) throw notFound('SegmentNotFound', `Segment ${id} could not be found.`);
}

async function writePools(trx: Trx, id: string, pools: readonly Pool[]): Promise<void> {
  await query(trx, 'insert into network_allocation_pool (subnet_id, first, last) select $1, unnest($2::inet[]), unnest($3::inet[])', [
    id,
    pools.map((pool) => pool.start),
    pools.map((pool) => pool.end),
  ]);
}

async function update({ trx }: Work, before: Row, changes: Values): Promise<void> {
  const prefix = parsePrefix(before['cidr'])!;
  requireLists(changes);
  const gateway = (changes['gateway_ip'] === undefined ? before['gateway_ip'] : changes['gateway_ip']) as string | null;
  if ('gateway_ip' in changes && gateway !== before['gateway_ip']) {
    if (gateway !== null) requireGateway(prefix, gateway);
    await requireGatewayFree(trx, before);
  }
  if (changes['enable_dhcp'] === true && before['enable_dhcp'] !== true) requireRoomForDhcp(prefix);
  if (changes['enable_dhcp'] === false && (before['ipv6_ra_mode'] ?? before['ipv6_address_mode']) !== null)
    throw badInput('ipv6_ra_mode or ipv6_address_mode cannot be set when enable_dhcp is set to False');
  if (changes['host_routes'] !== undefined)
    requireRoutes(prefix.version, changes['host_routes'] as readonly { nexthop: string; destination: string }[]);
  if (changes['segment_id'] !== undefined) await requireSegmentChange(trx, before, changes['segment_id'] as string | null);
  const pools = changes['allocation_pools'] as Pool[] | undefined;
  if (pools !== undefined || 'gateway_ip' in changes) requirePools(prefix, pools ?? (before['allocation_pools'] as Pool[]), gateway);
  if (pools !== undefined) {
    await query(trx, 'delete from network_allocation_pool where subnet_id = $1', [before.id]);
    await writePools(trx, before.id, pools);
  }
  await updateRow(trx, subnets, before.id, changes);
  await touch(trx, 'network', [String(before['network_id'])]);
}

async function requireSegmentChange(trx: Trx, before: Row, segmentId: string | null): Promise<void> {
  if (before['segment_id'] !== null && segmentId !== before['segment_id']) throw badInput('A subnet that belongs to a segment stays there');
  await requireSegment(trx, String(before['network_id']), segmentId);
}

/** The router's port has the gateway's address: moving one of them alone would cut the subnet off. */
async function requireGatewayFree(trx: Trx, before: Row): Promise<void> {
  if (before['gateway_ip'] === null) return;
  const rows = await query<{ port_id: string }>(
    trx,
    `select a.port_id from network_address a join network_router_interface i on i.port_id = a.port_id
     where a.subnet_id = $1 and a.ip_address = $2`,
    [before.id, before['gateway_ip']],
  );
  if (rows.length > 0)
    throw conflict(
      'GatewayIpInUse',
      `Current gateway ip ${String(before['gateway_ip'])} already in use by port ${rows[0]!.port_id}. Unable to update.`,
    );
}

async function remove({ trx }: Work, row: Row): Promise<void> {
  const isAutomatic = row['ipv6_address_mode'] === 'slaac' || row['ipv6_address_mode'] === 'dhcpv6-stateless';
  // Metadata is asked for at an address that goes with its subnet.
  await query(trx, 'delete from network_address where subnet_id = $1 and port_id in (select port_id from network_metadata_port)', [row.id]);
  const used = await query(
    trx,
    `select from network_address a join network_port p on p.id = a.port_id
     where a.subnet_id = $1 and ($2 = false or p.device_owner like 'network:router%') limit 1`,
    [row.id, isAutomatic],
  );
  if (used.length > 0)
    throw conflict(
      'SubnetInUse',
      `Unable to complete operation on subnet ${row.id}: One or more ports have an IP allocation from this subnet.`,
    );
  await releaseAutomatic(trx, row.id);
  await query(trx, 'delete from network_subnet where id = $1', [row.id]);
  await touch(trx, 'network', [String(row['network_id'])]);
}
