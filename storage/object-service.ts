import { sql } from 'kysely';
import { notFound, ObjectError, preconditionFailed } from './object-error.ts';
import type { Container, Headers, Item, ObjectStorage, Segment, Trx } from './object-storage.ts';
import {
  findAccount,
  findContainer,
  findItem,
  holdItem,
  ITEM,
  lockAccount,
  lockContainer,
  lockItem,
  NOW_US,
  usageOfAccount,
  usageOfContainer,
} from './object-store.ts';
import { discardFile, forgetIncoming, isThere, publishFile, receiveFile, unlessSilent, type ReceivedFile } from './object/object-files.ts';
import { versionBeforeDelete, versionBeforePut, versioningOf } from './object/object-versions.ts';

/*
 * Objects are written whole: bytes onto the disk first, then, in one transaction, the row that makes them the object's. Until then readers see
 * what was there. What replaces or removes leaves the old bytes to the sweep (object-sweep.ts), told by the table's triggers.
 */
export interface NewItem {
  readonly container: Container;
  readonly name: string;
  readonly contentType: string;
  readonly headers: Headers;
  readonly deleteAt: number | null;
  /** Refused when the name is taken. */
  readonly isOnlyNew?: boolean;
  readonly largeObject?: {
    readonly manifest: readonly Segment[];
    readonly text: string;
    readonly md5: string;
    readonly wholeSize: number;
    readonly wholeEtag: string;
  };
}

interface Content {
  readonly blobId: string | null;
  readonly size: number;
  readonly etag: string;
}

export { unlessSilent };

/** Bytes into a file of nobody's yet. @throws ObjectError 408, 413 */
export const receiveObject = (storage: ObjectStorage, stream: AsyncIterable<Buffer>, limitBytes: number): Promise<ReceivedFile> =>
  receiveFile(storage, stream, limitBytes);

export const discardReceived = (storage: ObjectStorage, { id }: ReceivedFile): Promise<void> => discardFile(storage, id);

/** What was received becomes the object; nothing of it is left when this fails. @throws ObjectError 404, 412, 413 */
export async function putObject(storage: ObjectStorage, received: ReceivedFile, item: NewItem): Promise<Item> {
  const { id, sizeBytes, md5 } = received;
  const isFile = sizeBytes > 0;
  try {
    if (isFile) await publishFile(storage, id);
    const written = await write(storage, item, async (trx) => {
      if (isFile) await trx.insertInto('object_blob').values({ id, size: sizeBytes }).execute();
      // Another process may have taken this one for dead (object-sweep.ts): then its row was there first, or the file is gone.
      if (isFile && !(await isThere(storage.directory, id)))
        throw new ObjectError(503, 'The upload was given up by another process. Try again.');
      return { blobId: isFile ? id : null, size: sizeBytes, etag: md5 };
    });
    if (isFile) await forgetIncoming(storage, id);
    return written;
  } catch (error) {
    if (isFile && !mayHaveCommitted(error)) await discardFile(storage, id);
    throw error;
  }
}

/** The manifest of a static large object. @throws ObjectError 404, 412, 413 */
export const putManifest = (storage: ObjectStorage, item: NewItem & Required<Pick<NewItem, 'largeObject'>>): Promise<Item> =>
  write(storage, item, async () => ({ blobId: null, size: Buffer.byteLength(item.largeObject.text), etag: item.largeObject.md5 }));

/** The same bytes under another name, without moving any. @throws ObjectError 404 */
export const copyObject = (storage: ObjectStorage, source: Item, item: NewItem): Promise<Item> =>
  write(storage, item, async (trx) => {
    const held = await holdBoth(trx, source, { containerId: item.container.id, name: item.name });
    if (held === undefined) throw notFound();
    if (held.etag !== source.etag || held.size !== source.size) throw new ObjectError(409, 'The source changed while it was copied.');
    return { blobId: held.blobId, size: held.size, etag: held.etag };
  });

type Place = Pick<Item, 'containerId' | 'name'>;

