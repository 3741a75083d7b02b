import { anything, boolean, cidr, ipAddress, listOf, orEmpty, orNull, record, shown, uuid } from '../mechanism/attribute-types.ts';
import { OWNED, standard } from '../mechanism/standard-attributes.ts';
import { notFound } from '../network-error.ts';
import { zoneHints } from './agent-noun.ts';
import { attribute, attributes, InvalidValue, type AttributeType, type Resource } from '../resource.ts';

/** Routers: their legs are ports of `network_router_interface`, their way out is the gateway port. */
export const ROUTES_MAX = 30;
const gateway = record({
  network_id: uuid,
  'enable_snat?': boolean,
  'external_fixed_ips?': listOf(record({ 'subnet_id?': uuid, 'ip_address?': ipAddress })),
  'qos_policy_id?': orNull(uuid),
});
/** None at all, in both of its spellings. */
const gatewayOrNone: AttributeType = {
  kind: 'jsonb',
  read(value) {
    if (value === null) return null;
    if (typeof value !== 'object' || Array.isArray(value)) throw new InvalidValue(`'${String(value)}' is not a dictionary`);
    return Object.keys(value).length === 0 ? null : gateway.read(value);
  },
};
const GATEWAY = `(select json_build_object('network_id', g.network_id, 'enable_snat', t.enable_snat, 'qos_policy_id', t.qos_policy_id,
  'external_fixed_ips', (select coalesce(json_agg(json_build_object('subnet_id', a.subnet_id, 'ip_address', host(a.ip_address)) order by a.position), '[]')
    from network_address a where a.port_id = g.id)) from network_port g where g.id = t.gateway_port_id)`;
const HELPERS = `(select coalesce(json_agg(json_build_object('protocol', h.protocol, 'port', h.port, 'helper', h.helper) order by h.created_at), '[]')
  from network_conntrack_helper h where h.router_id = t.id)`;
const ZONES = `array(select distinct a.availability_zone from network_router_agent h join network_agent a on a.id = h.agent_id
  where h.router_id = t.id and a.availability_zone is not null)`;
export const routesType = orEmpty(listOf(record({ destination: cidr, nexthop: ipAddress }), { unique: true }));

export const routers: Resource = {
  member: 'router',
  collection: 'routers',
  path: '/routers',
  table: 'network_router',
  verbs: ['create', 'update', 'delete'],
  quota: 'router',
  scope: OWNED,
  notFound: (id) => notFound('RouterNotFound', `Router ${id} could not be found`),
  attributes: attributes({
    ...standard,
    admin_state_up: attribute(boolean, 'post put filter sort', { default: true }),
    status: attribute(shown(), 'filter sort'),
    external_gateway_info: attribute(gatewayOrNone, 'post put', { default: null, sql: GATEWAY }),
    routes: attribute(routesType, 'put'),
    distributed: attribute(orNull(boolean), 'post put filter', { default: undefined }),
    ha: attribute(orNull(boolean), 'post put filter', { default: undefined, column: 'ha', sql: 'coalesce(t.ha, false)' }),
    enable_ndp_proxy: attribute(orNull(boolean), 'post put filter', { default: undefined }),
    flavor_id: attribute(orNull(uuid), 'post sort filter', { default: null }),
    service_type_id: attribute(orNull(uuid), 'post', { default: null, sql: null, column: 'service_type_id' }),
    availability_zone_hints: attribute(zoneHints, 'post', { default: [] }),
    availability_zones: attribute(anything, '', { sql: ZONES }),
    conntrack_helpers: attribute(anything, '', { sql: HELPERS }),
  }),
};

export interface GatewayWish {
  readonly network_id: string;
  readonly enable_snat?: boolean;
  readonly external_fixed_ips?: readonly { readonly subnet_id?: string; readonly ip_address?: string }[];
  readonly qos_policy_id?: string | null;
}
