import { type Kysely, sql } from 'kysely';

/*
 * Objects: accounts (one for a project), containers, objects, and the files of their bytes (`object_blob`: a file is written once, and shared by
 * copies). Triggers keep two things true, whichever statement changes objects: the sums of a container, and the list of files that may be
 * nobody's any more. Sums are spread over rows by the connection that writes, so that parallel writers of one container do not wait for each
 * other's commit.
 */
const statements = [
  `create table object_account (
    name text collate "C" primary key,
    created_us bigint not null,
    headers jsonb not null default '{}')`,
  `create table object_container (
    id bigint generated always as identity primary key,
    account text collate "C" not null references object_account (name),
    name text collate "C" not null,
    created_us bigint not null,
    changed_us bigint not null,
    headers jsonb not null default '{}',
    unique (account, name))`,
  `create table object_blob (id uuid primary key, size bigint not null, created_at timestamptz not null default now())`,
  `create table object_item (
    container_id bigint not null references object_container (id),
    name text collate "C" not null,
    blob_id uuid references object_blob (id),
    size bigint not null,
    etag text not null,
    content_type text not null,
    modified_us bigint not null,
    headers jsonb not null default '{}',
    delete_at bigint,
    manifest jsonb,
    whole_size bigint,
    whole_etag text,
    primary key (container_id, name),
    check (manifest is not null or (size = 0) = (blob_id is null)))`,
  `create index object_item_blob on object_item (blob_id) where blob_id is not null`,
  `create index object_item_delete_at on object_item (delete_at) where delete_at is not null`,
  `create table object_usage (
    container_id bigint not null references object_container (id) on delete cascade,
    part smallint not null,
    objects bigint not null,
    bytes bigint not null,
    primary key (container_id, part))`,
  `create table object_garbage (blob_id uuid primary key)`,
  `create function object_item_changed() returns trigger language plpgsql as $$
  begin
    if tg_op = 'INSERT' then
      insert into object_usage as u select container_id, pg_backend_pid() % 16, count(*), sum(size) from added group by container_id order by container_id
      on conflict (container_id, part) do update set objects = u.objects + excluded.objects, bytes = u.bytes + excluded.bytes;
    elsif tg_op = 'DELETE' then
      insert into object_usage as u select container_id, pg_backend_pid() % 16, -count(*), -sum(size) from gone group by container_id order by container_id
      on conflict (container_id, part) do update set objects = u.objects + excluded.objects, bytes = u.bytes + excluded.bytes;
      insert into object_garbage select distinct blob_id from gone where blob_id is not null on conflict do nothing;
    else
      insert into object_usage as u
        select container_id, pg_backend_pid() % 16, sum(n), sum(b)
        from (select container_id, 1 as n, size as b from added union all select container_id, -1, -size from gone) as difference
        group by container_id having sum(n) <> 0 or sum(b) <> 0 order by container_id
      on conflict (container_id, part) do update set objects = u.objects + excluded.objects, bytes = u.bytes + excluded.bytes;
      insert into object_garbage
        select distinct blob_id from gone where blob_id is not null and blob_id not in (select blob_id from added where blob_id is not null)
      on conflict do nothing;
    end if;
    return null;
  end $$`,
  `create trigger object_item_inserted after insert on object_item referencing new table as added
    for each statement execute function object_item_changed()`,
  `create trigger object_item_updated after update on object_item referencing new table as added old table as gone
    for each statement execute function object_item_changed()`,
  `create trigger object_item_deleted after delete on object_item referencing old table as gone
    for each statement execute function object_item_changed()`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}
