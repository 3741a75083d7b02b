import { sql, type Kysely } from 'kysely';

/** BMCs that were told to send their traps here, with the way to them, so that they can be told otherwise when their node is gone. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table trap_enrolment (
      node_uuid uuid not null,
      receiver text not null,
      owner text not null,
      driver text not null,
      driver_info jsonb not null,
      driver_secrets text,
      enrolled_at timestamptz not null default now(),
      primary key (node_uuid, receiver))`.execute(db);
}
