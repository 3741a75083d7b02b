import { type Kysely, sql } from 'kysely';

/*
 * Placement: who has how much of what, and who holds it. `changed` is the transaction that last touched a provider or what hangs
 * on it: a process that keeps a picture in memory reads what is newer than the oldest transaction that was open then, and so
 * never misses one that commits late. Providers that went are remembered for such readers.
 */
const times = `created_at timestamptz not null default now(), updated_at timestamptz not null default now()`;

const tables = [
  `create table placement_resource_class (name text primary key, seq bigint generated always as identity, is_standard boolean not null default false, ${times})`,
  `insert into placement_resource_class (name, is_standard)
    select name, true from unnest(array['VCPU', 'MEMORY_MB', 'DISK_GB', 'PCI_DEVICE', 'SRIOV_NET_VF', 'NUMA_SOCKET', 'NUMA_CORE',
      'NUMA_THREAD', 'NUMA_MEMORY_MB', 'IPV4_ADDRESS', 'VGPU', 'VGPU_DISPLAY_HEAD', 'NET_BW_EGR_KILOBIT_PER_SEC',
      'NET_BW_IGR_KILOBIT_PER_SEC', 'PCPU', 'MEM_ENCRYPTION_CONTEXT', 'FPGA', 'PGPU', 'NET_PACKET_RATE_KILOPACKET_PER_SEC',
      'NET_PACKET_RATE_EGR_KILOPACKET_PER_SEC', 'NET_PACKET_RATE_IGR_KILOPACKET_PER_SEC']) as name`,
  `create table placement_trait (name text primary key, ${times})`,
  `create table placement_provider (
    uuid uuid primary key,
    name text not null constraint placement_provider_name unique,
    generation integer not null default 0,
    parent_uuid uuid constraint placement_provider_parent references placement_provider (uuid),
    root_uuid uuid not null constraint placement_provider_root references placement_provider (uuid) deferrable initially deferred,
    node_uuid uuid,
    changed xid8 not null default pg_current_xact_id(), ${times})`,
  `create index placement_provider_changed on placement_provider (changed)`,
  `create index placement_provider_tree on placement_provider (root_uuid)`,
  `create index placement_provider_children on placement_provider (parent_uuid) where parent_uuid is not null`,
  `create table placement_provider_gone (
    uuid uuid not null, changed xid8 not null default pg_current_xact_id(), gone_at timestamptz not null default now())`,
  `create index placement_provider_gone_changed on placement_provider_gone (changed)`,
  `create table placement_inventory (
    provider_uuid uuid not null references placement_provider (uuid) on delete cascade,
    resource_class text not null constraint placement_inventory_class references placement_resource_class (name) on update cascade,
    total integer not null,
    reserved integer not null default 0,
    min_unit integer not null default 1,
    max_unit integer not null default 2147483647,
    step_size integer not null default 1,
    allocation_ratio double precision not null default 1,
    updated_at timestamptz not null default now(),
    primary key (provider_uuid, resource_class))`,
  `create index placement_inventory_class_used on placement_inventory (resource_class)`,
  `create table placement_provider_trait (
    provider_uuid uuid not null references placement_provider (uuid) on delete cascade,
    trait text not null constraint placement_provider_trait_name references placement_trait (name),
    primary key (provider_uuid, trait))`,
  `create index placement_provider_trait_used on placement_provider_trait (trait)`,
  `create table placement_provider_aggregate (
    provider_uuid uuid not null references placement_provider (uuid) on delete cascade,
    aggregate_uuid uuid not null,
    primary key (provider_uuid, aggregate_uuid))`,
  `create table placement_consumer (
    uuid uuid primary key, generation integer not null default 0, project_id text not null, user_id text not null,
    consumer_type text, ${times})`,
  `create index placement_consumer_project on placement_consumer (project_id)`,
  `create table placement_allocation (
    consumer_uuid uuid not null references placement_consumer (uuid) on delete cascade,
    provider_uuid uuid not null constraint placement_allocation_provider references placement_provider (uuid),
    resource_class text not null,
    used integer not null constraint placement_allocation_positive check (used > 0),
    updated_at timestamptz not null default now(),
    primary key (consumer_uuid, provider_uuid, resource_class),
    constraint placement_allocation_inventory
      foreign key (provider_uuid, resource_class) references placement_inventory (provider_uuid, resource_class) on update cascade)`,
  `create index placement_allocation_of_provider on placement_allocation (provider_uuid)`,
];