/** The source stays and the destination is ours, taken in one order by everybody: copies that cross would wait for each other. */
async function holdBoth(trx: Trx, source: Place, destination: Place): Promise<Item | undefined> {
  const isBefore = destination.containerId - source.containerId || Buffer.compare(Buffer.from(destination.name), Buffer.from(source.name));
  if (isBefore <= 0) await lockItem(trx, destination.containerId, destination.name);
  const held = await holdItem(trx, source.containerId, source.name);
  if (isBefore > 0) await lockItem(trx, destination.containerId, destination.name);
  return held;
}

/** A connection that breaks while committing leaves it open whether the row is there: then the sweep decides, when this process is gone. */
const mayHaveCommitted = (error: unknown): boolean =>
  !(error instanceof ObjectError) && !/^(?!08|57)[0-9A-Z]{5}$/.test((error as { code?: string }).code ?? '');

const DEADLOCK = '40P01';
const FOREIGN_KEY = '23503';
const ATTEMPTS_MAX = 5;

/** Of two that wait for each other PostgreSQL ends one, which is done again. @throws ObjectError 404 when its container went */
async function transact<Result>({ db }: ObjectStorage, work: (trx: Trx) => Promise<Result>): Promise<Result> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await db.transaction().execute(work);
    } catch (error) {
      const { code } = error as { code?: string };
      if (code === FOREIGN_KEY) throw notFound();
      if (code !== DEADLOCK || attempt === ATTEMPTS_MAX) throw error;
    }
  }
}

async function write(storage: ObjectStorage, item: NewItem, content: (trx: Trx) => Promise<Content>): Promise<Item> {
  const written = await transact(storage, async (trx) => {
    const { container } = item;
    const now = await findContainer(trx, container.account, container.name);
    if (now === undefined || now.id !== container.id) throw notFound();
    const isVersioned = versioningOf(now) !== undefined;
    if (isVersioned || hasQuota(now.headers, 'container')) await lockContainer(trx, now.id);
    const found = await content(trx);
    if (isVersioned) await versionBeforePut(trx, now, item.name);
    const row = await upsert(trx, item, found);
    await requireQuotas(trx, now);
    return row;
  });
  if (!written.isNew) storage.wake();
  if (item.deleteAt !== null) storage.wake(item.deleteAt);
  return written;
}

async function upsert(trx: Trx, item: NewItem, content: Content): Promise<Item & { readonly isNew: boolean }> {
  const { container, name, contentType, headers, deleteAt, isOnlyNew = false, largeObject: large } = item;
  const manifest = large === undefined ? null : JSON.stringify(large.manifest);
  const { rows } = await sql<Item & { isNew: boolean }>`
    insert into object_item as i (container_id, name, blob_id, size, etag, content_type, modified_us, headers, delete_at, manifest, whole_size, whole_etag)
    values (${container.id}, ${name}, ${content.blobId}, ${content.size}, ${content.etag}, ${contentType}, ${NOW_US}, ${JSON.stringify(headers)}::jsonb,
      ${deleteAt}, ${manifest}::jsonb, ${large?.wholeSize ?? null}, ${large?.wholeEtag ?? null})
    on conflict (container_id, name) do update set blob_id = excluded.blob_id, size = excluded.size, etag = excluded.etag,
      content_type = excluded.content_type, modified_us = greatest(excluded.modified_us, i.modified_us + 1), headers = excluded.headers,
      delete_at = excluded.delete_at, manifest = excluded.manifest, whole_size = excluded.whole_size, whole_etag = excluded.whole_etag
    where not ${isOnlyNew}::boolean or i.delete_at <= extract(epoch from clock_timestamp())
    returning ${ITEM}, (xmax = 0) as "isNew"`.execute(trx);
  if (rows[0] === undefined) throw preconditionFailed();
  return rows[0];
}

const QUOTA = {
  account: 'x-account-meta-quota-bytes',
  container: 'x-container-meta-quota-bytes',
  count: 'x-container-meta-quota-count',
} as const;

