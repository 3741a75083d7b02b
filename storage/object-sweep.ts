import { sql } from 'kysely';
import { absentOf } from '../core/database/absent-of.ts';
import type { ObjectStorage } from './object-storage.ts';
import { listIncoming, removeFile, removeIncomingFolder } from './object/object-files.ts';

/*
 * What nobody does on a request: objects whose time is over, files that lost their last object, and what processes that died left of uploads.
 * Any process may do any of it: rows are taken with `skip locked`.
 */
const BATCH = 200;
/** Another process's upload or a clock that was put: nobody waits for this one. */
const LOOK_MS = 60_000;
/** Several removals at once are swept at once. */
const GATHER_MS = 50;

export interface ObjectSweep {
  /** There may be something to do now, or, with a time (seconds since 1970), then. */
  wake(dueAt?: number): void;
  stop(): Promise<void>;
}

export const presenceOf = (owner: string): string => `objects ${owner}`;

/** @returns how many it removed, for whoever asks again while it is a full batch */
export async function removeExpired({ db }: ObjectStorage): Promise<number> {
  const { numAffectedRows = 0n } = await sql`delete from object_item where (container_id, name) in (
    select container_id, name from object_item where delete_at <= extract(epoch from clock_timestamp()) limit ${BATCH} for update skip locked)`.execute(
    db,
  );
  return Number(numAffectedRows);
}

/**
 * Files go while their row is being deleted: nobody can refer to a blob again that no object has, since copies hold their source. A crash before
 * the commit leaves the row and the entry, and the next sweep finds the file gone.
 */
export async function removeGarbage({ db, directory }: ObjectStorage): Promise<number> {
  return db.transaction().execute(async (trx) => {
    const taken = await sql<{ blob_id: string }>`delete from object_garbage where blob_id in
      (select blob_id from object_garbage limit ${BATCH} for update skip locked) returning blob_id`.execute(trx);
    const ids = taken.rows.map(({ blob_id: id }) => id);
    if (ids.length === 0) return 0;
    const gone = await sql<{ id: string }>`delete from object_blob b where b.id = any(${ids}::uuid[])
      and not exists (select from object_item i where i.blob_id = b.id) returning b.id`.execute(trx);
    await Promise.all(gone.rows.map(({ id }) => removeFile(directory, id)));
    return ids.length;
  });
}

/** Uploads of processes that are gone: bytes without a row go, bytes whose row was committed stay. */
export async function removeLeftovers(storage: ObjectStorage): Promise<void> {
  const { db, directory, owner: self } = storage;
  const incoming = await listIncoming(directory);
  const owners = [...incoming.keys()].filter((owner) => owner !== self);
  const absent = new Set(await absentOf(db, owners.map(presenceOf)));
  for (const owner of owners.filter((one) => absent.has(presenceOf(one)))) {
    for (const id of incoming.get(owner)!) await abandon(storage, id);
    await removeIncomingFolder(directory, owner);
  }
}

/** The row comes first: should its owner live after all, it can not make the bytes an object's any more (`putObject` looks again). */
async function abandon({ db }: ObjectStorage, id: string): Promise<void> {
  await db.transaction().execute(async (trx) => {
    const added = await trx
      .insertInto('object_blob')
      .values({ id, size: 0 })
      .onConflict((on) => on.doNothing())
      .returning('id')
      .executeTakeFirst();
    if (added !== undefined) await trx.insertInto('object_garbage').values({ blob_id: id }).execute();
  });
}

async function nextDueMs({ db }: ObjectStorage): Promise<number> {
  const query = sql<{
    ms: number | null;
  }>`select (min(delete_at) - extract(epoch from clock_timestamp()))::float8 * 1000 as ms from object_item`;
  return (await query.execute(db)).rows[0]?.ms ?? LOOK_MS;
}

async function sweepAll(storage: ObjectStorage): Promise<void> {
  while ((await removeExpired(storage)) === BATCH);
  while ((await removeGarbage(storage)) === BATCH);
}

export function startObjectSweep(storage: () => ObjectStorage): ObjectSweep {
  let timer: NodeJS.Timeout | undefined;
  let dueMs = Infinity;
  let running: Promise<void> = Promise.resolve();
  let isStopped = false;
  const at = (ms: number) => {
    if (isStopped || ms >= dueMs) return;
    clearTimeout(timer);
    dueMs = ms;
    timer = setTimeout(run, Math.max(ms - Date.now(), 0)).unref();
  };
  const run = () => {
    dueMs = Infinity;
    running = running
      .then(() => sweepAll(storage()))
      .then(() => nextDueMs(storage()))
      .catch((error: unknown) => {
        storage().logger.warn({ err: error }, 'objects could not be swept');
        return LOOK_MS;
      })
      .then((ms) => at(Date.now() + Math.min(Math.max(ms, GATHER_MS), LOOK_MS)));
  };
  return {
    wake: (dueAt) => at(dueAt === undefined ? Date.now() + GATHER_MS : Math.min(dueAt * 1000, Date.now() + LOOK_MS)),
    async stop() {
      isStopped = true;
      clearTimeout(timer);
      await running;
    },
  };
}