/** A node is sellable in the transaction in which it becomes available, whoever writes it (docs/decisions/0010). */
const nodes = [
  `create function placement_class_of(resource_class text) returns text language sql immutable as
    $$ select left('CUSTOM_' || regexp_replace(upper(resource_class), '[^A-Z0-9_]', '_', 'g'), 255) $$`,
  `create function placement_is_sellable(node) returns boolean language sql immutable as
    $$ select $1.provision_state = 'available' and not $1.maintenance and not $1.retired and $1.instance_uuid is null $$`,
  `create function placement_take_node(n node) returns void language plpgsql as $$
    declare class text := placement_class_of(n.resource_class);
    begin
      insert into placement_provider (uuid, name, root_uuid, node_uuid) values (n.uuid, n.uuid::text, n.uuid, n.uuid)
        on conflict (uuid) do update set generation = placement_provider.generation + 1, changed = pg_current_xact_id(), updated_at = now();
      insert into placement_resource_class (name) values (class) on conflict do nothing;
      insert into placement_inventory (provider_uuid, resource_class, total, reserved, max_unit)
        values (n.uuid, class, 1, case when placement_is_sellable(n) then 0 else 1 end, 1)
        on conflict (provider_uuid, resource_class) do update set reserved = excluded.reserved, updated_at = now();
      delete from placement_inventory where provider_uuid = n.uuid and resource_class <> class;
      insert into placement_trait (name) select trait from node_trait where node_uuid = n.uuid on conflict do nothing;
      insert into placement_provider_trait (provider_uuid, trait) select node_uuid, trait from node_trait where node_uuid = n.uuid
        on conflict do nothing;
    end $$`,
  `create function placement_drop_node(node_uuid uuid) returns void language plpgsql as $$
    begin
      delete from placement_provider where uuid = $1;
      if found then insert into placement_provider_gone (uuid) values ($1); end if;
    end $$`,
  `create function placement_follow_node() returns trigger language plpgsql as $$
    begin
      if tg_op = 'DELETE' then perform placement_drop_node(old.uuid); return old; end if;
      if new.resource_class is null then perform placement_drop_node(new.uuid); else perform placement_take_node(new); end if;
      return new;
    end $$`,
  `create trigger placement_node_made after insert on node for each row when (new.resource_class is not null)
    execute function placement_follow_node()`,
  `create trigger placement_node_changed after update of provision_state, maintenance, retired, instance_uuid, resource_class on node
    for each row when (old.resource_class is distinct from new.resource_class
      or (new.resource_class is not null and placement_is_sellable(old) <> placement_is_sellable(new)))
    execute function placement_follow_node()`,
  `create trigger placement_node_gone before delete on node for each row execute function placement_follow_node()`,
  `create function placement_follow_trait() returns trigger language plpgsql as $$
    begin
      if tg_op = 'DELETE' then
        delete from placement_provider_trait where provider_uuid = old.node_uuid and trait = old.trait;
        update placement_provider set generation = generation + 1, changed = pg_current_xact_id(), updated_at = now() where uuid = old.node_uuid;
        return old;
      end if;
      update placement_provider set generation = generation + 1, changed = pg_current_xact_id(), updated_at = now() where uuid = new.node_uuid;
      if found then
        insert into placement_trait (name) values (new.trait) on conflict do nothing;
        insert into placement_provider_trait (provider_uuid, trait) values (new.node_uuid, new.trait) on conflict do nothing;
      end if;
      return new;
    end $$`,
  `create trigger placement_node_trait after insert or delete on node_trait for each row execute function placement_follow_trait()`,
  `select placement_take_node(n) from node n where n.resource_class is not null`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of [...tables, ...nodes]) await sql.raw(statement).execute(db);
}
