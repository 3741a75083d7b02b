import type { Kysely, Selectable, Transaction } from 'kysely';
import type { ImageTable, ImageTaskTable } from '../core/database/image-tables.ts';
import type { DatabaseSchema } from '../core/database/schema-types.ts';
import { noImage } from './image-error.ts';

/** An image as its rows have it, with where its bytes are. */
export type Db = Kysely<DatabaseSchema>;
export type Trx = Transaction<DatabaseSchema>;

export interface ImageLocation {
  readonly id: number;
  readonly store: string | null;
  readonly sha512: string | null;
  /** Bytes that somebody else keeps. */
  readonly url: string | null;
  readonly metadata: Readonly<Record<string, unknown>>;
}

export type ImageRow = Selectable<ImageTable>;
export interface ImageRecord extends ImageRow {
  readonly locations: readonly ImageLocation[];
}
export type ImageTask = Selectable<ImageTaskTable>;

const UUID = /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/i;
export const isImageId = (text: string): boolean => UUID.test(text);

/** @throws ImageError 404 */
export async function readImage(db: Db, id: string): Promise<ImageRecord> {
  const row = isImageId(id) ? await db.selectFrom('image').selectAll().where('id', '=', id).executeTakeFirst() : undefined;
  if (row === undefined) throw noImage(id);
  return (await withLocations(db, [row]))[0]!;
}

/** The same, and nobody else changes it until the transaction ends. @throws ImageError 404 */
export async function lockImage(trx: Trx, id: string): Promise<ImageRecord> {
  const row = isImageId(id) ? await trx.selectFrom('image').selectAll().where('id', '=', id).forUpdate().executeTakeFirst() : undefined;
  if (row === undefined) throw noImage(id);
  return (await withLocations(trx, [row]))[0]!;
}

export async function withLocations(db: Db, rows: readonly ImageRow[]): Promise<ImageRecord[]> {
  if (rows.length === 0) return [];
  const locations = await db
    .selectFrom('image_location')
    .select(['image_id', 'id', 'store', 'sha512', 'url', 'metadata'])
    .where(
      'image_id',
      'in',
      rows.map((row) => row.id),
    )
    .orderBy('position')
    .execute();
  const byImage = Map.groupBy(locations, (one) => one.image_id);
  return rows.map((row) => ({
    ...row,
    locations: (byImage.get(row.id) ?? []).map(({ id, store, sha512, url, metadata }) => ({
      id,
      store,
      sha512,
      url,
      metadata: metadata as Record<string, unknown>,
    })),
  }));
}

export const storesOf = ({ locations }: ImageRecord): string[] => locations.flatMap(({ store }) => (store === null ? [] : [store]));
