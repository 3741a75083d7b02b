import { sql, type RawBuilder } from 'kysely';
import type { Db, Item, Usage } from './object-storage.ts';
import { ITEM } from './object-store.ts';
import { afterPrefix, justAfter, nameRange, type ListingQuery } from './object/name-range-policy.ts';

/*
 * Lists of names. With a delimiter the walk jumps from one pseudo-folder to the next by the index, however much is in each: a page costs
 * as many steps as it has lines.
 */
export type { ListingQuery } from './object/name-range-policy.ts';

export interface ListedContainer extends Usage {
  readonly name: string;
  readonly changedUs: number;
}

/** A line of a listing: what is there, or what many names have in common up to the delimiter. */
export type Line<Row> = Row | { readonly subdir: string };
export const isSubdir = (line: object): line is { readonly subdir: string } => 'subdir' in line;

interface Source<Row> {
  /** `from … where …`, the rows called `i`. */
  readonly rows: RawBuilder<unknown>;
  readonly columns: RawBuilder<Row>;
}

export function listItems(db: Db, containerId: number, query: ListingQuery): Promise<Line<Item>[]> {
  const rows = sql`from object_item i where i.container_id = ${containerId}
    and (i.delete_at is null or i.delete_at > extract(epoch from clock_timestamp()))`;
  return list(db, { rows, columns: ITEM as RawBuilder<Item> }, query);
}

export function listContainers(db: Db, account: string, query: ListingQuery): Promise<Line<ListedContainer>[]> {
  const sum = (column: string) =>
    sql`(select coalesce(sum(u.${sql.ref(column)}), 0)::bigint from object_usage u where u.container_id = i.id) as ${sql.ref(column)}`;
  const columns = sql<ListedContainer>`i.name, i.changed_us as "changedUs", ${sum('objects')}, ${sum('bytes')}`;
  return list(db, { rows: sql`from object_container i where i.account = ${account}`, columns }, query);
}

async function list<Row extends object>(db: Db, source: Source<Row>, query: ListingQuery): Promise<Line<Row>[]> {
  if (query.limit === 0) return [];
  if (query.path !== undefined) return listPath(db, source, { ...query, prefix: query.path });
  return query.delimiter === '' ? listPlain(db, source, query, sql`true`) : listFolded(db, source, query);
}

const lengthOf = (text: string): number => Array.from(text).length;
const order = ({ isReverse }: ListingQuery) => (isReverse ? sql`i.name desc` : sql`i.name`);

async function listPlain<Row>(db: Db, { rows, columns }: Source<Row>, query: ListingQuery, only: RawBuilder<unknown>): Promise<Row[]> {
  const { low, high } = nameRange(query);
  const statement = sql<Row>`select ${columns} ${rows} and i.name >= ${low} and i.name < ${high} and ${only} order by ${order(query)} limit ${query.limit}`;
  return (await statement.execute(db)).rows;
}

function listPath<Row>(db: Db, source: Source<Row>, query: ListingQuery): Promise<Row[]> {
  const folder = query.prefix === '' ? '' : `${query.prefix.replace(/\/+$/, '')}/`;
  const rest = sql`substr(i.name, ${lengthOf(folder) + 1}::int)`;
  const only = sql`i.name <> ${folder} and position('/' in ${rest}) in (0, length(${rest}))`;
  return listPlain(db, source, { ...query, prefix: folder }, only);
}

async function listFolded<Row extends object>(db: Db, { rows, columns }: Source<Row>, query: ListingQuery): Promise<Line<Row>[]> {
  const { delimiter, isReverse, limit, prefix } = query;
  const { low, high } = nameRange(query);
  const rest = sql`substr(i.name, ${lengthOf(prefix) + 1}::int)`;
  const at = sql`position(${delimiter}::text in ${rest})`;
  const subdir = sql`case when ${at} > 0 then left(i.name, ${lengthOf(prefix) + lengthOf(delimiter) - 1}::int + ${at}) end`;
  const inRange = isReverse ? sql`i.name >= ${low} and i.name < w.bound` : sql`i.name >= w.bound and i.name < ${high}`;
  const next = isReverse
    ? sql`coalesce(x.subdir, x.name)`
    : sql`case when x.subdir is null then x.name || ${justAfter('')}::text
        else left(x.subdir, -length(${delimiter}::text)) || ${afterPrefix(delimiter)}::text end`;
  // One step more than lines: a folder that the marker itself names is stepped over.
  const statement = sql<Row & { subdir: string | null }>`
    with recursive walk (name, subdir, bound, step) as (
      select null::text collate "C", null::text collate "C", ${isReverse ? high : low}::text collate "C", 0
      union all
      select x.name, x.subdir, (${next}) collate "C", w.step + 1 from walk w cross join lateral
        (select i.name, (${subdir}) collate "C" as subdir ${rows} and ${inRange} order by ${order(query)} limit 1) as x
      where w.step <= ${limit}::int)
    select w.subdir, f.* from walk w left join lateral (select ${columns} ${rows} and i.name = w.name and w.subdir is null) as f on true
    where w.step > 0 order by w.step`;
  const found = (await statement.execute(db)).rows;
  const lines = found.map(({ subdir: folder, ...row }): Line<Row> => (folder === null ? (row as Row) : { subdir: folder }));
  return lines.filter((line) => !isSubdir(line) || line.subdir !== query.marker).slice(0, limit);
}
