import { type Kysely, sql } from 'kysely';

/** Instances that boot over the network; scripts and their results; tags by rule; pools and zones. */
const made = `seq bigint generated always as identity, created_at timestamptz not null default now(), updated_at timestamptz`;

/** The pool and the zone that are always there, and where a new node is. */
const DEFAULT_UUID = '00000000-0000-4000-8000-000000000001';

const group = (table: string, description: string) => [
  `create table ${table} (
    uuid uuid primary key default gen_random_uuid(),
    name text not null constraint ${table}_name_key unique,
    description text not null default '', ${made})`,
  `insert into ${table} (uuid, name, description) values ('${DEFAULT_UUID}', 'default', '${description}')`,
  `alter table node add column ${table}_uuid uuid not null default '${DEFAULT_UUID}'
    constraint node_${table}_uuid_fkey references ${table} (uuid)`,
  `create index node_${table} on node (${table}_uuid)`,
  `alter table allocation add column ${table}_uuid uuid constraint allocation_${table}_uuid_fkey references ${table} (uuid)`,
];

const statements = [
  `alter table node drop constraint node_boot_kind_check`,
  `alter table node add constraint node_boot_kind_check check (boot_kind in ('agent', 'disk', 'hold', 'image', 'volume'))`,
  `alter table node add column boot_detail jsonb not null default '{}'`,

  `alter table inspection_rule add column inspector_form jsonb`,

  ...group('pool', 'Machines that belong to no other pool'),
  ...group('zone', 'Machines that are in no other zone'),

  `create table machine_tag (
    uuid uuid primary key default gen_random_uuid(),
    name text not null constraint machine_tag_name_key unique,
    comment text not null default '',
    conditions jsonb not null default '[]',
    kernel_options text not null default '', ${made})`,
  `create table node_tag (
    node_uuid uuid not null references node (uuid) on delete cascade,
    tag_uuid uuid not null references machine_tag (uuid) on delete cascade,
    primary key (node_uuid, tag_uuid))`,
  `create index node_tag_tag on node_tag (tag_uuid)`,

  `create table machine_script (
    uuid uuid primary key default gen_random_uuid(),
    name text not null constraint machine_script_name_key unique,
    type text not null check (type in ('commissioning', 'testing')),
    title text not null default '',
    hardware text not null,
    parallel text not null check (parallel in ('disabled', 'instance', 'any')),
    may_reboot boolean not null,
    by_default boolean not null,
    timeout_seconds integer not null,
    content text not null, ${made})`,
  `create table script_result (
    uuid uuid primary key default gen_random_uuid(),
    node_uuid uuid not null references node (uuid) on delete cascade,
    run text not null,
    script text not null,
    type text not null,
    instance text not null default '',
    status text not null check (status in ('passed', 'failed', 'timed out', 'not run')),
    exit_status integer,
    output text not null,
    error_output text not null,
    result jsonb,
    started_at timestamptz not null,
    ended_at timestamptz not null, ${made},
    constraint script_result_once unique (node_uuid, run, script, instance))`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}
