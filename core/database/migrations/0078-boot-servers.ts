import { sql, type Kysely } from 'kysely';

/** Boot servers that share a network, and which part of its addresses each may give. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table boot_network (
      cidr text primary key,
      epoch bigint not null,
      slots jsonb not null)`.execute(db);
  await sql`
    create table boot_server (
      cidr text not null references boot_network (cidr) on delete cascade,
      address text not null,
      held_epoch bigint not null,
      is_bounded boolean not null,
      lease_seconds integer not null,
      status jsonb not null,
      seen_at timestamptz not null default now(),
      started_at timestamptz not null,
      primary key (cidr, address))`.execute(db);
}
