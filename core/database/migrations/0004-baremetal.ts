import { type Kysely, sql } from 'kysely';

/*
 * The nouns of the Bare Metal API beside nodes and ports. `seq` is the order of creation: lists are sorted by it unless
 * asked otherwise, and a page goes on after its marker's.
 */
const made = `
  seq bigint generated always as identity,
  created_at timestamptz not null default now(),
  updated_at timestamptz`;

const statements = [
  `create table chassis (uuid uuid primary key default gen_random_uuid(), description text, extra jsonb not null default '{}', ${made})`,

  `alter table node
    add column seq bigint generated always as identity,
    add column chassis_uuid uuid references chassis (uuid),
    add column conductor_group text not null default '',
    add column interfaces jsonb not null default '{}',
    add column automated_clean boolean,
    add column protected boolean not null default false,
    add column protected_reason text,
    add column retired boolean not null default false,
    add column retired_reason text,
    add column lessee text,
    add column network_data jsonb not null default '{}',
    add column boot_mode text,
    add column secure_boot boolean,
    add column shard text,
    add column parent_node uuid references node (uuid),
    add column raid_config jsonb not null default '{}',
    add column target_raid_config jsonb not null default '{}',
    add column clean_step jsonb not null default '{}',
    add column deploy_step jsonb not null default '{}',
    add column service_step jsonb not null default '{}',
    add column console_enabled boolean not null default false,
    add column inspection_started_at timestamptz,
    add column inspection_finished_at timestamptz,
    add column driver_internal_info jsonb not null default '{}'`,
  `create unique index node_seq on node (seq)`,
  `create index node_chassis on node (chassis_uuid) where chassis_uuid is not null`,
  `create index node_resource_class on node (resource_class)`,

  `create table portgroup (
    uuid uuid primary key default gen_random_uuid(),
    node_uuid uuid not null references node (uuid) on delete cascade,
    name text unique,
    address text unique,
    mode text not null default 'active-backup',
    properties jsonb not null default '{}',
    standalone_ports_supported boolean not null default true,
    internal_info jsonb not null default '{}',
    extra jsonb not null default '{}', ${made})`,
  `create index portgroup_node on portgroup (node_uuid)`,
  `alter table port
    add column seq bigint generated always as identity,
    add column portgroup_uuid uuid references portgroup (uuid),
    add column is_smartnic boolean not null default false,
    add column name text unique,
    add column internal_info jsonb not null default '{}'`,
  `create index port_portgroup on port (portgroup_uuid) where portgroup_uuid is not null`,

  `create table node_trait (
    node_uuid uuid not null references node (uuid) on delete cascade,
    trait text not null,
    primary key (node_uuid, trait))`,

  `create table allocation (
    uuid uuid primary key default gen_random_uuid(),
    name text unique,
    node_uuid uuid unique references node (uuid),
    resource_class text,
    traits jsonb not null default '[]',
    candidate_nodes jsonb not null default '[]',
    state text not null default 'allocating' constraint allocation_state_known check (state in ('allocating', 'active', 'error')),
    last_error text,
    owner text,
    extra jsonb not null default '{}', ${made})`,

  `create table deploy_template (
    uuid uuid primary key default gen_random_uuid(),
    name text not null unique,
    steps jsonb not null,
    extra jsonb not null default '{}', ${made})`,

  `create table runbook (
    uuid uuid primary key default gen_random_uuid(),
    name text not null unique,
    steps jsonb not null,
    disable_ramdisk boolean not null default false,
    public boolean not null default false,
    owner text,
    extra jsonb not null default '{}', ${made})`,

  `create table volume_connector (
    uuid uuid primary key default gen_random_uuid(),
    node_uuid uuid not null references node (uuid) on delete cascade,
    type text not null,
    connector_id text not null,
    extra jsonb not null default '{}', ${made},
    constraint volume_connector_type_and_id unique (type, connector_id))`,
  `create table volume_target (
    uuid uuid primary key default gen_random_uuid(),
    node_uuid uuid not null references node (uuid) on delete cascade,
    volume_type text not null,
    volume_id text not null,
    boot_index integer not null,
    properties jsonb not null default '{}',
    extra jsonb not null default '{}', ${made},
    constraint volume_target_boot_index unique (node_uuid, boot_index))`,
  `create index volume_connector_node on volume_connector (node_uuid)`,

  `create table bios_setting (
    node_uuid uuid not null references node (uuid) on delete cascade,
    name text not null,
    value text,
    attribute_type text,
    allowable_values jsonb not null default '[]',
    lower_bound integer,
    upper_bound integer,
    min_length integer,
    max_length integer,
    read_only boolean,
    reset_required boolean,
    is_unique boolean,
    created_at timestamptz not null default now(),
    updated_at timestamptz,
    primary key (node_uuid, name))`,
  `create table firmware_component (
    node_uuid uuid not null references node (uuid) on delete cascade,
    component text not null,
    initial_version text,
    current_version text,
    last_version_flashed text,
    created_at timestamptz not null default now(),
    updated_at timestamptz,
    primary key (node_uuid, component))`,

  `create table inspection_rule (
    uuid uuid primary key default gen_random_uuid(),
    description text,
    phase text not null default 'main',
    priority integer not null default 0,
    sensitive boolean not null default false,
    conditions jsonb not null default '[]',
    actions jsonb not null, ${made})`,

  `create table conductor (
    hostname text primary key,
    conductor_group text not null default '',
    drivers jsonb not null, ${made})`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}
