import { type Kysely, sql } from 'kysely';

/*
 * Networks: what projects asked for. Addresses, MAC addresses, segments and rules are unique by constraint, so that of two
 * writers one wins. Tables named after a noun of the Network API hold its rows; `network_rbac` says who else sees one.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const part of [foundations, addressing, security, ports, routing, services, settings]) {
    for (const statement of part()) await sql.raw(statement).execute(db);
  }
}

/** What every noun has. Revisions count changes; times are told in whole seconds. */
const MADE = `
  id uuid primary key default gen_random_uuid(),
  project_id text not null,
  description text not null default '',
  tags text[] not null default '{}',
  revision_number integer not null default 0,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()`;
const NAMED = `${MADE}, name text not null default ''`;

const table = (name: string, columns: string, ...more: string[]): string[] => [
  `create table ${name} (${columns})`,
  ...(columns.startsWith(MADE) ? [`create index ${name}_project on ${name} (project_id)`] : []),
  ...more,
];
const index = (table: string, ...columns: string[]) => `create index ${table}_${columns[0]} on ${table} (${columns.join(', ')})`;

const foundations = () => [
  ...table(
    'network_qos_policy',
    `${NAMED}, is_default boolean not null default false`,
    'create unique index network_qos_policy_default on network_qos_policy (project_id) where is_default',
  ),
  ...table(
    'network_qos_rule',
    `${MADE},
     qos_policy_id uuid not null references network_qos_policy (id) on delete cascade,
     kind text not null,
     direction text,
     max_kbps integer, max_burst_kbps integer, dscp_mark integer, min_kbps integer, min_kpps integer, max_kpps integer,
     max_burst_kpps integer,
     unique nulls not distinct (qos_policy_id, kind, direction)`,
  ),
  ...table(
    'network',
    `${NAMED},
     admin_state_up boolean not null default true,
     status text not null default 'ACTIVE',
     mtu integer not null,
     vlan_transparent boolean,
     port_security_enabled boolean not null default true,
     is_default boolean not null default false,
     dns_domain text not null default '',
     availability_zone_hints text[] not null default '{}',
     qos_policy_id uuid references network_qos_policy (id)`,
    // One external network is where automatic topologies end.
    'create unique index network_default on network (is_default) where is_default',
    index('network', 'qos_policy_id'),
  ),
  ...table(
    'network_segment',
    `${MADE},
     name text,
     network_id uuid not null references network (id) on delete cascade,
     network_type text not null,
     physical_network text,
     segmentation_id bigint,
     position integer not null default 0`,
    `create unique index network_segment_taken on network_segment (network_type, physical_network, segmentation_id) nulls not distinct
     where segmentation_id is not null or network_type = 'flat'`,
    index('network_segment', 'network_id'),
  ),
  ...table(
    'network_segment_range',
    `${NAMED},
     "default" boolean not null default false,
     shared boolean not null default true,
     network_type text not null,
     physical_network text,
     minimum bigint not null,
     maximum bigint not null,
     check (minimum <= maximum)`,
    `insert into network_segment_range (project_id, name, "default", network_type, minimum, maximum)
     values ('', 'geneve', true, 'geneve', 1, 65536), ('', 'vxlan', true, 'vxlan', 1, 65536), ('', 'gre', true, 'gre', 1, 65536)`,
  ),
  ...table(
    'network_rbac',
    `${MADE},
     object_type text not null,
     object_id uuid not null,
     action text not null,
     target_project text not null,
     unique (object_id, action, target_project)`,
  ),
];

