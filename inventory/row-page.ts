import { sql, type RawBuilder } from 'kysely';
import { InventoryError, type Db } from './node-record.ts';

/*
 * One page of a table, in the order of creation or of one column. The marker is the last row of the page before; a row
 * that is made or removed meanwhile neither repeats nor hides another.
 */
export interface Page {
  readonly limit: number;
  /** A key of the source's `columns`. Default: order of creation. */
  readonly sort?: string;
  readonly descending: boolean;
  readonly marker?: string;
}

export type Condition = RawBuilder<unknown>;

export interface PageSource {
  /** `select … from …`, without where. */
  readonly select: RawBuilder<unknown>;
  /** The table's alias in it. */
  readonly alias: string;
  readonly table: string;
  /** What a marker names. Default: `uuid`. */
  readonly key?: string;
  /** Sort key → SQL, where it is not the column of that name. */
  readonly columns?: Readonly<Record<string, string>>;
}

export async function selectPage<Row>(db: Db, source: PageSource, conditions: readonly Condition[], page: Page): Promise<Row[]> {
  const seq = sql.ref(`${source.alias}.seq`);
  const column = page.sort === undefined ? undefined : (source.columns?.[page.sort] ?? `${source.alias}.${page.sort}`);
  const value = column === undefined ? undefined : sql.raw(column);
  const all = [...conditions];
  if (page.marker !== undefined) all.push(await afterMarker(db, source, page, value));
  const where = all.length === 0 ? sql`` : sql`where ${sql.join(all, sql` and `)}`;
  const order = page.descending
    ? sql`${value === undefined ? sql`` : sql`${value} desc nulls last,`} ${seq} desc`
    : sql`${value === undefined ? sql`` : sql`${value} asc nulls first,`} ${seq} asc`;
  const { rows } = await sql<Row>`${source.select} ${where} order by ${order} limit ${page.limit}`.execute(db);
  return rows;
}

/** Null sorts as the smallest value, in both directions. */
async function afterMarker(db: Db, source: PageSource, page: Page, value: RawBuilder<unknown> | undefined): Promise<Condition> {
  const key = sql.ref(`${source.alias}.${source.key ?? 'uuid'}`);
  const found = await sql<{ seq: number; isNull: boolean }>`
    select ${sql.ref(`${source.alias}.seq`)} as seq, ${value === undefined ? sql`false` : sql`(${value}) is null`} as "isNull"
    from ${sql.table(source.table)} as ${sql.ref(source.alias)} where ${key} = ${page.marker}`.execute(db);
  const marker = found.rows[0];
  if (marker === undefined) throw new InventoryError(404, `The marker ${page.marker} could not be found.`);
  const seq = sql.ref(`${source.alias}.seq`);
  const later = page.descending ? sql`${seq} < ${marker.seq}` : sql`${seq} > ${marker.seq}`;
  if (value === undefined) return later;
  if (marker.isNull) return page.descending ? sql`(${value} is null and ${later})` : sql`(${value} is not null or ${later})`;
  const of = sql`(select ${value} from ${sql.table(source.table)} as ${sql.ref(source.alias)} where ${key} = ${page.marker})`;
  return page.descending
    ? sql`(${value} < ${of} or (${value} = ${of} and ${later}) or ${value} is null)`
    : sql`(${value} > ${of} or (${value} = ${of} and ${later}))`;
}
