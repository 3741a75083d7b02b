import { sql, type Insertable, type SelectQueryBuilder, type SqlBool } from 'kysely';
import type { ImageTable } from '../core/database/image-tables.ts';
import type { DatabaseSchema } from '../core/database/schema-types.ts';
import { ImageError } from './image-error.ts';
import { nextStatus } from './image-machine.ts';
import { requireRoom, type ImageLimits } from './image-quota-service.ts';
import { lockImage, withLocations, type Db, type ImageRecord, type Trx } from './image-record.ts';

/** Images' records: made, changed, removed, listed. Bytes are `image-data-service.ts`'s. */
export type NewImage = Insertable<ImageTable>;

/** @throws ImageError 409 when the id is there, 413 over the limit of its owner */
export async function createImage(db: Db, image: NewImage, limits: ImageLimits): Promise<ImageRecord> {
  return db.transaction().execute(async (trx) => {
    if (image.owner != null) await requireRoom(trx, image.owner, limits, { image_count_total: 1 });
    return insertImage(trx, image);
  });
}

async function insertImage(trx: Trx, image: NewImage): Promise<ImageRecord> {
  const row = await trx
    .insertInto('image')
    .values(image)
    .onConflict((on) => on.column('id').doNothing())
    .returningAll()
    .executeTakeFirst();
  if (row === undefined) throw new ImageError(409, `Image ID ${image.id} already exists!`);
  return { ...row, locations: [] };
}

export type ImageChange = Partial<
  Pick<
    ImageRecord,
    | 'name'
    | 'visibility'
    | 'owner'
    | 'disk_format'
    | 'container_format'
    | 'min_disk'
    | 'min_ram'
    | 'protected'
    | 'os_hidden'
    | 'tags'
    | 'properties'
    | 'checksum'
    | 'os_hash_algo'
    | 'os_hash_value'
    | 'size'
    | 'virtual_size'
  >
>;

/** Under the row's lock: `change` sees the image as it is and says what shall be. */
export async function updateImage(
  db: Db,
  id: string,
  change: (image: ImageRecord, trx: Trx) => Promise<ImageChange>,
): Promise<ImageRecord> {
  return db.transaction().execute(async (trx) => {
    const image = await lockImage(trx, id);
    const { properties, ...columns } = await change(image, trx);
    const row = await trx
      .updateTable('image')
      .set({ ...columns, ...(properties === undefined ? {} : { properties: JSON.stringify(properties) }), updated_at: sql`now()` })
      .where('id', '=', id)
      .returningAll()
      .executeTakeFirstOrThrow();
    return (await withLocations(trx, [row]))[0]!;
  });
}

/** `deactivate` and `reactivate`; what it is already is no change. @throws ImageError 403, 404 */
export async function setActive(db: Db, id: string, verb: 'deactivate' | 'reactivate'): Promise<void> {
  await db.transaction().execute(async (trx) => {
    const { status } = await lockImage(trx, id);
    if (status === (verb === 'deactivate' ? 'deactivated' : 'active')) return;
    const wanted = verb === 'deactivate' ? 'active' : 'deactivated';
    if (status !== wanted) throw new ImageError(403, `Not allowed to ${verb} image in status '${status}'`);
    await trx
      .updateTable('image')
      .set({ status: nextStatus(status, verb), updated_at: sql`now()` })
      .where('id', '=', id)
      .execute();
  });
}

export interface ImageFilter {
  /** Undefined: an administrator, who sees all. Null: nobody's project. */
  readonly projectId: string | null | undefined;
  readonly visibility: 'public' | 'private' | 'shared' | 'community' | 'all' | undefined;
  /** Of images shared with the project: `accepted` unless asked otherwise; `all`. */
  readonly memberStatus: string;
  readonly isHidden: boolean;
  readonly tags: readonly string[];
  /** Column → any of these texts. */
  readonly equal: Readonly<Partial<Record<EqualColumn, readonly string[]>>>;
  readonly sizeMin: number | undefined;
  readonly sizeMax: number | undefined;
  readonly times: readonly {
    readonly column: 'created_at' | 'updated_at';
    readonly operator: '>' | '>=' | '<' | '<=' | '=' | '!=';
    readonly at: Date;
  }[];
  /** Name → value of an additional property. */
  readonly properties: Readonly<Record<string, string>>;
}

