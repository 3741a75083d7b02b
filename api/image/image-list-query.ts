import {
  EQUAL_COLUMNS,
  SORT_COLUMNS,
  type EqualColumn,
  type ImageFilter,
  type ImagePage,
  type SortColumn,
} from '../../images/image-service.ts';
import { Refusal } from '../service-plugin.ts';
import { VISIBILITIES } from './image-attributes.ts';

/** The query of `GET /v2/images`: filters, order and page (api-ref "List images"). */
const LIMIT_DEFAULT = 25;
const LIMIT_MAX = 1000;
const RESERVED = new Set([
  'limit',
  'marker',
  'sort',
  'sort_key',
  'sort_dir',
  'visibility',
  'member_status',
  'tag',
  'size_min',
  'size_max',
  'os_hidden',
  'created_at',
  'updated_at',
]);
const OPERATORS = { gt: '>', gte: '>=', lt: '<', lte: '<=', eq: '=', neq: '!=' } as const;
const MEMBER_STATUSES = ['pending', 'accepted', 'rejected', 'all'];
const MANY_VALUES: readonly string[] = ['name', 'id', 'status', 'container_format', 'disk_format'];

const bad = (message: string) => new Refusal(400, message);

/** @throws Refusal 400 */
export function readFilter(query: URLSearchParams, projectId: string | null | undefined): ImageFilter {
  const equal: Partial<Record<EqualColumn, readonly string[]>> = {};
  const properties: Record<string, string> = {};
  for (const [name, value] of query) {
    if (RESERVED.has(name)) continue;
    if (name === 'changes-since') throw bad('The "changes-since" filter is no longer available on v2.');
    if ((EQUAL_COLUMNS as readonly string[]).includes(name)) equal[name as EqualColumn] = readValues(name, value);
    else properties[name] = value;
  }
  const visibility = query.get('visibility') ?? undefined;
  if (visibility !== undefined && visibility !== 'all' && !(VISIBILITIES as readonly string[]).includes(visibility))
    throw bad(`Invalid visibility value: ${visibility}`);
  const memberStatus = query.get('member_status') ?? 'accepted';
  if (!MEMBER_STATUSES.includes(memberStatus)) throw bad(`Invalid status: ${memberStatus}`);
  return {
    projectId,
    visibility: visibility as ImageFilter['visibility'],
    memberStatus,
    isHidden: readFlag(query.get('os_hidden') ?? 'false', 'os_hidden'),
    tags: query.getAll('tag'),
    equal,
    sizeMin: readSize(query, 'size_min'),
    sizeMax: readSize(query, 'size_max'),
    times: (['created_at', 'updated_at'] as const).flatMap((column) =>
      query.getAll(column).map((value) => ({ column, ...readTime(value) })),
    ),
    properties,
  };
}

function readValues(name: string, value: string): string[] {
  if (name === 'protected') return [String(readFlag(value, name))];
  if ((name === 'min_disk' || name === 'min_ram' || name === 'size') && !/^\d{1,15}$/.test(value))
    throw bad(`Bad value passed to filter ${name}: ${value} is not a number`);
  if (!value.startsWith('in:') || !MANY_VALUES.includes(name)) return [value];
  const rest = value.slice(3);
  const parts = [...rest.matchAll(/"([^"]*)"|([^,"]+)/g)].map((match) => match[1] ?? match[2]!);
  if (rest === '' || (rest.match(/"/g)?.length ?? 0) % 2 === 1)
    throw bad(`Invalid filter value ${value}. The quote is not closed, or there is none.`);
  return parts;
}

function readFlag(value: string, name: string): boolean {
  if (!/^(true|false)$/i.test(value))
    throw bad(`Invalid value '${value}' for '${name}' filter. Valid values are case insensitive 'true' or 'false'.`);
  return /^true$/i.test(value);
}

function readSize(query: URLSearchParams, name: string): number | undefined {
  const value = query.get(name);
  if (value === null) return undefined;
  if (!/^\d{1,15}$/.test(value)) throw bad(`Bad value passed to filter ${name}: ${value} is not a number of bytes`);
  return Number(value);
}

function readTime(value: string): { operator: '>' | '>=' | '<' | '<=' | '=' | '!='; at: Date } {
  const match = /^(?:(gte?|lte?|n?eq):)?(.+)$/.exec(value);
  const at = new Date(match?.[2] ?? '');
  if (match === null || Number.isNaN(at.getTime())) throw bad(`Bad "${value}" query filter: it is not OPERATOR:TIME with an ISO 8601 time`);
  return { operator: OPERATORS[(match[1] ?? 'eq') as keyof typeof OPERATORS], at };
}

/** @throws Refusal 400 */
export function readPage(query: URLSearchParams): ImagePage {
  const limit = query.get('limit');
  if (limit !== null && !/^\d{1,9}$/.test(limit)) throw bad('limit param must be an integer');
  return {
    sort: readSort(query),
    limit: limit === null ? LIMIT_DEFAULT : Math.min(Number(limit), LIMIT_MAX),
    marker: query.get('marker') ?? undefined,
  };
}

function readSort(query: URLSearchParams): ImagePage['sort'] {
  const both = query.get('sort');
  const keys = query.getAll('sort_key');
  const directions = query.getAll('sort_dir');
  if (both !== null && keys.length + directions.length > 0) throw bad('Old and new sorting syntax cannot be combined');
  for (const direction of directions) requireDirection(direction);
  if (directions.length > 1 && directions.length !== keys.length) throw bad('Number of sort dirs does not match the number of sort keys');
  const pairs =
    both === null
      ? keys.map((key, at) => [key, directions[at] ?? directions[0] ?? 'desc'])
      : both.split(',').map((part) => {
          const [key = '', direction = 'desc'] = part.trim().split(':');
          return [key, direction];
        });
  const sort = pairs.map(([key, direction]) => {
    if (!(SORT_COLUMNS as readonly string[]).includes(key!))
      throw bad(`Invalid sort key: ${key}. It must be one of the following: ${SORT_COLUMNS.join(', ')}.`);
    requireDirection(direction!);
    return { column: key as SortColumn, descending: direction === 'desc' };
  });
  if (sort.length > 0) return sort;
  return [{ column: 'created_at', descending: (directions[0] ?? 'desc') === 'desc' }];
}

function requireDirection(direction: string): void {
  if (direction !== 'asc' && direction !== 'desc')
    throw bad(`Invalid sort direction: ${direction}. It must be one of the following: asc, desc.`);
}

/** The same query for the page behind this marker. */
export function nextPage(path: string, query: URLSearchParams, marker: string): string {
  const next = new URLSearchParams(query);
  next.set('marker', marker);
  return `${path}?${next}`;
}

export function firstPage(path: string, query: URLSearchParams): string {
  const first = new URLSearchParams(query);
  first.delete('marker');
  return first.size === 0 ? path : `${path}?${first}`;
}
