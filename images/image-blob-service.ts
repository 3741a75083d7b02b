import { sql } from 'kysely';
import type { Logger } from '../core/base/logger.ts';
import { storeOf, type ImageStores } from './image-store.ts';
import type { Db, Trx } from './image-record.ts';
import { removeRenditions } from './image-rendition-service.ts';

/*
 * Which bytes are in which store, and who refers to them. A blob's row is there before anything refers to it, and goes, under its lock, when
 * nothing does; only then is the file removed. A crash in between leaves a file without a row,
 * which `audit` names.
 */
export interface Blob {
  readonly store: string;
  readonly sha512: string;
}

/** In the transaction that makes a location of it. */
export async function holdBlob(trx: Trx, { store, sha512 }: Blob, sizeBytes: number): Promise<void> {
  await trx
    .insertInto('image_blob')
    .values({ store, sha512, size: sizeBytes })
    .onConflict((on) => on.columns(['store', 'sha512']).doUpdateSet({ size: sizeBytes }))
    .execute();
}

/** Longer than an upload to a store may take: rows without an image are of processes that died. */
const ABANDONED_HOURS = 48;

/** Bytes that a dead process had begun to keep for an image, and halves of uploads. */
export async function sweepBlobs(db: Db, stores: ImageStores, logger: Logger): Promise<void> {
  const { rows } = await sql<Blob>`select store, sha512 from image_blob b where created_at < now() - ${`${ABANDONED_HOURS} hours`}::interval
    and not exists (select from image_location l where l.store = b.store and l.sha512 = b.sha512)`.execute(db);
  await dropUnused(db, stores, rows, logger);
  for (const store of stores.all) await store.dropIncomplete(ABANDONED_HOURS * 3600_000);
}

/** After the transaction that took locations away: bytes that nobody refers to any more go. */
export async function dropUnused(db: Db, stores: ImageStores, blobs: readonly Blob[], logger: Logger): Promise<void> {
  for (const { store, sha512 } of blobs) {
    await db
      .transaction()
      .execute(async (trx) => {
        const { numDeletedRows } = await trx
          .deleteFrom('image_blob')
          .where('store', '=', store)
          .where('sha512', '=', sha512)
          .where(sql<boolean>`not exists (select from image_location l where l.store = ${store} and l.sha512 = ${sha512})`)
          .executeTakeFirst();
        // Inside the transaction: whoever stores the same bytes now waits for the row, and then writes the file anew.
        if (numDeletedRows > 0n) await storeOf(stores, store)?.remove(sha512);
      })
      .catch((error: unknown) => logger.warn({ err: error, store, sha512 }, 'bytes that no image has could not be removed'));
  }
  await dropUnusedRenditions(
    db,
    stores,
    blobs.map(({ sha512 }) => sha512),
  ).catch((error: unknown) => logger.warn({ err: error }, 'what was made of bytes that no image has could not be removed'));
}

async function dropUnusedRenditions(db: Db, stores: ImageStores, sources: readonly string[]): Promise<void> {
  if (sources.length === 0) return;
  const held = await db.selectFrom('image_location').select('sha512').where('sha512', 'in', sources).execute();
  const kept = new Set(held.map(({ sha512 }) => sha512));
  await removeRenditions(
    { db, stores },
    sources.filter((source) => !kept.has(source)),
  );
}
