import { sql } from 'kysely';
import { ImageError } from './image-error.ts';
import { openImage, type ImageData } from './image-data-service.ts';
import { isImageId, readImage, type Db, type ImageRecord } from './image-record.ts';
import { listRenditions, removeRenditions, renditionSource, useRendition } from './image-rendition-service.ts';
import { makeRendition } from './make-rendition.ts';

/*
 * The cache as its API shows it (api-ref "Cache management"): images that are near machines. Of an image that machines can not take as it is, that is what was made of
 * its bytes (image-rendition-service), by a deployment or because somebody asked here; one that lies in a directory is near already, and to cache it is to read
 * it once to its end, so that its bytes are proven and in memory.
 */
export interface CachedImage {
  readonly image_id: string;
  readonly state: 'queued' | 'cached';
  readonly hits: number;
  readonly last_accessed: Date;
  readonly last_modified: Date;
  /** Bytes that are near; null: an image that was never filled. */
  readonly size: number | null;
}

export async function listCache(db: Db): Promise<CachedImage[]> {
  const { rows } = await sql<CachedImage>`
    with made as (
      select distinct on (l.image_id) l.image_id, r.hits, r.last_used, r.created_at, r.size
      from image_rendition r join image_location l on l.sha512 = r.source order by l.image_id)
    select i.id as image_id, case when m.image_id is null then c.state else 'cached' end as state, coalesce(c.hits, 0) + coalesce(m.hits, 0) as hits,
      greatest(c.last_accessed, m.last_used) as last_accessed, greatest(c.last_modified, m.created_at) as last_modified,
      coalesce(m.size, i.size)::float8 as size
    from image i left join image_cache c on c.image_id = i.id left join made m on m.image_id = i.id
    where c.image_id is not null or m.image_id is not null order by last_modified`.execute(db);
  return rows;
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

/** Images that are queued together are brought near one after the other, and whoever queued too many can still clear the queue. */
const GATHER_MS = 2000;
const gathering = new WeakMap<ImageData, NodeJS.Timeout>();

export function fillCacheSoon(data: ImageData): void {
  clearTimeout(gathering.get(data));
  const fill = () => void fillCache(data).catch((error: unknown) => data.logger.warn({ err: error }, 'the cache of images was not filled'));
  gathering.set(data, setTimeout(fill, GATHER_MS).unref());
}

/** All that is queued, one after the other; what can not be read is taken out of the queue. */
export async function fillCache(data: ImageData): Promise<void> {
  const queued = await data.db.selectFrom('image_cache').select('image_id').where('state', '=', 'queued').execute();
  for (const { image_id: id } of queued) {
    try {
      await bringNear(data, await readImage(data.db, id));
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

async function bringNear(data: ImageData, image: ImageRecord): Promise<void> {
  const source = renditionSource(image, data.stores);
  if (source !== undefined) {
    if ((await useRendition(data, source)) === undefined) await makeRendition(data, image, source, AbortSignal.timeout(FILL_MS_MAX));
    return;
  }
  const stream = await openImage(data, image);
  if (stream === undefined) throw new ImageError(404, `The image ${image.id} has no bytes here.`);
  for await (const _ of stream) continue;
}

/** A large image over a slow line. */
const FILL_MS_MAX = 12 * 3600_000;

export async function countHit(db: Db, id: string): Promise<void> {
  await db
    .updateTable('image_cache')
    .set({ hits: sql`hits + 1`, last_accessed: sql`now()` })
    .where('image_id', '=', id)
    .execute();
}

/** @throws ImageError 404 */
export async function removeFromCache(data: ImageData, id: string): Promise<void> {
  const known = isImageId(id) && (await listCache(data.db)).some((one) => one.image_id === id);
  if (!known) throw new ImageError(404, `Image ${id} is not cached.`);
  await data.db.deleteFrom('image_cache').where('image_id', '=', id).execute();
  const { locations } = await readImage(data.db, id);
  await removeRenditions(
    data,
    locations.flatMap(({ sha512 }) => sha512 ?? []),
  );
}

export async function clearCache(data: ImageData, target: 'cache' | 'queue' | 'both'): Promise<void> {
  let query = data.db.deleteFrom('image_cache');
  if (target !== 'both') query = query.where('state', '=', target === 'cache' ? 'cached' : 'queued');
  await query.execute();
  if (target !== 'queue')
    await removeRenditions(
      data,
      (await listRenditions(data.db)).map(({ source }) => source),
    );
}
