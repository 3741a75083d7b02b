import { badRequest, conflict, notFound } from '../network-error.ts';
import { integer, ipAddress, oneOf, orNull, shown, text, uuid } from '../mechanism/attribute-types.ts';
import { insertRows, touch, updateRow } from '../mechanism/row-write.ts';
import { mustSee } from '../mechanism/seen.ts';
import { id, OWNED, PUBLIC, standard } from '../mechanism/standard-attributes.ts';
import { query } from '../mechanism/statement.ts';
import { attribute, attributes, type AttributeType, type Resource, type Row, type Trx, type Values, type Work } from '../resource.ts';
import { ports } from './port-noun.ts';
import { routers } from './router-noun.ts';

/** What a router does beside routing: helpers of connection tracking, and neighbours announced for others (RFC 4389). */
const protocol: AttributeType = {
  kind: 'text',
  read: (value) => oneOf('tcp', 'udp', 'sctp', 'dccp', 'icmp', 'ipv6-icmp').read(String(value).toLowerCase()),
};
/** Linux's `nf_conntrack_*` modules and the protocols that each understands. */
const HELPERS: Readonly<Record<string, readonly string[]>> = {
  amanda: ['udp'],
  ftp: ['tcp'],
  h323: ['udp', 'tcp'],
  irc: ['tcp'],
  'netbios-ns': ['udp'],
  pptp: ['tcp'],
  sane: ['tcp'],
  sip: ['udp', 'tcp'],
  snmp: ['udp'],
  tftp: ['udp'],
};

export const conntrackHelpers: Resource = {
  member: 'conntrack_helper',
  collection: 'conntrack_helpers',
  path: '/conntrack_helpers',
  policyName: 'router_conntrack_helper',
  table: 'network_conntrack_helper',
  verbs: ['create', 'update', 'delete'],
  scope: PUBLIC,
  notFound: (each) => notFound('ConntrackHelperNotFound', `Conntrack Helper ${each} could not be found.`),
  parent: { parameter: 'router_id', resource: routers, column: 'router_id' },
  attributes: attributes({
    id,
    protocol: attribute(protocol, 'post put filter sort'),
    port: attribute(integer(1, 65_535), 'post put filter sort'),
    helper: attribute(text(64), 'post put filter sort'),
  }),
  async create({ trx }, asked) {
    for (const values of asked) requireHelper(values);
    const ids = await insertRows(trx, storedHelper, asked, { skipTaken: true });
    if (ids.length < asked.length) throw duplicateHelper();
    await touch(
      trx,
      'network_router',
      asked.map((values) => String(values['router_id'])),
    );
    return ids;
  },
  async update({ trx }, before, changes) {
    requireHelper({ ...before, ...changes });
    const others = await query(
      trx,
      `select from network_conntrack_helper o join network_conntrack_helper own on own.id = $1 and own.router_id = o.router_id
       where o.id <> $1 and o.protocol = $2 and o.port = $3 and o.helper = $4`,
      [before.id, ...['protocol', 'port', 'helper'].map((name) => changes[name] ?? before[name])],
    );
    if (others.length > 0) throw duplicateHelper();
    await updateRow(trx, conntrackHelpers, before.id, changes);
  },
};

const storedHelper: Resource = {
  ...conntrackHelpers,
  attributes: {
    ...conntrackHelpers.attributes,
    ...attributes({ project_id: attribute(shown(), ''), router_id: attribute(shown('uuid'), '') }),
  },
};
const duplicateHelper = () =>
  badRequest('Bad conntrack_helper request: A duplicate conntrack helper entry with same attributes already exists.');

function requireHelper(values: Values): void {
  const known = HELPERS[String(values['helper'])];
  if (known === undefined)
    throw badRequest(`Bad conntrack_helper request: helper ${String(values['helper'])} is not one of ${Object.keys(HELPERS).join(', ')}`);
  if (!known.includes(String(values['protocol'])))
    throw badRequest(
      `Bad conntrack_helper request: helper ${String(values['helper'])} does not support the protocol ${String(values['protocol'])}`,
    );
}

