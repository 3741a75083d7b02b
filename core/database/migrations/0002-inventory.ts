import { type Kysely, sql } from 'kysely';

/** Nodes, ports, inspections, the flight recorder, leases, agent commands and sealed settings. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table node (
      uuid uuid primary key default gen_random_uuid(),
      name text unique,
      driver text not null,
      provision_state text not null default 'enroll',
      target_provision_state text,
      provision_updated_at timestamptz,
      power_state text,
      target_power_state text,
      maintenance boolean not null default false,
      maintenance_reason text,
      fault text,
      last_error text,
      driver_info jsonb not null default '{}',
      driver_secrets text,
      properties jsonb not null default '{}',
      instance_info jsonb not null default '{}',
      configdrive text,
      instance_uuid uuid unique,
      extra jsonb not null default '{}',
      resource_class text,
      description text,
      owner text,
      boot_kind text not null default 'agent' check (boot_kind in ('agent', 'disk', 'hold')),
      boot_reason text not null default 'nothing is known about this machine yet',
      agent_token_hash text,
      agent_seen_at timestamptz,
      agent_version text,
      system_uuid text,
      serials jsonb not null default '[]',
      created_at timestamptz not null default now(),
      updated_at timestamptz
    )`.execute(db);
  await sql`create index node_provision_state on node (provision_state)`.execute(db);
  await sql`create unique index node_system_uuid on node (system_uuid) where system_uuid is not null`.execute(db);
  await sql`
    create table port (
      uuid uuid primary key default gen_random_uuid(),
      node_uuid uuid not null references node (uuid) on delete cascade,
      address text not null unique check (address ~ '^[0-9a-f]{2}(:[0-9a-f]{2}){5}$'),
      pxe_enabled boolean not null default true,
      physical_network text,
      local_link_connection jsonb not null default '{}',
      extra jsonb not null default '{}',
      created_at timestamptz not null default now(),
      updated_at timestamptz
    )`.execute(db);
  await sql`create index port_node on port (node_uuid)`.execute(db);
  await sql`
    create table inspection (
      node_uuid uuid not null references node (uuid) on delete cascade,
      version integer not null,
      taken_at timestamptz not null default now(),
      document jsonb not null,
      changes jsonb not null default '[]',
      primary key (node_uuid, version)
    )`.execute(db);
  await sql`
    create table machine_event (
      id bigint generated always as identity primary key,
      at timestamptz not null,
      node_uuid uuid references node (uuid) on delete cascade,
      mac text,
      ip_address text,
      bmc_address text,
      source text not null,
      kind text not null,
      severity text not null,
      message text not null,
      evidence jsonb not null default '{}',
      correlation_id text
    )`.execute(db);
  await sql`create index machine_event_node on machine_event (node_uuid, id)`.execute(db);
  await sql`create index machine_event_mac on machine_event (mac, id) where node_uuid is null`.execute(db);
  await sql`
    create table lease (
      ip_address text primary key,
      mac text not null,
      client_id text,
      subnet_id text not null,
      state text not null,
      hostname text,
      architecture integer,
      expires_at timestamptz not null,
      sequence bigint not null
    )`.execute(db);
  await sql`create index lease_mac on lease (mac)`.execute(db);
  await sql`
    create table agent_command (
      id text primary key,
      node_uuid uuid not null references node (uuid) on delete cascade,
      step text not null,
      args text not null,
      timeout_seconds integer not null,
      status text not null default 'queued' check (status in ('queued', 'running', 'succeeded', 'failed')),
      progress jsonb,
      result jsonb,
      error jsonb,
      abort boolean not null default false,
      created_at timestamptz not null default now(),
      ended_at timestamptz
    )`.execute(db);
  await sql`create index agent_command_open on agent_command (node_uuid, created_at) where status in ('queued', 'running')`.execute(db);
  await sql`create table setting (name text primary key, sealed text not null)`.execute(db);
}
