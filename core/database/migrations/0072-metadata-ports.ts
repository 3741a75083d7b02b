import { sql, type Kysely } from 'kysely';

/** Ports at which OVN's hosts answer for metadata, one a network: made and changed by whoever carries networks out, and nobody's own. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table network_metadata_port (
      network_id uuid primary key references network (id) on delete cascade,
      port_id uuid not null unique references network_port (id) on delete cascade)`.execute(db);
}