const addressing = () => [
  ...table('network_address_scope', `${NAMED}, ip_version integer not null check (ip_version in (4, 6))`),
  ...table(
    'network_subnetpool',
    `${NAMED},
     ip_version integer not null check (ip_version in (4, 6)),
     prefixes cidr[] not null,
     default_quota integer,
     default_prefixlen integer not null,
     min_prefixlen integer not null,
     max_prefixlen integer not null,
     is_default boolean not null default false,
     address_scope_id uuid references network_address_scope (id)`,
    'create unique index network_subnetpool_default on network_subnetpool (ip_version) where is_default',
    index('network_subnetpool', 'address_scope_id'),
  ),
  ...table(
    'network_subnet',
    `${NAMED},
     network_id uuid not null references network (id) on delete cascade,
     ip_version integer not null check (ip_version in (4, 6)),
     cidr cidr not null,
     gateway_ip inet,
     enable_dhcp boolean not null default true,
     ipv6_ra_mode text,
     ipv6_address_mode text,
     subnetpool_id uuid references network_subnetpool (id),
     segment_id uuid references network_segment (id),
     dns_nameservers text[] not null default '{}',
     host_routes jsonb not null default '[]',
     service_types text[] not null default '{}',
     dns_publish_fixed_ip boolean not null default false,
     check (family(cidr) = ip_version)`,
    index('network_subnet', 'network_id'),
    index('network_subnet', 'subnetpool_id'),
    index('network_subnet', 'segment_id'),
  ),
  `create table network_allocation_pool (
     subnet_id uuid not null references network_subnet (id) on delete cascade,
     first inet not null,
     last inet not null,
     primary key (subnet_id, first),
     check (first <= last and family(first) = family(last))
   )`,
];

const security = () => [
  ...table('network_address_group', NAMED),
  `create table network_address_group_member (
     address_group_id uuid not null references network_address_group (id) on delete cascade,
     address cidr not null,
     primary key (address_group_id, address)
   )`,
  ...table(
    'network_security_group',
    `${NAMED}, stateful boolean not null default true, is_default boolean not null default false`,
    'create unique index network_security_group_default on network_security_group (project_id) where is_default',
  ),
  ...table(
    'network_security_group_rule',
    `${MADE},
     security_group_id uuid not null references network_security_group (id) on delete cascade,
     direction text not null,
     ethertype text not null,
     protocol text,
     port_range_min integer,
     port_range_max integer,
     remote_ip_prefix text,
     normalized_cidr cidr,
     remote_group_id uuid references network_security_group (id) on delete cascade,
     remote_address_group_id uuid references network_address_group (id),
     check (num_nonnulls(normalized_cidr, remote_group_id, remote_address_group_id) <= 1)`,
    `create unique index network_security_group_rule_once on network_security_group_rule
     (security_group_id, direction, ethertype, protocol, port_range_min, port_range_max, normalized_cidr, remote_group_id,
      remote_address_group_id) nulls not distinct`,
    index('network_security_group_rule', 'remote_group_id'),
    index('network_security_group_rule', 'remote_address_group_id'),
  ),
  ...table(
    'network_default_security_group_rule',
    `${MADE},
     direction text not null,
     ethertype text not null,
     protocol text,
     port_range_min integer,
     port_range_max integer,
     remote_ip_prefix text,
     normalized_cidr cidr,
     remote_group_id text,
     remote_address_group_id uuid,
     used_in_default_sg boolean not null default false,
     used_in_non_default_sg boolean not null default true`,
    `create unique index network_default_security_group_rule_once on network_default_security_group_rule
     (direction, ethertype, protocol, port_range_min, port_range_max, normalized_cidr, remote_group_id, remote_address_group_id,
      used_in_default_sg, used_in_non_default_sg) nulls not distinct`,
    `insert into network_default_security_group_rule (project_id, direction, ethertype, remote_group_id, used_in_default_sg, used_in_non_default_sg)
     values ('', 'egress', 'IPv4', null, true, true), ('', 'egress', 'IPv6', null, true, true),
            ('', 'ingress', 'IPv4', 'PARENT', true, false), ('', 'ingress', 'IPv6', 'PARENT', true, false)`,
  ),
];

