import { parseIp } from '../../core/base/ip-address.ts';
import { badInput, notFound } from '../network-error.ts';
import {
  addressOrCidr,
  anything,
  boolean,
  dnsDomain,
  dnsName,
  integer,
  ipAddress,
  isUuid,
  listOf,
  macAddress,
  object,
  oneOf,
  orEmpty,
  orNull,
  record,
  shown,
  text,
  textNotEmpty,
  uuid,
  written,
} from '../mechanism/attribute-types.ts';
import { standard } from '../mechanism/standard-attributes.ts';
import { attribute, attributes, type AttributeType, type Bind, type Resource } from '../resource.ts';
import { networks } from './network-noun.ts';
import { DNS_ASSIGNMENT, FIXED_IPS, NETWORK_POLICY, RESOURCE_REQUEST, SECURITY_GROUPS, TRUNK_DETAILS } from './port-view.ts';

/** Where something is plugged into a network. */
export const VNIC_TYPES = [
  'normal',
  'direct',
  'macvtap',
  'baremetal',
  'direct-physical',
  'virtio-forwarder',
  'smart-nic',
  'vdpa',
  'accelerator-direct',
  'accelerator-direct-physical',
  'remote-managed',
] as const;
const ADDRESS_PAIRS_MAX = 100;
const PROFILE_LENGTH_MAX = 4095;

const addressPair = record({ ip_address: writtenPrefix(), 'mac_address?': macAddress });
/** An address stays one: it is not shown as a prefix of all its bits. */
function writtenPrefix(): AttributeType {
  return { kind: 'text', read: (value) => (parseIp(value) === undefined ? addressOrCidr.read(value) : ipAddress.read(value)) };
}
const dhcpOption = record({
  opt_name: textNotEmpty(64),
  opt_value: orNull(text(255)),
  'ip_version?': integer(4, 6),
});
const groups: AttributeType = { kind: 'written', read: (value) => (value === null ? [] : listOf(uuid, { unique: true }).read(value)) };
const regenerated: AttributeType = { kind: 'macaddr', read: (value) => (value === null ? null : macAddress.read(value)) };

/** `fixed_ips=ip_address=10.0.0.1&fixed_ips=subnet_id=…`: kinds add up, values of one are alternatives. */
function fixedIpFilter(values: readonly string[], bind: Bind): string {
  const other = values.find((value) => !value.includes('='));
  if (other !== undefined) throw badInput(`'${other}' is not of the form <key>=[value]`);
  const pairs = values.map((value) => [value.slice(0, value.indexOf('=')), value.slice(value.indexOf('=') + 1)] as const);
  const of = (key: string) => pairs.filter(([name]) => name === key).map(([, value]) => value);
  const within = (sql: string) => `exists (select from network_address a where a.port_id = t.id and ${sql})`;
  const ips = of('ip_address').filter((value) => parseIp(value) !== undefined);
  const parts = [
    ...(of('ip_address').length > 0 ? [within(`a.ip_address = any(${bind(ips)}::inet[])`)] : []),
    ...(of('subnet_id').length > 0 ? [within(`a.subnet_id = any(${bind(of('subnet_id').filter(isUuid))}::uuid[])`)] : []),
    ...(of('ip_address_substr').length > 0
      ? [within(`host(a.ip_address) like any(${bind(of('ip_address_substr').map((each) => `%${each}%`))}::text[])`)]
      : []),
  ];
  return parts.length === 0 ? 'true' : parts.join(' and ');
}

export const ports: Resource = {
  member: 'port',
  collection: 'ports',
  path: '/ports',
  table: 'network_port',
  verbs: ['create', 'update', 'delete'],
  quota: 'port',
  scope: '(t.project_id = :project or exists (select from network n where n.id = t.network_id and n.project_id = :project))',
  notFound: (id) => notFound('PortNotFound', `Port ${id} could not be found.`),
  owner: { prefix: 'network', attribute: 'network_id', resource: () => networks },
  filters: {
    fixed_ips: fixedIpFilter,
    ip_address: (values, bind) =>
      fixedIpFilter(
        values.map((value) => `ip_address=${value}`),
        bind,
      ),
    ip_address_substr: (values, bind) =>
      fixedIpFilter(
        values.map((value) => `ip_address_substr=${value}`),
        bind,
      ),
    security_groups: (values, bind) =>
      `exists (select from network_port_security_group g where g.port_id = t.id and g.security_group_id = any(${bind(values.filter(isUuid))}::uuid[]))`,
  },
  attributes: attributes({
    ...standard,
    network_id: attribute(uuid, 'post filter sort'),
    mac_address: attribute(regenerated, 'post put filter sort', { default: undefined }),
    admin_state_up: attribute(boolean, 'post put filter sort', { default: true }),
    status: attribute(shown(), 'filter sort'),
    device_id: attribute(text(255), 'post put filter sort', { default: '' }),
    device_owner: attribute(text(255), 'post put filter sort', { default: '' }),
    fixed_ips: attribute(listOf(record({ 'subnet_id?': uuid, 'ip_address?': ipAddress }), { kind: 'written' }), 'post put filter', {
      default: undefined,
      sql: FIXED_IPS,
    }),
    security_groups: attribute(groups, 'post put filter', { default: undefined, sql: SECURITY_GROUPS }),
    allowed_address_pairs: attribute(orEmpty(listOf(addressPair, { most: ADDRESS_PAIRS_MAX })), 'post put', {
      default: undefined,
      column: 'allowed_address_pairs',
    }),
    extra_dhcp_opts: attribute(orEmpty(listOf(dhcpOption)), 'post put', { default: [] }),
    port_security_enabled: attribute(boolean, 'post put', { default: undefined }),
    dns_name: attribute(dnsName, 'post put', { default: '' }),
    dns_domain: attribute(dnsDomain, 'post put', { default: '' }),
    dns_assignment: attribute(written, '', { sql: DNS_ASSIGNMENT }),
    ip_allocation: attribute(shown(), 'filter sort'),
    qos_policy_id: attribute(orNull(uuid), 'post put', { default: null }),
    qos_network_policy_id: attribute(shown('uuid'), '', { sql: NETWORK_POLICY }),
    resource_request: attribute(anything, '', { sql: RESOURCE_REQUEST }),
    'binding:vnic_type': attribute(oneOf(...VNIC_TYPES), 'post put', { default: 'normal', column: 'vnic_type' }),
    'binding:host_id': attribute(orNull(text(255)), 'post put filter', { default: undefined, column: 'host' }),
    'binding:profile': attribute(object(PROFILE_LENGTH_MAX), 'post put', { default: undefined, column: 'profile' }),
    'binding:vif_type': attribute(shown(), '', { column: 'vif_type' }),
    'binding:vif_details': attribute(anything, '', { column: 'vif_details' }),
    data_plane_status: attribute(oneOf('ACTIVE', 'DOWN', null), 'put', { default: undefined }),
    device_profile: attribute(orNull(text(255)), 'post', { default: null }),
    numa_affinity_policy: attribute(oneOf('required', 'preferred', 'legacy', 'socket', null), 'post put', { default: null }),
    hints: attribute(orNull(object(PROFILE_LENGTH_MAX)), 'post put', { default: null }),
    propagate_uplink_status: attribute(boolean, 'post put', { default: true }),
    trunk_details: attribute(anything, '', { sql: TRUNK_DETAILS }),
  }),
};
