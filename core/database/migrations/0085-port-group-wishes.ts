import { sql, type Kysely } from 'kysely';

/** A VIF on a port group, or another mode of it, is another wish for the switch ports of its members. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`create trigger switch_group_changed after update of internal_info, mode on portgroup
    for each row when (old.internal_info is distinct from new.internal_info or old.mode is distinct from new.mode)
    execute function switch_wish_changed()`.execute(db);
}
