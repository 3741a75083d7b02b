import { type Kysely, sql } from 'kysely';

/*
 * Compute: flavors, key pairs, quotas, aggregates, groups, servers. A server's row stays when it is deleted, for those who
 * ask what happened. `server_seen` and `server_address` read rows of other rooms beside a server's own (docs/decisions/0017):
 * whether it runs is what its machine says, its addresses are those of its ports.
 */
const made = `created_at timestamptz not null default now(), updated_at timestamptz`;

const tables = [
  `create table flavor (
    seq bigint generated always as identity primary key,
    id text not null constraint flavor_id unique,
    name text not null constraint flavor_name unique,
    description text,
    ram integer not null, vcpus integer not null, disk integer not null, ephemeral integer not null default 0,
    swap integer not null default 0, rxtx_factor double precision not null default 1,
    is_public boolean not null default true,
    extra_specs jsonb not null default '{}', ${made})`,
  `create table flavor_access (
    flavor_id text not null references flavor (id) on delete cascade, project_id text not null, primary key (flavor_id, project_id))`,
  `create table keypair (
    seq bigint generated always as identity, user_id text not null, name text not null, type text not null,
    public_key text not null, fingerprint text not null, created_at timestamptz not null default now(),
    primary key (user_id, name))`,
  `create table compute_quota (
    project_id text not null, user_id text not null default '', resource text not null, most integer not null,
    primary key (project_id, user_id, resource))`,
  `create table compute_quota_class (name text not null, resource text not null, most integer not null, primary key (name, resource))`,
  `create table compute_host (
    name text primary key, disabled boolean not null default false, disabled_reason text, forced_down boolean not null default false,
    updated_at timestamptz not null default now())`,
  `create table aggregate (
    id bigint generated always as identity primary key, uuid uuid not null default gen_random_uuid(),
    name text not null constraint aggregate_name unique, metadata jsonb not null default '{}', ${made})`,
  `create table aggregate_host (
    aggregate_id bigint not null references aggregate (id), host text not null, primary key (aggregate_id, host))`,
  `create index aggregate_host_of on aggregate_host (host)`,
  `create table server_group (
    uuid uuid primary key default gen_random_uuid(), seq bigint generated always as identity, project_id text not null,
    user_id text not null, name text not null, policy text not null, rules jsonb not null default '{}', ${made})`,
  `create index server_group_project on server_group (project_id)`,
];

const servers = [
  `create table server (
    uuid uuid primary key default gen_random_uuid(), seq bigint generated always as identity,
    project_id text not null, user_id text not null, name text not null, hostname text not null, description text,
    flavor jsonb not null, image_id uuid, image_properties jsonb not null default '{}',
    key_name text, public_key text, user_data text, admin_password text, config_drive boolean not null default false,
    files jsonb not null default '[]', metadata jsonb not null default '{}', tags jsonb not null default '[]',
    zone_asked text, zone text, host text, node_uuid uuid,
    launch_index integer not null default 0, reservation_id text not null,
    access_ip_v4 text not null default '', access_ip_v6 text not null default '', disk_config text not null default 'MANUAL',
    networks jsonb not null default '[]', hints jsonb not null default '{}', group_uuid uuid references server_group (uuid) on delete set null,
    state text not null, task text, fault jsonb, locked_by text, locked_reason text,
    created_at timestamptz not null default now(), updated_at timestamptz not null default now(), launched_at timestamptz,
    terminated_at timestamptz, deleted_at timestamptz)`,
  `create index server_project on server (project_id, created_at, seq) where deleted_at is null`,
  `create index server_created on server (created_at, seq)`,
  `create index server_updated on server (updated_at)`,
  `create unique index server_node on server (node_uuid) where deleted_at is null`,
  `create index server_of_group on server (group_uuid) where deleted_at is null`,
  `create table server_action (
    id bigint generated always as identity primary key, server_uuid uuid not null references server (uuid) on delete cascade,
    request_id text not null, action text not null, project_id text, user_id text, message text,
    started_at timestamptz not null default now(), updated_at timestamptz not null default now())`,
  `create index server_action_of on server_action (server_uuid, request_id)`,
  `create table server_event (
    id bigint generated always as identity primary key, action_id bigint not null references server_action (id) on delete cascade,
    event text not null, started_at timestamptz not null default now(), finished_at timestamptz, result text, details text, host text)`,
  `create index server_event_of on server_event (action_id)`,
];

/** `power` as Nova counts it: 0 unknown, 1 running, 4 shut down. A machine that somebody else switched is not what the row last said. */
const views = [
  `create view server_address as
    select p.device_id, p.id as port_id, n.id as network_id, n.name as network, host(a.ip_address) as address, family(a.ip_address) as version,
      p.mac_address::text as mac, p.created_at as port_created_at, a.position,
      array(select host(f.floating_ip_address) from network_floatingip f where f.port_id = p.id and f.fixed_ip_address = a.ip_address) as floating
    from network_port p join network n on n.id = p.network_id join network_address a on a.port_id = p.id
    where p.device_id <> ''`,
  `create view server_seen as
    select s.*, n.name as node_name, n.provision_state as node_state,
      case when n.uuid is null or n.instance_uuid is distinct from s.uuid then 0
        when n.power_state = 'power on' then 1 when n.power_state = 'power off' then 4 else 0 end as power,
      case when s.task is null and n.instance_uuid = s.uuid and s.state = 'active' and n.power_state = 'power off' then 'stopped'
        when s.task is null and n.instance_uuid = s.uuid and s.state = 'stopped' and n.power_state = 'power on' then 'active'
        else s.state end as vm_state
    from server s left join node n on n.uuid = s.node_uuid`,
  // A machine that is sold or can be is a host of its own. What is being prepared or repaired is none.
  `create view compute_machine as
    select n.uuid, n.seq, n.uuid::text as host, n.name, n.resource_class, n.instance_uuid, n.power_state, n.provision_state,
      n.properties, coalesce(n.driver_info ->> 'redfish_address', n.driver_info ->> 'ipmi_address') as bmc_address,
      coalesce(h.disabled, false) as disabled, h.disabled_reason, coalesce(h.forced_down, false) as forced_down,
      not n.maintenance and not n.retired and not coalesce(h.forced_down, false) as up,
      coalesce((select a.metadata ->> 'availability_zone' from aggregate a join aggregate_host m on m.aggregate_id = a.id
        where m.host = n.uuid::text and a.metadata ? 'availability_zone' order by a.id limit 1), 'nova') as zone,
      greatest(n.created_at, n.updated_at, n.provision_updated_at, h.updated_at) as updated_at
    from node n left join compute_host h on h.name = n.uuid::text
    where n.resource_class is not null and (n.instance_uuid is not null
      or n.provision_state in ('available', 'cleaning', 'clean wait', 'clean hold', 'clean failed', 'deleting'))`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of [...tables, ...servers, ...views]) await sql.raw(statement).execute(db);
}
