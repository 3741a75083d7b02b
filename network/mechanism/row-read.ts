import type { Kysely } from 'kysely';
import type { DatabaseSchema } from '../../core/database/schema-types.ts';
import { badRequest } from '../network-error.ts';
import type { NetworkActor, Resource, Row } from '../resource.ts';
import { isUuid } from './attribute-types.ts';
import { rowJson } from './row-json.ts';
import { filterSql, type Filters } from './row-filter.ts';
import { isAmong, query, statement, type Statement } from './statement.ts';

/** Reading rows as the API shows them: PostgreSQL writes the JSON, so that a page of five hundred costs us next to nothing. */
export type Db = Kysely<DatabaseSchema>;

export interface Sort {
  readonly key: string;
  readonly ascending: boolean;
}

export interface ListQuery {
  readonly filters: Filters;
  /** Attributes to show. */
  readonly names: readonly string[];
  readonly sorts: readonly Sort[];
  readonly limit?: number;
  /** The row after which the page begins. */
  readonly marker?: string;
  readonly reverse?: boolean;
  /** Of a child: its parent's id. */
  readonly parentId?: string;
  /** More that rows have to fulfil: constant SQL of ours. */
  readonly where?: string;
}

export interface Page {
  /** A JSON array. */
  readonly json: string;
  readonly count: number;
  readonly first: string | null;
  readonly last: string | null;
}

const keyOf = (resource: Resource) => resource.key ?? 'id';

export async function listRows(db: Db, actor: NetworkActor, resource: Resource, asked: ListQuery): Promise<Page> {
  const at = statement(actor.projectId);
  const where = conditions(at, actor, resource, asked.parentId);
  if (asked.where !== undefined) where.push(asked.where);
  for (const [name, values] of asked.filters) where.push(filterSql(resource, name, values, at.bind, at.project));
  const key = keyOf(resource);
  const sorts = asked.sorts.some((sort) => sort.key === key) ? asked.sorts : [...asked.sorts, { key, ascending: true }];
  const turned = asked.reverse === true ? sorts.map((sort) => ({ ...sort, ascending: !sort.ascending })) : sorts;
  if (asked.marker !== undefined) where.push(await afterMarker(db, at, resource, turned, asked.marker));
  const order = turned.map((sort) => `${sortSql(resource, sort.key)} ${sort.ascending ? 'asc' : 'desc'}`).join(', ');
  const limit = asked.limit === undefined ? '' : ` limit ${at.bind(asked.limit)}`;
  // Row by row: one text of a megabyte costs PostgreSQL several copies of it.
  const rows = await at.run<{ row: string; key: string }>(
    db,
    `select ${rowJson(at, resource, asked.names)} as row, ${sortSql(resource, key)}::text as key
     from (select t.* from ${resource.table} t where ${where.join(' and ')} order by ${order}${limit}) t`,
  );
  if (asked.reverse === true) rows.reverse();
  return {
    json: `[${rows.map((each) => each.row).join(',')}]`,
    count: rows.length,
    first: rows[0]?.key ?? null,
    last: rows.at(-1)?.key ?? null,
  };
}

const sortSql = (resource: Resource, key: string) => resource.attributes[key]!.search ?? resource.attributes[key]!.sql!;

function conditions(at: Statement, actor: NetworkActor, resource: Resource, parentId: string | undefined): string[] {
  const where = [actor.seesAll ? 'true' : at.fill(resource.scope)];
  if (resource.only !== undefined) where.push(`t."${resource.only.column}" = ${at.bind(resource.only.value)}`);
  if (resource.parent !== undefined && parentId !== undefined) where.push(`t."${resource.parent.column}" = ${at.bind(parentId)}`);
  return where;
}

