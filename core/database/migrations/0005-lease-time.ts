import { type Kysely, sql } from 'kysely';

/** When a lease was last written: a machine's sign of life that survives the process which saw it. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table lease add column stored_at timestamptz not null default now()`.execute(db);
}
