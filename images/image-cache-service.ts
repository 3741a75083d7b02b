import { sql, type Selectable } from 'kysely';
import type { ImageTables } from '../core/database/image-tables.ts';
import { ImageError } from './image-error.ts';
import { openImage, type ImageData } from './image-data-service.ts';
import { isImageId, readImage, type Db } from './image-record.ts';

/*
 * The cache as its API shows it (api-ref "Cache management"): images that are asked to be near. A store that is a directory is near already; to cache an image
 * of it is to read it once to its end, so that its bytes are proven and in memory.
 */
export type CachedImage = Selectable<ImageTables['image_cache']> & { readonly size: number | null };

export async function listCache(db: Db): Promise<CachedImage[]> {
  return db
    .selectFrom('image_cache')
    .innerJoin('image', 'image.id', 'image_cache.image_id')
    .selectAll('image_cache')
    .select('image.size')
    .orderBy('last_modified')
    .execute();
}

/** @throws ImageError 400 for an image without bytes, 404 */
export async function queueForCache(db: Db, id: string): Promise<void> {
  const image = await readImage(db, id);
  if (image.status !== 'active') throw new ImageError(400, 'Only images with status active can be targeted for queueing');
  await db
    .insertInto('image_cache')
    .values({ image_id: id, state: 'queued' })
    .onConflict((on) => on.doNothing())
    .execute();
}

/** All that is queued, one after the other; what can not be read is taken out of the queue. */
export async function fillCache(data: ImageData): Promise<void> {
  const queued = await data.db.selectFrom('image_cache').select('image_id').where('state', '=', 'queued').execute();
  for (const { image_id: id } of queued) {
    try {
      const stream = await openImage(data, await readImage(data.db, id));
      if (stream === undefined) throw new ImageError(404, `The image ${id} has no bytes here.`);
      for await (const _ of stream) continue;
      await data.db
        .updateTable('image_cache')
        .set({ state: 'cached', last_modified: sql`now()` })
        .where('image_id', '=', id)
        .execute();
    } catch (error) {
      data.logger.warn({ err: error, image: id }, 'an image could not be cached');
      await data.db.deleteFrom('image_cache').where('image_id', '=', id).execute();
    }
  }
}

export async function countHit(db: Db, id: string): Promise<void> {
  await db
    .updateTable('image_cache')
    .set({ hits: sql`hits + 1`, last_accessed: sql`now()` })
    .where('image_id', '=', id)
    .execute();
}

/** @throws ImageError 404 */
export async function removeFromCache(db: Db, id: string): Promise<void> {
  const row = isImageId(id)
    ? await db.deleteFrom('image_cache').where('image_id', '=', id).returning('image_id').executeTakeFirst()
    : undefined;
  if (row === undefined) throw new ImageError(404, `Image ${id} is not cached.`);
}

export async function clearCache(db: Db, target: 'cache' | 'queue' | 'both'): Promise<void> {
  let query = db.deleteFrom('image_cache');
  if (target !== 'both') query = query.where('state', '=', target === 'cache' ? 'cached' : 'queued');
  await query.execute();
}
