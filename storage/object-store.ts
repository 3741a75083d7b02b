import { sql, type RawBuilder } from 'kysely';
import { afterPrefix } from './object/name-range-policy.ts';
import type { Account, Container, Db, Item, Trx, Usage } from './object-storage.ts';

/** Reads rows of accounts, containers and objects. An object whose time is over is not there, swept or not. */
type Reader = Db | Trx;

/** The time of the database, in microseconds since 1970: one clock for all processes. */
export const NOW_US = sql<number>`(extract(epoch from clock_timestamp()) * 1000000)::bigint`;
const ALIVE = sql`(i.delete_at is null or i.delete_at > extract(epoch from clock_timestamp()))`;

const ACCOUNT = sql`a.name, a.created_us as "createdUs", a.headers`;
const CONTAINER = sql`c.id, c.account, c.name, c.created_us as "createdUs", c.changed_us as "changedUs", c.headers`;
export const ITEM = sql`i.container_id as "containerId", i.name, i.blob_id as "blobId", i.size, i.etag, i.content_type as "contentType",
  i.modified_us as "modifiedUs", i.headers, i.delete_at as "deleteAt", i.manifest, i.whole_size as "wholeSize", i.whole_etag as "wholeEtag"`;

async function first<Row>(db: Reader, query: RawBuilder<Row>): Promise<Row | undefined> {
  return (await query.execute(db)).rows[0];
}

export const findAccount = (db: Reader, name: string): Promise<Account | undefined> =>
  first(db, sql<Account>`select ${ACCOUNT} from object_account a where a.name = ${name}`);

export const findContainer = (db: Reader, account: string, name: string): Promise<Container | undefined> =>
  first(db, sql<Container>`select ${CONTAINER} from object_container c where c.account = ${account} and c.name = ${name}`);

/** Whoever changes what many must agree on (a quota, a chain of versions) holds its row. */
export const lockContainer = (trx: Trx, id: number): Promise<Container | undefined> =>
  first(trx, sql<Container>`select ${CONTAINER} from object_container c where c.id = ${id} for no key update`);

export const lockAccount = (trx: Trx, name: string): Promise<Account | undefined> =>
  first(trx, sql<Account>`select ${ACCOUNT} from object_account a where a.name = ${name} for no key update`);

export const findItem = (db: Reader, containerId: number, name: string): Promise<Item | undefined> =>
  first(db, sql<Item>`select ${ITEM} from object_item i where i.container_id = ${containerId} and i.name = ${name} and ${ALIVE}`);

/** Nobody removes it before this transaction ends, so that its bytes stay. */
export const holdItem = (trx: Trx, containerId: number, name: string): Promise<Item | undefined> =>
  first(
    trx,
    sql<Item>`select ${ITEM} from object_item i where i.container_id = ${containerId} and i.name = ${name} and ${ALIVE} for share`,
  );

/** Nobody changes it before this transaction ends; nothing happens when there is none. */
export async function lockItem(trx: Trx, containerId: number, name: string): Promise<void> {
  await sql`select from object_item where container_id = ${containerId} and name = ${name} for no key update`.execute(trx);
}

/** Objects by `container/object` of one account, those that are there. */
export async function findItems(db: Reader, account: string, paths: readonly (readonly [container: string, name: string])[]) {
  if (paths.length === 0) return new Map<string, Item>();
  const { rows } = await sql<Item & { container: string }>`
    select c.name as container, ${ITEM} from unnest(${paths.map(([one]) => one)}::text[], ${paths.map(([, one]) => one)}::text[]) as w (container, name)
    join object_container c on c.account = ${account} and c.name = w.container
    join object_item i on i.container_id = c.id and i.name = w.name where ${ALIVE}`.execute(db);
  return new Map<string, Item>(rows.map((row) => [`${row.container}/${row.name}`, row]));
}

/** What a dynamic large object is made of, in order. */
export async function findSegments(db: Reader, containerId: number, prefix: string): Promise<Item[]> {
  const { rows } = await sql<Item>`select ${ITEM} from object_item i where i.container_id = ${containerId}
    and i.name >= ${prefix} and i.name < ${afterPrefix(prefix)} and ${ALIVE} order by i.name`.execute(db);
  return rows;
}

export async function usageOfContainer(db: Reader, id: number): Promise<Usage> {
  const usage = sql<Usage>`select coalesce(sum(objects), 0)::bigint as objects, coalesce(sum(bytes), 0)::bigint as bytes
    from object_usage where container_id = ${id}`;
  return (await first(db, usage))!;
}

export async function usageOfAccount(db: Reader, account: string): Promise<Usage & { readonly containers: number }> {
  const usage = sql<Usage & { containers: number }>`
    select count(distinct c.id)::bigint as containers, coalesce(sum(u.objects), 0)::bigint as objects, coalesce(sum(u.bytes), 0)::bigint as bytes
    from object_container c left join object_usage u on u.container_id = c.id where c.account = ${account}`;
  return (await first(db, usage))!;
}