const ports = () => [
  ...table(
    'network_port',
    `${NAMED},
     network_id uuid not null references network (id),
     mac_address macaddr not null,
     admin_state_up boolean not null default true,
     status text not null default 'DOWN',
     device_id text not null default '',
     device_owner text not null default '',
     port_security_enabled boolean not null default true,
     allowed_address_pairs jsonb not null default '[]',
     extra_dhcp_opts jsonb not null default '[]',
     dns_name text not null default '',
     dns_domain text not null default '',
     ip_allocation text not null default 'none',
     qos_policy_id uuid references network_qos_policy (id),
     vnic_type text not null default 'normal',
     host text not null default '',
     profile jsonb not null default '{}',
     vif_type text not null default 'unbound',
     vif_details jsonb not null default '{}',
     data_plane_status text,
     device_profile text,
     numa_affinity_policy text,
     hints jsonb,
     propagate_uplink_status boolean not null default true,
     unique (network_id, mac_address)`,
    index('network_port', 'device_id'),
    index('network_port', 'qos_policy_id'),
  ),
  // One address, one port: whoever comes second waits for the first to commit, and then takes another.
  `create table network_address (
     subnet_id uuid not null references network_subnet (id),
     ip_address inet not null,
     network_id uuid not null references network (id),
     port_id uuid not null references network_port (id) on delete cascade,
     position integer not null default 0,
     primary key (subnet_id, ip_address),
     unique (network_id, ip_address)
   )`,
  index('network_address', 'port_id'),
  `create table network_port_security_group (
     port_id uuid not null references network_port (id) on delete cascade,
     security_group_id uuid not null references network_security_group (id),
     primary key (port_id, security_group_id)
   )`,
  index('network_port_security_group', 'security_group_id'),
  // Bindings beside the active one, which is in the port's own row.
  `create table network_port_binding (
     port_id uuid not null references network_port (id) on delete cascade,
     host text not null,
     vnic_type text not null default 'normal',
     profile jsonb not null default '{}',
     vif_type text not null default 'unbound',
     vif_details jsonb not null default '{}',
     primary key (port_id, host)
   )`,
  ...table(
    'network_trunk',
    `${NAMED},
     port_id uuid not null unique references network_port (id),
     admin_state_up boolean not null default true,
     status text not null default 'DOWN'`,
  ),
  `create table network_subport (
     port_id uuid primary key references network_port (id),
     trunk_id uuid not null references network_trunk (id) on delete cascade,
     segmentation_type text not null,
     segmentation_id integer not null,
     unique (trunk_id, segmentation_type, segmentation_id)
   )`,
];

const routing = () => [
  ...table('network_flavor', `${NAMED}, service_type text not null, enabled boolean not null default true`),
  ...table(
    'network_service_profile',
    `${MADE}, driver text not null default '', metainfo text not null default '', enabled boolean not null default true`,
  ),
  `create table network_flavor_profile (
     flavor_id uuid not null references network_flavor (id) on delete cascade,
     service_profile_id uuid not null references network_service_profile (id),
     primary key (flavor_id, service_profile_id)
   )`,
  ...table(
    'network_router',
    `${NAMED},
     admin_state_up boolean not null default true,
     status text not null default 'ACTIVE',
     distributed boolean not null default false,
     ha boolean not null default false,
     enable_ndp_proxy boolean not null default false,
     enable_snat boolean not null default true,
     routes jsonb not null default '[]',
     availability_zone_hints text[] not null default '{}',
     flavor_id uuid references network_flavor (id),
     service_type_id uuid,
     gateway_port_id uuid unique references network_port (id),
     qos_policy_id uuid references network_qos_policy (id)`,
  ),
  `create table network_router_interface (
     port_id uuid primary key references network_port (id) on delete cascade,
     router_id uuid not null references network_router (id)
   )`,
  index('network_router_interface', 'router_id'),
  ...table(
    'network_floatingip',
    `${MADE},
     floating_network_id uuid not null references network (id),
     floating_ip_address inet not null,
     floating_port_id uuid not null unique references network_port (id),
     port_id uuid references network_port (id),
     fixed_ip_address inet,
     router_id uuid references network_router (id),
     status text not null default 'DOWN',
     dns_name text not null default '',
     dns_domain text not null default '',
     qos_policy_id uuid references network_qos_policy (id),
     unique (floating_network_id, floating_ip_address),
     unique (port_id, fixed_ip_address, floating_network_id)`,
    index('network_floatingip', 'router_id'),
  ),
  ...table(
    'network_port_forwarding',
    `${MADE},
     floatingip_id uuid not null references network_floatingip (id) on delete cascade,
     protocol text not null,
     external_first integer not null,
     external_last integer not null,
     internal_first integer not null,
     internal_last integer not null,
     internal_ip_address inet not null,
     internal_port_id uuid not null references network_port (id) on delete cascade,
     unique (floatingip_id, protocol, external_first, external_last),
     unique (internal_port_id, internal_ip_address, protocol, internal_first, internal_last),
     check (external_first <= external_last and internal_first <= internal_last)`,
  ),
  ...table(
    'network_conntrack_helper',
    `${MADE},
     router_id uuid not null references network_router (id) on delete cascade,
     protocol text not null,
     port integer not null,
     helper text not null,
     unique (router_id, protocol, port, helper)`,
  ),
  ...table(
    'network_ndp_proxy',
    `${NAMED},
     router_id uuid not null references network_router (id),
     port_id uuid not null references network_port (id) on delete cascade,
     ip_address inet not null,
     unique (router_id, ip_address)`,
    index('network_ndp_proxy', 'port_id'),
  ),
];

