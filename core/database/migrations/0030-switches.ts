import { sql, type Kysely } from 'kysely';

/** Switches that machines are plugged into: what each port of theirs shall carry, and what the switch was last seen to have. */
const statements = [
  `create table switch (
    chassis_mac text primary key,
    name text not null constraint switch_name_key unique,
    driver text not null,
    physical_network text not null,
    touches text[],
    model text,
    software text,
    seen_at timestamptz,
    failing_since timestamptz,
    last_error text,
    next_try_at timestamptz)`,
  `create table switch_port (
    switch_id text not null,
    port_id text not null,
    node_uuid uuid not null references node (uuid) on delete cascade,
    port_uuid uuid not null constraint switch_port_port_uuid_key unique references port (uuid) on delete cascade,
    purpose text not null constraint switch_port_purpose_check
      check (purpose in ('provisioning', 'cleaning', 'rescuing', 'inspection', 'servicing', 'tenant', 'none')),
    network_id uuid,
    applied jsonb,
    applied_at timestamptz,
    differs_since timestamptz default now(),
    last_error text,
    primary key (switch_id, port_id))`,
  `create index switch_port_node on switch_port (node_uuid)`,
  // Whoever changes what a network or a trunk is on the wire wakes the one that carries it out; other changes of networks do so already.
  `create function switch_wish_changed() returns trigger language plpgsql as $$
    begin
      perform pg_notify('switch_wish', '');
      return null;
    end $$`,
  `create trigger switch_port_changed after insert or delete or update of node_uuid, port_uuid, purpose, network_id on switch_port
    for each statement execute function switch_wish_changed()`,
  `create trigger switch_vif_changed after update of internal_info on port
    for each row when (old.internal_info is distinct from new.internal_info) execute function switch_wish_changed()`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}