const { tags: _tags, ...untagged } = standard;
export const ndpProxies: Resource = {
  member: 'ndp_proxy',
  collection: 'ndp_proxies',
  path: '/ndp_proxies',
  table: 'network_ndp_proxy',
  verbs: ['create', 'update', 'delete'],
  scope: OWNED,
  notFound: (each) => notFound('NDPProxyNotFound', `Ndp proxy ${each} could not be found.`),
  attributes: attributes({
    ...untagged,
    router_id: attribute(uuid, 'post filter sort'),
    port_id: attribute(uuid, 'post filter sort'),
    ip_address: attribute(orNull(ipAddress), 'post filter sort', { default: null }),
  }),
  async create(work, asked) {
    const rows = [];
    for (const values of asked) rows.push({ ...values, ip_address: await proxyAddress(work, values) });
    const ids = await insertRows(work.trx, ndpProxies, rows, { skipTaken: true });
    if (ids.length < rows.length) throw conflict('NDPProxyDuplicate', 'There is an NDP proxy of this address at the router already.');
    return ids;
  },
};

/** The port's address has to be reachable from the router, and of the scope of the router's gateway. */
async function proxyAddress(work: Work, values: Values): Promise<string> {
  const { trx } = work;
  const port = await mustSee(work, ports, values['port_id']);
  const router = await mustSee(work, routers, values['router_id']);
  const legs = await query<{ subnet_id: string; address_scope_id: string | null }>(
    trx,
    `select a.subnet_id, p.address_scope_id from network_router_interface i join network_address a on a.port_id = i.port_id
     join network_subnet s on s.id = a.subnet_id left join network_subnetpool p on p.id = s.subnetpool_id
     where i.router_id = $1 and a.network_id = $2 and s.ip_version = 6`,
    [router.id, port['network_id']],
  );
  if (legs.length === 0)
    throw conflict('PortUnreachableRouter', `The port ${port.id} cannot reach the router ${router.id} by IPv6 subnet.`);
  if (router['enable_ndp_proxy'] !== true)
    throw conflict(
      'RouterNDPProxyNotEnable',
      `The enable_ndp_proxy parameter of router ${router.id} must be set as True while create ndp proxy entry on it.`,
    );
  const { ip, subnetId } = chooseSixth(port, values['ip_address'] as string | null, legs, router);
  const scope = legs.find((leg) => leg.subnet_id === subnetId)!.address_scope_id;
  if (scope !== (await gatewayScope(trx, router.id)))
    throw conflict('AddressScopeConflict', `The IPv6 address scope of the port and of the router's external network are not the same.`);
  return ip;
}

function chooseSixth(
  port: Row,
  asked: string | null,
  legs: readonly { subnet_id: string }[],
  router: Row,
): { ip: string; subnetId: string } {
  const six = (port['fixed_ips'] as { subnet_id: string; ip_address: string }[]).filter((each) => each.ip_address.includes(':'));
  if (six.length === 0) throw badRequest(`Bad ndp_proxy request: Requested port ${port.id} must allocate one IPv6 address at least.`);
  const found =
    asked === null
      ? six.find((each) => legs.some((leg) => leg.subnet_id === each.subnet_id))
      : six.find((each) => each.ip_address === asked);
  if (found === undefined && asked !== null)
    throw badRequest(`The address ${asked} is invalid, reason: This address not belong to the port ${port.id}`);
  if (found === undefined || !legs.some((leg) => leg.subnet_id === found.subnet_id))
    throw conflict('PortUnreachableRouter', `The port ${port.id} cannot reach the router ${router.id} by IPv6 subnet.`);
  return { ip: found.ip_address, subnetId: found.subnet_id };
}

async function gatewayScope(trx: Trx, routerId: string): Promise<string | null> {
  const rows = await query<{ scope: string }>(
    trx,
    `select p.address_scope_id as scope from network_router r join network_port g on g.id = r.gateway_port_id
     join network_subnet s on s.network_id = g.network_id and s.ip_version = 6 join network_subnetpool p on p.id = s.subnetpool_id
     where r.id = $1 and p.address_scope_id is not null limit 1`,
    [routerId],
  );
  return rows[0]?.scope ?? null;
}
