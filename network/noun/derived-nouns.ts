import { anything, integer, object, oneOf, shown, text } from '../mechanism/attribute-types.ts';
import { PUBLIC } from '../mechanism/standard-attributes.ts';
import { touch } from '../mechanism/row-write.ts';
import { query } from '../mechanism/statement.ts';
import { conflict, notFound } from '../network-error.ts';
import { datapathOf } from '../network-host-service.ts';
import { attribute, attributes, type Resource, type Trx, type Values } from '../resource.ts';
import { bindTo } from './port-binding-policy.ts';
import { ports, VNIC_TYPES } from './port-noun.ts';

/** Nouns that are looked at and not stored: they follow from others. */
const pools = (where: string) =>
  `(select coalesce(sum(network_address_number(p.last) - network_address_number(p.first) + 1), 0) from network_allocation_pool p
    join network_subnet s on s.id = p.subnet_id where ${where})`;
const used = (where: string) => `(select count(*) from network_address a join network_subnet s on s.id = a.subnet_id where ${where})`;

const PER_SUBNET = `(select coalesce(json_agg(json_build_object('subnet_id', o.id, 'subnet_name', o.name, 'cidr', o.cidr::text, 'ip_version', o.ip_version,
  'total_ips', ${pools('s.id = o.id')}, 'used_ips', ${used('s.id = o.id')}) order by o.created_at), '[]')
  from network_subnet o where o.network_id = t.id)`;

export const ipAvailabilities: Resource = {
  member: 'network_ip_availability',
  collection: 'network_ip_availabilities',
  path: '/network-ip-availabilities',
  table: '(select id, id as network_id, name as network_name, project_id from network)',
  derived: true,
  verbs: [],
  scope: 't.project_id = :project',
  key: 'network_id',
  notFound: (id) => notFound('NetworkNotFound', `Network ${id} could not be found.`),
  filters: {
    ip_version: (values, bind) =>
      `exists (select from network_subnet s where s.network_id = t.id and s.ip_version::text = any(${bind(values)}::text[]))`,
  },
  attributes: attributes({
    network_id: attribute(shown('uuid'), 'filter sort'),
    network_name: attribute(shown(), 'filter'),
    project_id: attribute(shown(), 'filter'),
    tenant_id: attribute(shown(), 'filter', { sql: 't.project_id' }),
    total_ips: attribute(integer(), '', { sql: pools('s.network_id = t.id') }),
    used_ips: attribute(integer(), '', { sql: used('s.network_id = t.id') }),
    subnet_ip_availability: attribute(anything, '', { sql: PER_SUBNET }),
  }),
};

export const floatingipPools: Resource = {
  member: 'floatingip_pool',
  collection: 'floatingip_pools',
  path: '/floatingip_pools',
  table: `(select s.id, s.id as subnet_id, s.name as subnet_name, s.network_id, s.cidr, s.project_id from network_subnet s where s.ip_version = 4
    and exists (select from network_rbac r where r.object_id = s.network_id and r.action = 'access_as_external'))`,
  derived: true,
  verbs: [],
  scope: `exists (select from network_rbac r where r.object_id = t.network_id and r.action = 'access_as_external' and r.target_project in ('*', :project))`,
  key: 'subnet_id',
  notFound: (id) => notFound('SubnetNotFound', `Subnet ${id} could not be found.`),
  attributes: attributes({
    subnet_id: attribute(shown('uuid'), 'filter sort'),
    subnet_name: attribute(shown(), 'filter'),
    network_id: attribute(shown('uuid'), 'filter'),
    cidr: attribute(shown('cidr'), 'filter'),
    project_id: attribute(shown(), 'filter'),
    tenant_id: attribute(shown(), 'filter', { sql: 't.project_id' }),
  }),
};

const BINDING = 'host, vnic_type, profile, vif_type, vif_details';
const PROFILE_LENGTH_MAX = 4095;
/** The active binding is the port's own; the others are there for a move to another host. */
export const portBindings: Resource = {
  member: 'binding',
  collection: 'bindings',
  path: '/bindings',
  policyName: 'port_binding',
  table: `(select id as port_id, host as id, ${BINDING}, 'ACTIVE' as status from network_port where host <> ''
    union all select port_id, host, ${BINDING}, 'INACTIVE' from network_port_binding)`,
  derived: true,
  verbs: ['create', 'update', 'delete'],
  scope: PUBLIC,
  key: 'host',
  notFound: (host, portId) => notFound('PortBindingNotFound', `Binding for port ${portId} for host ${host} could not be found.`),
  parent: { parameter: 'port_id', resource: ports, column: 'port_id' },
  attributes: attributes({
    host: attribute(text(255), 'post filter'),
    vnic_type: attribute(oneOf(...VNIC_TYPES), 'post put filter', { default: 'normal' }),
    profile: attribute(object(PROFILE_LENGTH_MAX), 'post put', { default: {} }),
    vif_type: attribute(shown(), 'filter'),
    vif_details: attribute(anything, ''),
    status: attribute(shown(), 'filter'),
  }),
  async create({ trx }, asked) {
    for (const values of asked) await addBinding(trx, values);
    return asked.map((values) => String(values['host']));
  },
  async update({ trx, parentId }, before, changes) {
    const after = { ...before, ...changes };
    const values = [parentId, before['host'], after['vnic_type'], JSON.stringify(after['profile'])];
    await query(trx, 'update network_port_binding set vnic_type = $3, profile = $4 where port_id = $1 and host = $2', values);
    await query(trx, 'update network_port set vnic_type = $3, profile = $4 where id = $1 and host = $2', values);
    await touch(trx, 'network_port', [parentId]);
  },
  /** The active one goes too: the port is then bound nowhere. */
  async remove({ trx, parentId }, row) {
    await query(trx, 'delete from network_port_binding where port_id = $1 and host = $2', [parentId, row['host']]);
    await query(
      trx,
      `update network_port set host = '', vif_type = 'unbound', vif_details = '{}', profile = '{}', status = 'DOWN' where id = $1 and host = $2`,
      [parentId, row['host']],
    );
    await touch(trx, 'network_port', [parentId]);
  },
};

async function addBinding(trx: Trx, values: Values): Promise<void> {
  const host = String(values['host']);
  const bound = bindTo(host, String(values['vnic_type']), await datapathOf(trx, host));
  const taken = await query(
    trx,
    `select from network_port where id = $1 and host = $2 union all select from network_port_binding where port_id = $1 and host = $2`,
    [values['port_id'], host],
  );
  if (taken.length > 0)
    throw conflict('PortBindingAlreadyExists', `Binding for port ${String(values['port_id'])} on host ${host} already exists.`);
  await query(
    trx,
    `insert into network_port_binding (port_id, host, vnic_type, profile, vif_type, vif_details) values ($1, $2, $3, $4, $5, $6)`,
    [values['port_id'], host, values['vnic_type'], JSON.stringify(values['profile']), bound.vif_type, JSON.stringify(bound.vif_details)],
  );
}
