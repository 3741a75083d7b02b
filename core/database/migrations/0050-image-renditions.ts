import { sql, type Kysely } from 'kysely';

/** What was made of an image's bytes (`source`, their SHA-512) for machines to take: the disk itself, packed. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table image_rendition (
      source text primary key,
      sha512 text not null,
      size bigint not null,
      disk_size bigint not null,
      hits integer not null default 0,
      created_at timestamptz not null default now(),
      last_used timestamptz not null default now())`.execute(db);
  await sql`create index image_rendition_bytes on image_rendition (sha512)`.execute(db);
}