/** Rows behind the marker in the order of the sorts, nulls last as PostgreSQL has them. */
async function afterMarker(db: Db, at: Statement, resource: Resource, sorts: readonly Sort[], marker: string): Promise<string> {
  const wanted = sorts.map((sort, index) => `(${sortSql(resource, sort.key)})::text as "${index}"`).join(', ');
  const key = keyOf(resource);
  const isPossible = resource.attributes[key]!.type.kind !== 'uuid' || isUuid(marker);
  const rows = isPossible
    ? await query<Record<string, string | null>>(db, `select ${wanted} from ${resource.table} t where t."${key}" = $1`, [marker])
    : [];
  const row = rows[0];
  if (row === undefined) throw badRequest(`Invalid marker: ${marker} could not be found.`);
  const alternatives = sorts.map((sort, index) => {
    const equal = sorts
      .slice(0, index)
      .map((each, before) => `${sortSql(resource, each.key)} is not distinct from ${literal(each, before)}`);
    return `(${[...equal, behind(sort, index)].join(' and ')})`;
  });
  function literal(sort: Sort, index: number): string {
    const { kind } = resource.attributes[sort.key]!.type;
    return `${at.bind(row![index])}::${kind === 'time' ? 'timestamptz' : kind}`;
  }
  function behind(sort: Sort, index: number): string {
    const own = sortSql(resource, sort.key);
    if (row![index] === null) return sort.ascending ? 'false' : `${own} is not null`;
    const isAfter = `${own} ${sort.ascending ? '>' : '<'} ${literal(sort, index)}`;
    return sort.ascending ? `(${isAfter} or ${own} is null)` : isAfter;
  }
  return `(${alternatives.join(' or ')})`;
}

/** One row, or undefined when this actor sees none. */
export async function readRow(
  db: Db,
  actor: NetworkActor,
  resource: Resource,
  key: string,
  options: ReadOptions = {},
): Promise<Row | undefined> {
  return (await readRowText(db, actor, resource, key, options))?.row;
}

export interface ReadOptions {
  readonly parentId?: string | undefined;
  readonly names?: readonly string[];
  readonly lock?: boolean;
}

/** With its JSON as PostgreSQL wrote it: counts of IPv6 addresses are larger than a number can be here. */
export async function readRowText(
  db: Db,
  actor: NetworkActor,
  resource: Resource,
  key: string,
  options: ReadOptions = {},
): Promise<{ readonly row: Row; readonly json: string } | undefined> {
  if (resource.attributes[keyOf(resource)]!.type.kind === 'uuid' && !isUuid(key)) return undefined;
  const at = statement(actor.projectId);
  const where = conditions(at, actor, resource, options.parentId);
  where.push(`t."${keyOf(resource)}" = ${at.bind(key)}`);
  const rows = await at.run<{ json: string }>(
    db,
    `select ${rowJson(at, resource, options.names ?? shownNames(resource))} as json
     from ${resource.table} t where ${where.join(' and ')}${options.lock === true && resource.derived !== true ? ' for no key update of t' : ''}`,
  );
  const json = rows[0]?.json;
  return json === undefined ? undefined : { row: JSON.parse(json) as Row, json };
}

/** The rows with these ids, in this order. */
export async function readRows(db: Db, actor: NetworkActor, resource: Resource, ids: readonly string[], parentId?: string): Promise<Row[]> {
  const at = statement(actor.projectId);
  const where = conditions(at, { ...actor, seesAll: true }, resource, parentId);
  const key = keyOf(resource);
  const kind = resource.attributes[key]!.type.kind === 'uuid' ? 'uuid' : 'text';
  const rows = await at.run<{ json: string }>(
    db,
    `select ${rowJson(at, resource, shownNames(resource))} as json
     from ${resource.table} t where ${where.join(' and ')} and ${isAmong(`t."${key}"`, ids, at.bind, kind)}`,
  );
  const shown = rows.map(({ json }) => JSON.parse(json) as Row);
  const byId = new Map(shown.map((row) => [String(row[key]), row]));
  return ids.map((id) => byId.get(id)!);
}

const shownOf = new WeakMap<Resource, readonly string[]>();
export function shownNames(resource: Resource): readonly string[] {
  const known = shownOf.get(resource);
  if (known !== undefined) return known;
  const names = Object.keys(resource.attributes).filter((name) => resource.attributes[name]!.sql !== undefined);
  shownOf.set(resource, names);
  return names;
}
