import { sql, type Kysely } from 'kysely';

/** Machines whose BMCs tell by themselves when the power changes; that of all others is read. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table power_source (
      node_uuid uuid primary key references node (uuid) on delete cascade,
      told_by text not null constraint power_source_told_by_check check (told_by in ('stream', 'push')),
      since timestamptz not null default now())`.execute(db);
}