const hasQuota = (headers: Headers, of: 'account' | 'container'): boolean =>
  headers[QUOTA[of]] !== undefined || (of === 'container' && headers[QUOTA.count] !== undefined);

const exceeds = (used: number, quota: string | undefined): boolean => quota !== undefined && /^\d+$/.test(quota) && used > Number(quota);

/** After the write, with whoever else writes held off: so no two slip through together. @throws ObjectError 413 */
async function requireQuotas(trx: Trx, { id, account, headers }: Container): Promise<void> {
  if (hasQuota(headers, 'container')) {
    const usage = await usageOfContainer(trx, id);
    if (exceeds(usage.bytes, headers[QUOTA.container]) || exceeds(usage.objects, headers[QUOTA.count]))
      throw new ObjectError(413, 'Upload exceeds quota.');
  }
  const owner = await findAccount(trx, account);
  if (owner === undefined || !hasQuota(owner.headers, 'account')) return;
  await lockAccount(trx, account);
  const { bytes } = await usageOfAccount(trx, account);
  if (exceeds(bytes, owner.headers[QUOTA.account])) throw new ObjectError(413, 'Upload exceeds quota.');
}

/** Before the bytes are read, where their number is told: the client need not send what will not be kept. @throws ObjectError 413 */
export async function requireRoom(
  { db }: ObjectStorage,
  { id, account, headers }: Container,
  name: string,
  sizeBytes: number,
): Promise<void> {
  const owner = await findAccount(db, account);
  const [ofContainer, ofAccount] = [headers[QUOTA.container], owner?.headers[QUOTA.account]];
  if (ofContainer === undefined && ofAccount === undefined) return;
  const more = sizeBytes - ((await findItem(db, id, name))?.size ?? 0);
  const isTooMuch =
    (ofContainer !== undefined && exceeds((await usageOfContainer(db, id)).bytes + more, ofContainer)) ||
    (ofAccount !== undefined && exceeds((await usageOfAccount(db, account)).bytes + more, ofAccount));
  if (isTooMuch) throw new ObjectError(413, 'Upload exceeds quota.');
}

/** `POST`: what is said of the object anew, its bytes as they are. @throws ObjectError 404 */
export async function updateObject(
  storage: ObjectStorage,
  container: Container,
  name: string,
  change: (item: Item) => { readonly headers: Headers; readonly contentType: string; readonly deleteAt: number | null },
): Promise<Item> {
  const item = await transact(storage, async (trx) => {
    const { rows } = await sql<Item>`select ${ITEM} from object_item i where i.container_id = ${container.id} and i.name = ${name}
      and (i.delete_at is null or i.delete_at > extract(epoch from clock_timestamp())) for no key update`.execute(trx);
    if (rows[0] === undefined) throw notFound();
    const { headers, contentType, deleteAt } = change(rows[0]);
    const updated = await sql<Item>`update object_item i set headers = ${JSON.stringify(headers)}::jsonb, content_type = ${contentType},
        delete_at = ${deleteAt}, modified_us = greatest(${NOW_US}, i.modified_us + 1)
      where i.container_id = ${container.id} and i.name = ${name} returning ${ITEM}`.execute(trx);
    return updated.rows[0]!;
  });
  if (item.deleteAt !== null) storage.wake(item.deleteAt);
  return item;
}

/** @throws ObjectError 404 */
export async function deleteObject(storage: ObjectStorage, container: Container, name: string): Promise<Item> {
  const item = await transact(storage, async (trx) => {
    const versioning = versioningOf(container);
    if (versioning !== undefined) await lockContainer(trx, container.id);
    const undone = versioning === undefined ? undefined : await versionBeforeDelete(trx, container, name);
    if (undone !== undefined) return undone;
    const { rows } =
      await sql<Item>`delete from object_item i where i.container_id = ${container.id} and i.name = ${name} returning ${ITEM}`.execute(trx);
    if (rows[0] === undefined) throw notFound();
    return rows[0];
  });
  storage.wake();
  if (item.deleteAt !== null && item.deleteAt * 1000 <= Date.now()) throw notFound();
  return item;
}
