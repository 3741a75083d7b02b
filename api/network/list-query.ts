import { isTagFilter, type Sort } from '../../network/resource-service.ts';
import type { Resource } from '../../network/resource.ts';
import { Refusal } from '../service-plugin.ts';

/** The query of a list: filters, fields, order and page, as Neutron reads them. */
export interface AskedList {
  readonly filters: ReadonlyMap<string, readonly string[]>;
  readonly fields: ReadonlySet<string> | undefined;
  readonly sorts: readonly Sort[];
  readonly limit?: number;
  readonly marker?: string;
  readonly reverse: boolean;
}
const NO_FILTERS = new Set(['fields', 'sort_key', 'sort_dir', 'limit', 'marker', 'page_reverse', 'format', 'verbose']);
const LIMIT_MOST = 2 ** 31 - 1;
const refuse = (message: string) => new Refusal(400, message, { type: 'HTTPBadRequest' });

/** @throws Refusal 400 */
export function readListQuery(resource: Resource, query: URLSearchParams): AskedList {
  const limit = readLimit(query.get('limit'));
  const marker = query.get('marker');
  return {
    filters: readFilters(resource, query),
    fields: readFields(query),
    sorts: readSorts(resource, query),
    ...(limit === undefined ? {} : { limit }),
    ...(marker === null || marker === '' ? {} : { marker }),
    reverse: query.get('page_reverse')?.toLowerCase() === 'true',
  };
}

export function readFields(query: URLSearchParams): ReadonlySet<string> | undefined {
  const fields = query
    .getAll('fields')
    .flatMap((each) => each.split(','))
    .filter((each) => each !== '');
  return fields.length === 0 ? undefined : new Set(fields);
}

function readFilters(resource: Resource, query: URLSearchParams): ReadonlyMap<string, readonly string[]> {
  const names = [...new Set(query.keys())].filter((name) => !NO_FILTERS.has(name));
  const invalid = names.filter((name) => !isFilter(resource, name));
  if (invalid.length > 0) throw refuse(`[${invalid.map((name) => `'${name}'`).join(', ')}] is invalid attribute for filtering`);
  return new Map(names.map((name) => [name, query.getAll(name)]));
}

const isFilter = (resource: Resource, name: string): boolean =>
  (isTagFilter(name) && 'tags' in resource.attributes) ||
  Object.hasOwn(resource.filters ?? {}, name) ||
  (Object.hasOwn(resource.attributes, name) && resource.attributes[name]!.filter);

function readSorts(resource: Resource, query: URLSearchParams): Sort[] {
  const keys = query.getAll('sort_key').filter((key) => key !== '');
  const directions = query.getAll('sort_dir').filter((each) => each !== '');
  if (keys.length !== directions.length && directions.length > 0) throw refuse('The number of sort_keys and sort_dirs must be same');
  const invalid = keys.filter((key) => !Object.hasOwn(resource.attributes, key) || !resource.attributes[key]!.sort);
  if (invalid.length > 0) throw refuse(`[${invalid.map((key) => `'${key}'`).join(', ')}] is invalid attribute for sort_keys`);
  if (directions.some((each) => each !== 'asc' && each !== 'desc')) throw refuse("Invalid sort_dir: valid are 'asc' and 'desc'");
  return keys.map((key, at) => ({ key, ascending: directions[at] !== 'desc' }));
}

function readLimit(text: string | null): number | undefined {
  if (text === null || text === '') return undefined;
  const limit = Number(text);
  if (!Number.isInteger(limit) || limit < 0) throw refuse(`Limit must be an integer 0 or greater and not '${text}'`);
  return limit === 0 || limit > LIMIT_MOST ? undefined : limit;
}

export interface PageEnds {
  readonly count: number;
  readonly first: string | null;
  readonly last: string | null;
}

/** Where the pages before and behind this one are. */
export function pageLinks(url: string, asked: AskedList, page: PageEnds): { rel: 'next' | 'previous'; href: string }[] {
  const { limit, reverse } = asked;
  if (limit === undefined) return [];
  const isShort = page.count < limit;
  const at = url.indexOf('?');
  const link = (marker: string | null, back: boolean) => {
    const query = new URLSearchParams(at === -1 ? '' : url.slice(at));
    query.delete('marker');
    query.delete('page_reverse');
    if (marker !== null) query.set('marker', marker);
    if (back) query.set('page_reverse', 'True');
    return `${at === -1 ? url : url.slice(0, at)}?${query.toString()}`;
  };
  return [
    ...(isShort && !reverse ? [] : [{ rel: 'next' as const, href: link(page.last, false) }]),
    ...(isShort && reverse ? [] : [{ rel: 'previous' as const, href: link(page.first, true) }]),
  ];
}
