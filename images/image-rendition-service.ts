import { stat } from 'node:fs/promises';
import { sql, type Selectable } from 'kysely';
import type { ImageTables } from '../core/database/image-tables.ts';
import { isDiskFormat } from './convert-disk.ts';
import { ImageError } from './image-error.ts';
import type { Db, ImageRecord, Trx } from './image-record.ts';
import { isLocal, storeOf, type ImageStores } from './image-store.ts';

/*
 * What machines take of an image that they can not take as it is: the disk itself, packed with zstd, made once for all images with these bytes and kept near
 * the machines under its own SHA-512. The row refers to the file; a crash in between leaves a file without one, which the next attempt or `sweepRenditions` finds.
 */
export type Rendition = Selectable<ImageTables['image_rendition']>;

/** Nobody deployed it for so long; the next one makes it again. */
const IDLE_DAYS_MAX = 30;
/** Between file and row lies one transaction. */
const STRAY_MS = 3600_000;

interface Near {
  readonly db: Db;
  readonly stores: ImageStores;
}

/** The SHA-512 of the image's bytes when machines need a rendition of them. */
export function renditionSource(image: ImageRecord, stores: ImageStores): string | undefined {
  const [first] = image.locations;
  if (first?.sha512 == null || first.store === null || !isDiskFormat(image.disk_format)) return undefined;
  const store = storeOf(stores, first.store);
  return image.disk_format === 'raw' && store !== undefined && isLocal(store) ? undefined : first.sha512;
}

/** Counts as a use. Undefined too when the file went away under its row: it is made anew. */
export async function useRendition({ db, stores }: Near, source: string): Promise<Rendition | undefined> {
  const row = await db
    .updateTable('image_rendition')
    .set({ hits: sql`hits + 1`, last_used: sql`now()` })
    .where('source', '=', source)
    .returningAll()
    .executeTakeFirst();
  const isThere = row !== undefined && (await stat(stores.near.pathOf(row.sha512)).catch(() => undefined)) !== undefined;
  return isThere ? row : undefined;
}

/** Whoever keeps or removes these bytes waits for the other. */
const lockBytes = (trx: Trx, sha512: string) =>
  sql`select pg_advisory_xact_lock(hashtextextended(${`image-rendition:${sha512}`}, 0))`.execute(trx);

/** @throws ImageError 404 when no image has these bytes any more */
export async function keepRendition(
  { db, stores }: Near,
  made: { readonly source: string; readonly file: string; readonly sha512: string; readonly sizeBytes: number; readonly diskBytes: number },
): Promise<void> {
  const { source, file, sha512, sizeBytes, diskBytes } = made;
  await db.transaction().execute(async (trx) => {
    await lockBytes(trx, sha512);
    const holder = await trx.selectFrom('image_location').select('id').where('sha512', '=', source).forShare().executeTakeFirst();
    if (holder === undefined) throw new ImageError(404, 'The image was deleted while its disk was made ready.');
    await stores.near.put(sha512, file, { sizeBytes, signal: AbortSignal.timeout(STRAY_MS) });
    const values = { sha512, size: sizeBytes, disk_size: diskBytes };
    await trx
      .insertInto('image_rendition')
      .values({ source, ...values })
      .onConflict((on) => on.column('source').doUpdateSet({ ...values, last_used: sql`now()` }))
      .execute();
  });
}

export const listRenditions = (db: Db): Promise<Rendition[]> => db.selectFrom('image_rendition').selectAll().execute();

/** These, and the files that nothing refers to after it. */
export async function removeRenditions({ db, stores }: Near, sources: readonly string[]): Promise<void> {
  for (const source of sources) {
    await db.transaction().execute(async (trx) => {
      const row = await trx.selectFrom('image_rendition').select('sha512').where('source', '=', source).executeTakeFirst();
      if (row === undefined) return;
      await lockBytes(trx, row.sha512);
      await trx.deleteFrom('image_rendition').where('source', '=', source).execute();
      const other = await trx.selectFrom('image_rendition').select('source').where('sha512', '=', row.sha512).executeTakeFirst();
      if (other === undefined) await stores.near.remove(row.sha512);
    });
  }
}

/** Renditions of bytes that no image has any more, or that nobody wanted for long, and files that a crash left. */
export async function sweepRenditions(data: Near): Promise<void> {
  const { rows } = await sql<{
    source: string;
  }>`select source from image_rendition r where last_used < now() - ${`${IDLE_DAYS_MAX} days`}::interval
    or not exists (select from image_location l where l.sha512 = r.source)`.execute(data.db);
  await removeRenditions(
    data,
    rows.map(({ source }) => source),
  );
  const files = await data.stores.near.list(STRAY_MS);
  const known = new Set((await listRenditions(data.db)).map(({ sha512 }) => sha512));
  for (const sha512 of files.filter((one) => !known.has(one))) await data.stores.near.remove(sha512);
  await data.stores.near.dropIncomplete(STRAY_MS);
}
