import { sql, type Kysely } from 'kysely';

/*
 * A node that becomes sellable, or is no more, changes one number of its placement rows: written by itself, without looking at its class and traits, which cost more
 * than the node's own change. And a change of state touches no index, so that the row's new version stays on its page: a state is looked for in some thousand rows
 * seldom, and changes often.
 */
/** `placement_is_sellable`, written out: a function of a whole row would be called for every change of a node. */
const sellable = (row: 'old' | 'new') => {
  const column = (name: string) => sql.ref(`${row}.${name}`);
  return sql`(${column('provision_state')} = 'available' and not ${column('maintenance')} and not ${column('retired')} and ${column('instance_uuid')} is null)`;
};

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create or replace function placement_follow_node() returns trigger language plpgsql as $$
    begin
      if tg_op = 'DELETE' then perform placement_drop_node(old.uuid); return old; end if;
      if new.resource_class is null then perform placement_drop_node(new.uuid); return new; end if;
      if tg_op = 'UPDATE' and old.resource_class is not distinct from new.resource_class then
        update placement_inventory set reserved = case when placement_is_sellable(new) then 0 else 1 end, updated_at = now()
          where provider_uuid = new.uuid and resource_class = placement_class_of(new.resource_class);
        update placement_provider set generation = generation + 1, changed = pg_current_xact_id(), updated_at = now() where uuid = new.uuid;
        return new;
      end if;
      perform placement_take_node(new);
      return new;
    end $$`.execute(db);
  await sql`drop trigger placement_node_changed on node`.execute(db);
  await sql`
    create trigger placement_node_changed after update of provision_state, maintenance, retired, instance_uuid, resource_class on node
    for each row when (old.resource_class is distinct from new.resource_class
      or (new.resource_class is not null and ${sellable('old')} <> ${sellable('new')}))
    execute function placement_follow_node()`.execute(db);
  await sql`drop index node_provision_state`.execute(db);
  await sql`alter table node set (fillfactor = 60)`.execute(db);
}
