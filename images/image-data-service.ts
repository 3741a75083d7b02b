import { createHash } from 'node:crypto';
import { mkdir, open, readdir, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { sql } from 'kysely';
import { createBufferFreeing } from '../core/base/free-buffers.ts';
import type { Logger } from '../core/base/logger.ts';
import type { WebSource } from '../core/transfer/web-source.ts';
import { dropUnused, holdBlob, type Blob } from './image-blob-service.ts';
import { ImageError } from './image-error.ts';
import { INSPECTED_BYTES, recognize, virtualSizeOf, whyRefused } from './image-format-policy.ts';
import { cancelImport } from './image-import-service.ts';
import { nextStatus } from './image-machine.ts';
import { lockImage, type Db, type ImageRecord, type Trx } from './image-record.ts';
import { isLocal, storeOf, type ImageStore, type ImageStores } from './image-store.ts';
import type { PropertyProtections } from './property-protection-codec.ts';
import { readSparse } from './read-sparse.ts';

/*
 * Bytes of images: received into a staging file while they are digested, looked at, taken into a store under their SHA-512, and only then is the
 * image active. A process that dies leaves `saving` behind; whoever starts next takes it back (`recoverUploads`).
 */
export interface ImageData {
  readonly db: Db;
  readonly stores: ImageStores;
  readonly logger: Logger;
  readonly web: WebSource;
  /** Of additional properties; undefined: whoever may change an image may change all of them. */
  readonly protections?: PropertyProtections;
}

export interface Received {
  readonly file: string;
  readonly sizeBytes: number;
  readonly md5: string;
  readonly sha512: string;
  readonly head: Buffer;
}

/** One write of at least this much; smaller ones cost a system call each. */
const WRITE_BYTES = 2 ** 20;
/** Past that a disk is somebody's mistake: 16 TiB. */
export const IMAGE_BYTES_MAX = 16 * 2 ** 40;

/** All of a stream into a file, with its digests. The file is gone when it fails. @throws ImageError 413 */
export async function receive(stream: Readable, file: string, limitBytes = IMAGE_BYTES_MAX): Promise<Received> {
  const [md5, sha512] = [createHash('md5'), createHash('sha512')];
  const handle = await open(file, 'w');
  const passed = createBufferFreeing();
  let sizeBytes = 0;
  let waiting: Buffer[] = [];
  let waitingBytes = 0;
  const head: Buffer[] = [];
  let headBytes = 0;
  const flush = async () => {
    const some = waiting;
    [waiting, waitingBytes] = [[], 0];
    if (some.length > 0) await handle.writev(some);
  };
  try {
    for await (const piece of stream) {
      const chunk = piece as Buffer;
      sizeBytes += chunk.length;
      if (sizeBytes > limitBytes) throw new ImageError(413, `The image exceeds the allowed quota or limit of ${limitBytes} bytes.`);
      md5.update(chunk);
      sha512.update(chunk);
      if (headBytes < INSPECTED_BYTES) headBytes += head.push(chunk) === 0 ? 0 : chunk.length;
      waiting.push(chunk);
      waitingBytes += chunk.length;
      if (waitingBytes >= WRITE_BYTES) await flush();
      passed(chunk.length);
    }
    await flush();
    // Here and not in the transaction that takes them into a store: a connection to the database must not wait for a disk.
    await handle.datasync();
    await handle.close();
    return {
      file,
      sizeBytes,
      md5: md5.digest('hex'),
      sha512: sha512.digest('hex'),
      head: Buffer.concat(head).subarray(0, INSPECTED_BYTES),
    };
  } catch (error) {
    await handle.close().catch(() => undefined);
    await rm(file, { force: true });
    throw error;
  }
}

/** The same of a file that is there. */
export async function digestFile(file: string): Promise<Received> {
  const [md5, sha512] = [createHash('md5'), createHash('sha512')];
  const passed = createBufferFreeing();
  let sizeBytes = 0;
  let head = Buffer.alloc(0);
  for await (const chunk of readSparse(file)) {
    if (sizeBytes === 0) head = Buffer.from(chunk.subarray(0, INSPECTED_BYTES));
    sizeBytes += chunk.length;
    md5.update(chunk);
    sha512.update(chunk);
    passed(chunk.length);
  }
  return { file, sizeBytes, md5: md5.digest('hex'), sha512: sha512.digest('hex'), head };
}

export async function stagingFile({ stores }: ImageData, name: string): Promise<string> {
  await mkdir(stores.stagingDirectory, { recursive: true });
  return join(stores.stagingDirectory, name);
}

async function begin({ db }: ImageData, id: string, verb: 'upload' | 'stage'): Promise<ImageRecord> {
  return db.transaction().execute(async (trx) => {
    const image = await lockImage(trx, id);
    if (image.disk_format === null || image.container_format === null)
      throw new ImageError(400, 'Properties disk_format, container_format must be set prior to saving data.');
    const status = nextStatus(image.status, verb);
    await trx
      .updateTable('image')
      .set({ status, updated_at: sql`now()` })
      .where('id', '=', id)
      .execute();
    return { ...image, status };
  });
}

/** Back to `queued`, so that the client can send again. Nothing happens when the image is gone. */
async function takeBack({ db }: ImageData, id: string): Promise<void> {
  await db
    .updateTable('image')
    .set({ status: 'queued', updated_at: sql`now()` })
    .where('id', '=', id)
    .where('status', 'in', ['saving', 'uploading'])
    .execute();
}

/** `PUT file`. @throws ImageError 400, 404, 409, 413 */
export async function uploadImage(data: ImageData, id: string, stream: Readable, store: ImageStore, limitBytes?: number): Promise<void> {
  const image = await begin(data, id, 'upload');
  const file = await stagingFile(data, `${id}.upload`);
  try {
    const received = await receive(stream, file, limitBytes);
    requireTrue(received, image);
    await keep(data, image, received, { stores: [store] });
  } catch (error) {
    await takeBack(data, id);
    throw error;
  } finally {
    await rm(file, { force: true });
  }
}

/** `PUT stage`: the bytes wait for an import. */
export async function stageImage(data: ImageData, id: string, stream: Readable, limitBytes?: number): Promise<void> {
  await begin(data, id, 'stage');
  try {
    const received = await receive(stream, await stagingFile(data, `${id}.staged`), limitBytes);
    await data.db
      .updateTable('image')
      .set({ size: received.sizeBytes, updated_at: sql`now()` })
      .where('id', '=', id)
      .execute();
  } catch (error) {
    await takeBack(data, id);
    throw error;
  }
}

/** @throws ImageError 400 */
export function requireTrue({ head }: Received, { disk_format: disk, container_format: container }: ImageRecord): void {
  const why = whyRefused(head, disk, container);
  if (why !== undefined) throw new ImageError(400, `Image content rejected: ${why}.`);
}

export interface Keeping {
  readonly stores: readonly ImageStore[];
  /** What the bytes are when they were converted; default: what the image says. */
  readonly diskFormat?: string | null;
  /** One store is enough (`all_stores_must_succeed: false`). Default: all of them. */
  readonly mayFail?: boolean;
}

/** Into these stores, and the image is active. @returns stores that failed */
export async function keep(data: ImageData, image: ImageRecord, received: Received, keeping: Keeping): Promise<string[]> {
  const { sha512, sizeBytes, md5, head } = received;
  const { diskFormat = image.disk_format, mayFail = false } = keeping;
  const { kept, failed, error } = await putInto(data, received, keeping.stores, mayFail);
  try {
    if (kept.length === 0) throw error;
    await data.db.transaction().execute(async (trx) => {
      await holdKept(trx, kept, received);
      const now = await lockImage(trx, image.id);
      await addBlobLocations(trx, now, kept, sha512);
      await trx
        .updateTable('image')
        .set({
          status: nextStatus(now.status, 'finish'),
          size: sizeBytes,
          disk_format: diskFormat,
          virtual_size: virtualSizeOf(head, recognize(head)) ?? (diskFormat === 'raw' ? sizeBytes : null),
          checksum: md5,
          os_hash_algo: 'sha512',
          os_hash_value: sha512,
          updated_at: sql`now()`,
        })
        .where('id', '=', image.id)
        .execute();
    });
    return failed;
  } catch (cause) {
    await forget(data, sha512, keeping.stores);
    throw cause;
  }
}

/** One more store for an image that has its bytes. */
export async function keepCopy(data: ImageData, image: ImageRecord, received: Received, store: ImageStore): Promise<void> {
  try {
    await putInto(data, received, [store], false);
    await data.db.transaction().execute(async (trx) => {
      await holdKept(trx, [store], received);
      await addBlobLocations(trx, await lockImage(trx, image.id), [store], received.sha512);
    });
  } catch (error) {
    await forget(data, received.sha512, [store]);
    throw error;
  }
}

type Bytes = Pick<Received, 'file' | 'sha512' | 'sizeBytes'>;

/** The row first, by itself: a store may take hours, and a process that dies meanwhile leaves a row by which the sweep finds the bytes. */
async function putInto(data: ImageData, { file, sha512, sizeBytes }: Bytes, stores: readonly ImageStore[], mayFail: boolean) {
  const kept: ImageStore[] = [];
  const failed: string[] = [];
  let error: unknown;
  for (const store of stores) {
    try {
      await data.db.transaction().execute((trx) => holdBlob(trx, { store: store.id, sha512 }, sizeBytes));
      await store.put(sha512, file, { sizeBytes, signal: AbortSignal.timeout(STORE_MS_MAX) });
      kept.push(store);
    } catch (cause) {
      data.logger.warn({ err: cause, store: store.id, sha512 }, 'a store did not take the bytes of an image');
      error = cause;
      failed.push(store.id);
      if (!mayFail) return { kept: [], failed, error };
    }
  }
  return { kept, failed, error };
}

/** Their rows are the lock against whoever removes the same bytes (image-blob-service); if somebody just has, they are put there again. */
async function holdKept(trx: Trx, stores: readonly ImageStore[], { file, sha512, sizeBytes }: Bytes): Promise<void> {
  for (const store of stores) await holdBlob(trx, { store: store.id, sha512 }, sizeBytes);
  for (const store of stores) await store.put(sha512, file, { sizeBytes, signal: AbortSignal.timeout(STORE_MS_MAX) });
}

const forget = ({ db, stores: all, logger }: ImageData, sha512: string, stores: readonly ImageStore[]) =>
  dropUnused(
    db,
    all,
    stores.map(({ id }) => ({ store: id, sha512 })),
    logger,
  );

/** A 16 TiB image to a store at 200 MB/s. */
const STORE_MS_MAX = 24 * 3600_000;

async function addBlobLocations(trx: Trx, image: ImageRecord, stores: readonly ImageStore[], sha512: string): Promise<void> {
  const there = new Set(image.locations.map(({ store }) => store));
  const rows = stores
    .filter(({ id }) => !there.has(id))
    .map((store, at) => ({
      image_id: image.id,
      position: image.locations.length + at,
      store: store.id,
      sha512,
      url: null,
      metadata: JSON.stringify({ store: store.id }),
    }));
  if (rows.length > 0) await trx.insertInto('image_location').values(rows).execute();
}

/** Bytes of a file on this host; whoever gets it closes it. */
export interface StoredPiece {
  readonly file: FileHandle;
  readonly start: number;
  readonly length: number;
}

/** The first store that has the bytes of an image; undefined: it has none. */
function placeOf(data: ImageData, { locations, size }: ImageRecord): { readonly store: ImageStore; readonly sha512: string } | undefined {
  for (const { store: id, sha512 } of locations) {
    const store = id === null ? undefined : storeOf(data.stores, id);
    if (store !== undefined && sha512 !== null && (size ?? 0) > 0) return { store, sha512 };
  }
  return undefined;
}

type ByteRange = { readonly start: number; readonly end: number };
const wholeOf = ({ size }: ImageRecord): ByteRange => ({ start: 0, end: (size ?? 0) - 1 });

/** The bytes of an image; undefined: it has none. @throws ImageError 404 */
export async function openImage(data: ImageData, image: ImageRecord): Promise<Readable | undefined> {
  const place = placeOf(data, image);
  return place?.store.open(place.sha512, wholeOf(image));
}

/** The same for a client of ours: where they are in a file of this host, that. @throws ImageError 404 */
export async function openForClient(
  data: ImageData,
  image: ImageRecord,
  { start, end }: ByteRange = wholeOf(image),
): Promise<Readable | StoredPiece | undefined> {
  const place = placeOf(data, image);
  if (place === undefined) return undefined;
  const { store, sha512 } = place;
  return isLocal(store) ? { file: await store.openFile(sha512), start, length: end - start + 1 } : store.open(sha512, { start, end });
}

const blobsOf = ({ locations }: ImageRecord): Blob[] =>
  locations.flatMap(({ store, sha512 }) => (store === null || sha512 === null ? [] : [{ store, sha512 }]));

/** @throws ImageError 403 for a protected one, 404 */
export async function deleteImage(data: ImageData, id: string): Promise<void> {
  const blobs = await data.db.transaction().execute(async (trx) => {
    const image = await lockImage(trx, id);
    if (image.protected) throw new ImageError(403, `Image ${id} is protected and cannot be deleted.`);
    await cancelImport(trx, id);
    await trx.deleteFrom('image').where('id', '=', id).execute();
    return blobsOf(image);
  });
  await dropUnused(data.db, data.stores, blobs, data.logger);
  await rm(await stagingFile(data, `${id}.staged`), { force: true });
}

/** One location less. @throws ImageError 403 for the last one, 404 */
export async function removeLocation(data: ImageData, id: string, which: (image: ImageRecord) => number | undefined): Promise<void> {
  const blobs = await data.db.transaction().execute(async (trx) => {
    const image = await lockImage(trx, id);
    const location = image.locations.find((one) => one.id === which(image));
    if (location === undefined) throw new ImageError(404, `Image ${id} has no such location.`);
    if (image.locations.length === 1) throw new ImageError(403, 'Cannot delete image from its last store: delete the image.');
    await trx.deleteFrom('image_location').where('id', '=', location.id).execute();
    return location.store === null || location.sha512 === null ? [] : [{ store: location.store, sha512: location.sha512 }];
  });
  await dropUnused(data.db, data.stores, blobs, data.logger);
}

/** At start: nobody sends any more to the process that had this staging folder. */
export async function recoverUploads(data: ImageData): Promise<void> {
  const names = await readdir(data.stores.stagingDirectory).catch(() => [] as string[]);
  // What is staged waits for its import; all else is half of something that is begun anew.
  for (const name of names.filter((each) => !each.endsWith('.staged'))) {
    if (name.endsWith('.upload')) await takeBack(data, name.slice(0, -'.upload'.length));
    await rm(join(data.stores.stagingDirectory, name), { force: true });
  }
}
