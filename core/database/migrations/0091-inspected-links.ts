import { sql, type Kysely } from 'kysely';

/** What an inspection wrote as a port's connection: another one there is an operator's, and holds. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table port add column inspected_link jsonb`.execute(db);
  await sql`update port set inspected_link = local_link_connection
    where local_link_connection <> '{}' and exists (select from inspection i where i.node_uuid = port.node_uuid)`.execute(db);
}
