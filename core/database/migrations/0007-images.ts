import { type Kysely, sql } from 'kysely';

/*
 * Images, who they are shared with, where their bytes are, the work on them, and the catalog of metadata definitions. Bytes are kept
 * once by their SHA-512 in each store (`image_blob`): an image's location refers to a blob, and a blob that nobody refers to goes.
 */
const times = `created_at timestamptz not null default now(), updated_at timestamptz not null default now()`;

const statements = [
  `create table image (
    id uuid primary key,
    seq bigint generated always as identity,
    name text,
    status text not null default 'queued',
    visibility text not null default 'shared' check (visibility in ('public', 'private', 'shared', 'community')),
    owner text,
    disk_format text,
    container_format text,
    min_disk integer not null default 0,
    min_ram integer not null default 0,
    size bigint,
    virtual_size bigint,
    checksum text,
    os_hash_algo text,
    os_hash_value text,
    protected boolean not null default false,
    os_hidden boolean not null default false,
    tags text[] not null default '{}',
    properties jsonb not null default '{}',
    ${times})`,
  `create unique index image_seq on image (seq)`,
  `create index image_owner on image (owner)`,
  `create table image_member (
    image_id uuid not null references image (id) on delete cascade,
    member text not null,
    status text not null default 'pending' check (status in ('pending', 'accepted', 'rejected')),
    ${times},
    primary key (image_id, member))`,
  `create index image_member_of on image_member (member)`,
  `create table image_blob (
    store text not null,
    sha512 text not null,
    size bigint not null,
    created_at timestamptz not null default now(),
    primary key (store, sha512))`,
  `create table image_location (
    id bigint generated always as identity primary key,
    image_id uuid not null references image (id) on delete cascade,
    position integer not null,
    store text,
    sha512 text,
    url text,
    metadata jsonb not null default '{}',
    constraint image_location_blob foreign key (store, sha512) references image_blob (store, sha512),
    check ((url is null) <> (sha512 is null)))`,
  `create index image_location_image on image_location (image_id)`,
  `create index image_location_blob on image_location (store, sha512)`,
  `create table image_task (
    id uuid primary key default gen_random_uuid(),
    image_id uuid references image (id) on delete cascade,
    type text not null,
    status text not null default 'pending' check (status in ('pending', 'processing', 'success', 'failure')),
    owner text,
    user_id text,
    request_id text,
    input jsonb not null default '{}',
    result jsonb,
    message text not null default '',
    ${times},
    expires_at timestamptz)`,
  `create index image_task_image on image_task (image_id)`,
  `create index image_task_owner on image_task (owner)`,
  `create table image_cache (
    image_id uuid primary key references image (id) on delete cascade,
    state text not null check (state in ('queued', 'cached')),
    hits integer not null default 0,
    last_accessed timestamptz not null default now(),
    last_modified timestamptz not null default now())`,
  `create table metadef_namespace (
    namespace text primary key,
    seq bigint generated always as identity,
    display_name text,
    description text,
    visibility text not null default 'private' check (visibility in ('public', 'private')),
    protected boolean not null default false,
    owner text not null,
    ${times})`,
  `create table metadef_object (
    namespace text not null references metadef_namespace (namespace) on delete cascade on update cascade,
    name text not null,
    seq bigint generated always as identity,
    description text,
    required jsonb not null default '[]',
    properties jsonb not null default '{}',
    ${times},
    primary key (namespace, name))`,
  `create table metadef_property (
    namespace text not null references metadef_namespace (namespace) on delete cascade on update cascade,
    name text not null,
    seq bigint generated always as identity,
    schema jsonb not null,
    ${times},
    primary key (namespace, name))`,
  `create table metadef_tag (
    namespace text not null references metadef_namespace (namespace) on delete cascade on update cascade,
    name text not null,
    seq bigint generated always as identity,
    ${times},
    primary key (namespace, name))`,
  `create table metadef_resource_type (name text primary key, protected boolean not null default true, ${times})`,
  `insert into metadef_resource_type (name) select * from unnest(array['OS::Glance::Image', 'OS::Cinder::Volume', 'OS::Nova::Flavor',
    'OS::Nova::Aggregate', 'OS::Nova::Server', 'OS::Trove::Instance'])`,
  `create table metadef_association (
    namespace text not null references metadef_namespace (namespace) on delete cascade on update cascade,
    resource_type text not null references metadef_resource_type (name),
    prefix text,
    properties_target text,
    ${times},
    primary key (namespace, resource_type))`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}
