import { badInput, badRequest, conflict, notFound } from '../network-error.ts';
import { anything, dnsDomain, dnsName, ipAddress, orNull, shown, uuid } from '../mechanism/attribute-types.ts';
import { insertRows, touch, updateRow } from '../mechanism/row-write.ts';
import { ANYONE, asAnyone, mustSee } from '../mechanism/seen.ts';
import { OWNED, standard } from '../mechanism/standard-attributes.ts';
import { query } from '../mechanism/statement.ts';
import { attribute, attributes, type Resource, type Row, type Values, type Work } from '../resource.ts';
import { associate, NOWHERE, type Association, type FloatingFacts } from './floatingip-association.ts';
import { networks } from './network-noun.ts';
import { createPort, portNetwork } from './port-create.ts';
import { ports } from './port-noun.ts';
import { requireCarried, requirePolicyChange, requirePolicySeen } from './qos-use.ts';

/** Addresses of an external network that a project has, wherever it points them to. */
const { name: _name, ...unnamed } = standard;
const ofPort = (column: string) => `'${column}', p.${column}`;
const PORT_DETAILS = `(select json_build_object(${['name', 'network_id', 'mac_address', 'admin_state_up', 'status', 'device_id', 'device_owner'].map(ofPort).join(', ')})
  from network_port p where p.id = t.port_id)`;
const one = (side: string) => `case when f.${side}_first = f.${side}_last then f.${side}_first end`;
const span = (side: string) => `case when f.${side}_first <> f.${side}_last then f.${side}_first || ':' || f.${side}_last end`;
const FORWARDINGS = `(select coalesce(json_agg(json_strip_nulls(json_build_object('id', f.id, 'protocol', f.protocol, 'internal_ip_address', f.internal_ip_address,
  'internal_port_id', f.internal_port_id, 'external_port', ${one('external')}, 'internal_port', ${one('internal')},
  'external_port_range', ${span('external')}, 'internal_port_range', ${span('internal')}))
  order by f.created_at), '[]') from network_port_forwarding f where f.floatingip_id = t.id)`;

export const floatingips: Resource = {
  member: 'floatingip',
  collection: 'floatingips',
  path: '/floatingips',
  table: 'network_floatingip',
  verbs: ['create', 'update', 'delete'],
  quota: 'floatingip',
  scope: OWNED,
  notFound: (id) => notFound('FloatingIPNotFound', `Floating IP ${id} could not be found`),
  attributes: attributes({
    ...unnamed,
    floating_network_id: attribute(uuid, 'post filter sort'),
    floating_ip_address: attribute(orNull(ipAddress), 'post filter sort', { default: null }),
    subnet_id: attribute(orNull(uuid), 'post', { default: null, sql: null }),
    port_id: attribute(orNull(uuid), 'post put filter', { default: null }),
    fixed_ip_address: attribute(orNull(ipAddress), 'post put filter sort', { default: null }),
    router_id: attribute(shown('uuid'), 'filter sort'),
    status: attribute(shown(), 'filter sort'),
    dns_name: attribute(dnsName, 'post', { default: '' }),
    dns_domain: attribute(dnsDomain, 'post', { default: '' }),
    qos_policy_id: attribute(orNull(uuid), 'post put', { default: null }),
    qos_network_policy_id: attribute(shown('uuid'), '', {
      sql: '(select n.qos_policy_id from network n where n.id = t.floating_network_id)',
    }),
    port_details: attribute(anything, '', { sql: PORT_DETAILS }),
    port_forwardings: attribute(anything, '', { sql: FORWARDINGS }),
  }),
  create,
  update,
  remove,
};

const stored: Resource = {
  ...floatingips,
  attributes: { ...floatingips.attributes, ...attributes({ floating_port_id: attribute(shown('uuid'), '') }) },
};

async function create(work: Work, asked: readonly Values[]): Promise<string[]> {
  const ids = [];
  for (const values of asked) ids.push(await createOne(work, values));
  return ids;
}

async function createOne(work: Work, values: Values): Promise<string> {
  const { trx } = work;
  const networkId = String(values['floating_network_id']);
  const network = await mustSee(work, networks, networkId, { names: ['id', 'project_id', 'router:external', 'subnets'] });
  if (network['router:external'] !== true) throw badRequest(`Network ${networkId} is not a valid external network`);
  await requirePolicySeen(work, values['qos_policy_id']);
  const port = await floatingPort(work, networkId, values);
  const facts: FloatingFacts = { id: null, address: port.address, networkId, projectId: String(values['project_id']) };
  const target = await targetOf(work, facts, values);
  const [id] = await insertRows(trx, stored, [{ ...values, floating_ip_address: port.address, floating_port_id: port.id, ...target }]);
  await requireCarried(trx, values['qos_policy_id'], floatingPlace(id!));
  await query(trx, 'update network_port set device_id = $2 where id = $1', [port.id, id]);
  await touch(trx, 'network_router', [target.router_id]);
  return id!;
}

