import type { Page } from '../../inventory/row-page.ts';
import { RequestRefused } from './baremetal-error.ts';
import { notAcceptable, type Call } from './baremetal-route.ts';
import { show, sinceOf, type FieldTable, type Shown } from './field-table.ts';
import { short, toInteger, toUuid } from './query-values.ts';

/** Paging and sorting, the same in every list of the API. */
export const PAGE_QUERY = ['limit', 'marker', 'sort_key', 'sort_dir'] as const;
/** Ironic's `[api]max_limit`. */
const LIMIT_MAX = 1000;

export function pageOf<Row>(call: Call, table: FieldTable<Row>, unsortable: readonly string[]): Page {
  const { sort_key: key = 'id', sort_dir: direction = 'asc' } = call.query;
  const limit = toInteger('limit', call.query['limit']);
  if (limit !== undefined && limit <= 0) throw new RequestRefused(400, 'Limit must be positive');
  if (direction !== 'asc' && direction !== 'desc')
    throw new RequestRefused(400, `Invalid sort direction: ${short(direction)}. Acceptable values are 'asc' or 'desc'`);
  const field = Object.hasOwn(table, key) ? table[key] : undefined;
  if (field !== undefined && sinceOf(field) > call.minor) throw new RequestRefused(406, notAcceptable(sinceOf(field)));
  if (key !== 'id' && (field === undefined || field.whole === true || field.hidden === true || unsortable.includes(key)))
    throw new RequestRefused(400, `The sort_key value "${short(key)}" is an invalid field for sorting`);
  const marker = toUuid('marker', call.query['marker']);
  return {
    limit: Math.min(limit ?? LIMIT_MAX, LIMIT_MAX),
    descending: direction === 'desc',
    ...(key === 'id' ? {} : { sort: key }),
    ...(marker === undefined ? {} : { marker }),
  };
}

export interface Collection<Row> {
  /** Key of the list in the body. */
  readonly name: string;
  /** Below `/v1/`. */
  readonly url: string;
  readonly table: FieldTable<Row>;
  readonly key?: 'uuid' | 'hostname';
  pathOf(row: Row): string;
}

export function showList<Row extends object>(
  call: Call,
  collection: Collection<Row>,
  rows: readonly Row[],
  page: Page,
  only: readonly string[] | undefined,
): Shown {
  const { name, url, table, pathOf, key = 'uuid' } = collection;
  const body: Shown = { [name]: rows.map((row) => show(table, row, call, pathOf(row), only)) };
  if (rows.length > 0 && rows.length === page.limit) {
    const kept = Object.entries(call.query).filter(([argument]) => argument !== 'limit' && argument !== 'marker');
    const query = new URLSearchParams([...kept, ['limit', String(page.limit)], ['marker', String((rows.at(-1) as Shown)[key])]]);
    body['next'] = `${call.base}/v1/${url}?${query.toString()}`;
  }
  return body;
}