export const EQUAL_COLUMNS = [
  'id',
  'name',
  'status',
  'owner',
  'container_format',
  'disk_format',
  'checksum',
  'os_hash_algo',
  'os_hash_value',
  'min_disk',
  'min_ram',
  'size',
  'protected',
] as const;
export type EqualColumn = (typeof EQUAL_COLUMNS)[number];

export const SORT_COLUMNS = ['name', 'status', 'container_format', 'disk_format', 'size', 'id', 'created_at', 'updated_at'] as const;
export type SortColumn = (typeof SORT_COLUMNS)[number];

export interface ImagePage {
  readonly sort: readonly { readonly column: SortColumn; readonly descending: boolean }[];
  readonly limit: number;
  readonly marker: string | undefined;
}

type Query = SelectQueryBuilder<DatabaseSchema, 'image', DatabaseSchema['image']>;

/** @throws ImageError 400 for a marker that is not there */
export async function listImages(db: Db, filter: ImageFilter, page: ImagePage): Promise<ImageRecord[]> {
  let query = db.selectFrom('image').where(visibleTo(filter)).where('os_hidden', '=', filter.isHidden) as unknown as Query;
  for (const [column, values] of Object.entries(filter.equal))
    query = query.where(sql<SqlBool>`${sql.ref(`image.${column}`)}::text = any(${values}::text[])`);
  if (filter.tags.length > 0) query = query.where(sql<SqlBool>`image.tags @> ${filter.tags}::text[]`);
  if (filter.sizeMin !== undefined) query = query.where('size', '>=', filter.sizeMin);
  if (filter.sizeMax !== undefined) query = query.where('size', '<=', filter.sizeMax);
  for (const { column, operator, at } of filter.times)
    query = query.where(sql<SqlBool>`date_trunc('second', ${sql.ref(`image.${column}`)}) ${sql.raw(operator)} ${at}`);
  if (Object.keys(filter.properties).length > 0)
    query = query.where(sql<SqlBool>`image.properties @> ${JSON.stringify(filter.properties)}::jsonb`);
  if (page.marker !== undefined) query = query.where(await afterMarker(db, page.marker, page.sort));
  for (const { column, descending } of page.sort)
    query = query.orderBy(sql`${sql.ref(`image.${column}`)} ${sql.raw(descending ? 'desc nulls last' : 'asc nulls first')}`);
  return withLocations(db, await query.orderBy('seq', 'desc').limit(page.limit).selectAll('image').execute());
}

function visibleTo({ projectId, visibility, memberStatus }: ImageFilter) {
  const own = sql<SqlBool>`image.owner = ${projectId ?? null}`;
  const shared = sql<SqlBool>`(image.visibility = 'shared' and exists (select from image_member m where m.image_id = image.id
    and m.member = ${projectId ?? null} and (${memberStatus} = 'all' or m.status = ${memberStatus})))`;
  const community = sql<SqlBool>`image.visibility = 'community'`;
  if (visibility === undefined)
    return projectId === undefined ? sql<SqlBool>`true` : sql<SqlBool>`(${own} or image.visibility = 'public' or ${shared})`;
  const isAll = visibility === 'all';
  const wanted = isAll ? sql<SqlBool>`true` : sql<SqlBool>`image.visibility = ${visibility}`;
  if (projectId === undefined) return wanted;
  return sql<SqlBool>`(${wanted} and (${own} or image.visibility = 'public' or ${shared} or ${community}))`;
}

/** Everything that is sorted behind the marker; nulls are where `listImages` puts them. */
async function afterMarker(db: Db, marker: string, sort: ImagePage['sort']) {
  const row = await db
    .selectFrom('image')
    .selectAll()
    .where(sql<SqlBool>`id::text = ${marker}`)
    .executeTakeFirst();
  if (row === undefined) throw new ImageError(400, `Invalid marker: image ${marker} could not be found`);
  let after = sql<SqlBool>`image.seq < ${row.seq}`;
  for (const { column, descending } of sort.toReversed()) {
    const [mine, theirs] = [sql.ref(`image.${column}`), sql.val(row[column])];
    const beyond =
      row[column] === null
        ? descending
          ? sql<SqlBool>`false`
          : sql<SqlBool>`${mine} is not null`
        : descending
          ? sql<SqlBool>`(${mine} < ${theirs} or ${mine} is null)`
          : sql<SqlBool>`${mine} > ${theirs}`;
    after = sql<SqlBool>`(${beyond} or (${mine} is not distinct from ${theirs} and ${after}))`;
  }
  return after;
}
