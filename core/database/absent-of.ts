import { sql, type Kysely } from 'kysely';
import { PRESENCE_LOCK_CLASS } from './connection/notification-client.ts';
import type { DatabaseSchema } from './schema-types.ts';

/**
 * Which of these names nobody holds now (`Database.bePresent`). One look proves nothing: a process that lost its
 * connection for a moment is absent until it has connected again.
 */
export async function absentOf(db: Kysely<DatabaseSchema>, names: readonly string[]): Promise<string[]> {
  if (names.length === 0) return [];
  const { rows } = await sql<{ name: string }>`
    select name from unnest(${names}::text[]) as asked (name)
    where not exists (
      select from pg_locks
      where locktype = 'advisory' and granted and database = (select oid from pg_database where datname = current_database())
        and classid = ${PRESENCE_LOCK_CLASS} and objid = (hashtext(name)::bigint & 4294967295)::oid and objsubid = 2
    )`.execute(db);
  return rows.map(({ name }) => name);
}