const services = () => [
  ...table(
    'network_local_ip',
    `${NAMED},
     local_port_id uuid not null references network_port (id),
     network_id uuid not null references network (id),
     local_ip_address inet not null,
     ip_mode text not null default 'translate',
     own_port boolean not null`,
    index('network_local_ip', 'local_port_id'),
  ),
  ...table(
    'network_local_ip_association',
    `${MADE},
     local_ip_id uuid not null references network_local_ip (id),
     fixed_port_id uuid not null references network_port (id) on delete cascade,
     fixed_ip inet not null,
     unique (local_ip_id, fixed_port_id)`,
    index('network_local_ip_association', 'fixed_port_id'),
  ),
  ...table('network_metering_label', `${NAMED}, shared boolean not null default false`),
  ...table(
    'network_metering_label_rule',
    `${MADE},
     metering_label_id uuid not null references network_metering_label (id) on delete cascade,
     direction text not null,
     excluded boolean not null default false,
     remote_ip_prefix cidr,
     source_ip_prefix cidr,
     destination_ip_prefix cidr`,
    index('network_metering_label_rule', 'metering_label_id'),
  ),
  ...table(
    'network_log',
    `${NAMED},
     resource_type text not null,
     resource_id uuid,
     target_id uuid,
     event text not null default 'ALL',
     enabled boolean not null default true`,
  ),
  ...table(
    'network_agent',
    `${MADE},
     agent_type text not null,
     "binary" text not null,
     host text not null,
     topic text not null,
     availability_zone text,
     admin_state_up boolean not null default true,
     configurations jsonb not null default '{}',
     started_at timestamptz not null default now(),
     heartbeat_timestamp timestamptz not null default now(),
     unique (agent_type, host)`,
  ),
  `create table network_agent_network (
     agent_id uuid not null references network_agent (id) on delete cascade,
     network_id uuid not null references network (id) on delete cascade,
     primary key (agent_id, network_id)
   )`,
  `create table network_agent_router (
     agent_id uuid not null references network_agent (id) on delete cascade,
     router_id uuid not null references network_router (id) on delete cascade,
     primary key (agent_id, router_id)
   )`,
];

const settings = () => [
  `create table network_quota (
     project_id text not null,
     resource text not null,
     most integer not null,
     primary key (project_id, resource)
   )`,
  `create table network_auto_topology (
     project_id text primary key,
     network_id uuid not null references network (id) on delete cascade,
     router_id uuid not null references network_router (id)
   )`,
  // How many addresses there are; bigint is too small for IPv6.
  `create function network_address_number(address inet) returns numeric language sql immutable strict as $$
     select round(sum(get_byte(inet_send(address), 4 + i) * 256::numeric ^ (octet_length(inet_send(address)) - 5 - i)), 0)
     from generate_series(0, octet_length(inet_send(address)) - 5) i
   $$`,
  /*
   * Takes part in a project's quota: the lock keeps every other creator of the project out until this transaction ends, and
   * only then are the rows counted. Null: there is room; else the limit.
   */
  `create function network_quota_exceeded(project text, kind text, rows_of regclass, wanted integer, by_default integer)
   returns integer language plpgsql as $$
   declare
     most integer := coalesce((select q.most from network_quota q where q.project_id = project and q.resource = kind), by_default);
     used integer;
   begin
     if most < 0 then return null; end if;
     perform pg_advisory_xact_lock(hashtextextended(project || '/' || kind, 0));
     execute format('select count(*) from %s where project_id = $1', rows_of) into used using project;
     return case when used + wanted > most then most end;
   end $$`,
];