const floatingPlace = (id: string) => ({ kind: 'floating IP', id, hasWire: false, isMetal: false, isBound: false }) as const;

async function targetOf(work: Work, facts: FloatingFacts, values: Values): Promise<Association> {
  const portId = values['port_id'] as string | null;
  const fixed = (values['fixed_ip_address'] as string | null | undefined) ?? null;
  if (portId !== null) return associate(work, facts, await mustSee(work, ports, portId), fixed);
  if (fixed !== null) throw badRequest('fixed_ip_address cannot be specified without a port_id');
  return NOWHERE;
}

/** The port that holds the address on the external network; nobody's. */
async function floatingPort(work: Work, networkId: string, values: Values): Promise<{ id: string; address: string }> {
  const network = await portNetwork({ trx: work.trx, actor: ANYONE }, networkId);
  const v4 = network.subnets.filter((subnet) => subnet.ip_version === 4);
  if (v4.length === 0) throw badRequest(`Network ${networkId} does not contain any IPv4 subnet`);
  const [ip, subnetId] = [values['floating_ip_address'], values['subnet_id']] as (string | null)[];
  const asked = {
    ...(ip === null || ip === undefined ? {} : { ip_address: ip }),
    ...(subnetId === null || subnetId === undefined ? {} : { subnet_id: subnetId }),
  };
  const isAsked = Object.keys(asked).length > 0;
  const id = await createPort(
    asAnyone(work),
    { ...network, subnets: isAsked ? network.subnets : v4 },
    {
      project_id: '',
      network_id: networkId,
      device_owner: 'network:floatingip',
      device_id: 'PENDING',
      status: 'N/A',
      ...(isAsked ? { fixed_ips: [asked] } : {}),
    },
  );
  const rows = await query<{ ip: string }>(
    work.trx,
    'select host(ip_address) as ip from network_address where port_id = $1 and family(ip_address) = 4',
    [id],
  );
  if (rows[0] === undefined) throw badInput(`no IPv4 address is on external network ${networkId} as asked`);
  return { id, address: rows[0].ip };
}

async function update(work: Work, before: Row, changes: Values): Promise<void> {
  const { trx } = work;
  await requirePolicyChange(work, before['qos_policy_id'], changes['qos_policy_id']);
  if (changes['qos_policy_id'] !== before['qos_policy_id']) await requireCarried(trx, changes['qos_policy_id'], floatingPlace(before.id));
  if (!('port_id' in changes) && !('fixed_ip_address' in changes)) return updateRow(trx, stored, before.id, changes);
  const forwarded = await query(trx, 'select from network_port_forwarding where floatingip_id = $1 limit 1', [before.id]);
  const portId = ('port_id' in changes ? changes['port_id'] : before['port_id']) as string | null;
  if (forwarded.length > 0 && portId !== null) throw inUseByForwarding(before.id);
  const facts = {
    id: before.id,
    address: String(before['floating_ip_address']),
    networkId: String(before['floating_network_id']),
    projectId: before.project_id,
  };
  const target = await targetOf(work, facts, { ...changes, port_id: portId });
  await updateRow(trx, stored, before.id, { ...changes, ...target });
  await touch(trx, 'network_router', [before['router_id'] as string | null, target.router_id]);
}

async function remove({ trx }: Work, row: Row): Promise<void> {
  const forwarded = await query(trx, 'select from network_port_forwarding where floatingip_id = $1 limit 1', [row.id]);
  if (forwarded.length > 0) throw inUseByForwarding(row.id);
  const gone = await query<{ floating_port_id: string }>(trx, 'delete from network_floatingip where id = $1 returning floating_port_id', [
    row.id,
  ]);
  await query(trx, 'delete from network_port where id = $1', [gone[0]!.floating_port_id]);
  await touch(trx, 'network_router', [row['router_id'] as string | null]);
}

const inUseByForwarding = (id: string) => conflict('FipInUseByPortForwarding', `Floating IP ${id} in use by Port Forwarding resources.`);
