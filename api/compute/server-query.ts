import { conditionsOf, type StatusCondition } from '../../compute/server-machine.ts';
import { isServerColumn, type ServerColumn, type ServerFilters, type ServerOrder } from '../../compute/server-store.ts';
import { Refusal } from '../service-plugin.ts';
import type { ComputeCall } from './compute-context.ts';

/** The query of a list of servers (api-ref "List Servers"): who is no administrator may use some filters; others do nothing. */
const EVERYBODY = ['reservation_id', 'name', 'status', 'image', 'flavor', 'ip', 'changes-since', 'all_tenants'];
const EVERYBODY_SINCE: readonly (readonly [minor: number, names: readonly string[]])[] = [
  [5, ['ip6']],
  [26, ['tags', 'tags-any', 'not-tags', 'not-tags-any']],
  [66, ['changes-before']],
  [73, ['locked']],
  [
    83,
    [
      'availability_zone',
      'config_drive',
      'key_name',
      'created_at',
      'launched_at',
      'terminated_at',
      'power_state',
      'task_state',
      'vm_state',
      'progress',
      'user_id',
    ],
  ],
];
const ADMIN = [
  'access_ip_v4',
  'access_ip_v6',
  'auto_disk_config',
  'availability_zone',
  'config_drive',
  'created_at',
  'deleted',
  'description',
  'display_description',
  'display_name',
  'host',
  'hostname',
  'image_ref',
  'ip6',
  'kernel_id',
  'key_name',
  'launch_index',
  'launched_at',
  'locked_by',
  'node',
  'power_state',
  'progress',
  'project_id',
  'ramdisk_id',
  'root_device_name',
  'task_state',
  'tenant_id',
  'terminated_at',
  'user_id',
  'uuid',
  'vm_state',
];
const PAGING = ['limit', 'marker', 'sort_key', 'sort_dir'];
export const SERVER_QUERY: readonly string[] = [
  ...new Set([...PAGING, ...EVERYBODY, ...EVERYBODY_SINCE.flatMap(([, names]) => names), ...ADMIN, 'soft_deleted']),
];

const STRICT_SINCE = 75;
/** Names of filters → columns that they compare. */
const EQUAL: Readonly<Record<string, ServerColumn>> = {
  image: 'image_ref',
  description: 'display_description',
  ...Object.fromEntries(ADMIN.filter(isServerColumn).map((name) => [name, name] as const)),
  reservation_id: 'reservation_id',
};

export interface AskedServers {
  readonly filters: ServerFilters;
  readonly order: readonly ServerOrder[];
  /** Nothing can be found. */
  readonly nothing: boolean;
}

const bad = (name: string, value: string, why: string) =>
  new Refusal(400, `Invalid input for query parameters ${name}. Value: ${value.slice(0, 60)}. ${why}`);

export function readServerQuery(call: ComputeCall): AskedServers {
  requireKnown(call);
  const isAdmin = call.allows('os_compute_api:servers:allow_all_filters');
  const usable = new Set([
    ...EVERYBODY,
    ...EVERYBODY_SINCE.flatMap(([minor, names]) => (call.minor >= minor ? names : [])),
    ...(isAdmin ? ADMIN : []),
  ]);
  const all = (name: string) => (usable.has(name) ? call.query.getAll(name).filter((value) => value !== '') : []);
  const one = (name: string) => all(name).at(-1);
  const statuses = readStatuses(call, all('status'));
  const changesSince = readTime('changes-since', one('changes-since'));
  const changesBefore = readTime('changes-before', one('changes-before'));
  if (changesSince !== undefined && changesBefore !== undefined && changesBefore < changesSince)
    throw new Refusal(400, 'The value of changes-since must be less than or equal to changes-before.');
  const deleted = one('deleted') ?? (isAdmin ? call.query.get('soft_deleted') : null) ?? undefined;
  const equal = new Map(
    Object.entries(EQUAL).flatMap(([name, column]) => {
      const values = name === 'project_id' ? [] : all(name);
      return values.length === 0 ? [] : [[column, values.map((value) => exact(column, value))] as const];
    }),
  );
  const list = (name: string) => [...new Set((one(name) ?? '').split(',').filter((tag) => tag !== ''))];
  const locked = one('locked');
  return {
    filters: {
      project: projectAsked(call, isAdmin),
      deleted: readDeleted(deleted, statuses, changesSince ?? changesBefore),
      statuses,
      changesSince,
      changesBefore,
      equal,
      name: one('name'),
      ip: one('ip'),
      ip6: one('ip6'),
      flavor: one('flavor'),
      tags: { all: list('tags'), any: list('tags-any'), notAll: list('not-tags'), notAny: list('not-tags-any') },
      locked: locked === undefined ? undefined : readTruth('locked', locked),
    },
    order: readOrder(call, isAdmin),
    nothing: statuses !== undefined && statuses.length === 0,
  };
}

function requireKnown({ query, minor }: ComputeCall): void {
  if (minor < STRICT_SINCE) return;
  const unknown = [...query.keys()].find((name) => !SERVER_QUERY.includes(name));
  if (unknown !== undefined)
    throw new Refusal(
      400,
      `Invalid input for query parameters. Additional properties are not allowed ('${unknown.slice(0, 60)}' was unexpected)`,
    );
}

/** As the column is written. */
const exact = (column: ServerColumn, value: string) =>
  column === 'config_drive' || column === 'auto_disk_config' ? String(/^(1|true|t|yes|on)$/i.test(value)) : value;

const TRUE = /^(1|t|true|on|y|yes)$/i;
const FALSE = /^(0|f|false|off|n|no)$/i;
function readTruth(name: string, text: string): boolean {
  if (TRUE.test(text)) return true;
  if (FALSE.test(text)) return false;
  throw bad(name, text, 'It is neither true nor false.');
}

/** @throws Refusal 403 for all projects' servers without the right */
function projectAsked(call: ComputeCall, isAdmin: boolean): string | null | undefined {
  const all = call.query.get('all_tenants');
  const wantsAll = all !== null && (all === '' || readTruth('all_tenants', all));
  if (wantsAll) call.require('os_compute_api:servers:index:get_all_tenants');
  const named = call.query.get('project_id') ?? call.query.get('tenant_id');
  if (isAdmin && named !== null && (wantsAll || call.query.has('project_id'))) return named;
  return wantsAll ? undefined : call.actor.projectId;
}

function readStatuses(call: ComputeCall, texts: readonly string[]): StatusCondition[] | undefined {
  if (texts.length === 0) return undefined;
  const conditions = texts.flatMap((text) => conditionsOf(text.toUpperCase()));
  if (conditions.some(({ state }) => state === 'deleted') && !call.allows('os_compute_api:servers:allow_all_filters'))
    throw new Refusal(403, 'Only administrators may list deleted instances');
  return conditions;
}

/** Deleted ones are in lists of changes, and where they are asked for. */
function readDeleted(
  text: string | undefined,
  statuses: readonly StatusCondition[] | undefined,
  changes: Date | undefined,
): boolean | undefined {
  if (text !== undefined) return readTruth('deleted', text);
  if (statuses?.some(({ state }) => state === 'deleted')) return true;
  return changes === undefined ? false : undefined;
}

/** ISO 8601, in UTC unless it says otherwise. */
export function readTime(name: string, text: string | undefined): Date | undefined {
  if (text === undefined) return undefined;
  const match = /^(\d{4}-\d\d-\d\d)([T ](\d\d:\d\d(:\d\d(\.\d{1,9})?)?))?(Z|[+-]\d\d:?\d\d)?$/.exec(
    text.trim().replace(/ (\d\d:?\d\d)$/, '+$1'),
  );
  const at = match === null ? Number.NaN : Date.parse(`${match[1]}T${match[3] ?? '00:00:00'}${zoneOf(match[6])}`);
  if (Number.isNaN(at)) throw bad(name, text, `'${text.slice(0, 60)}' is not a 'date-time'`);
  return new Date(at);
}
const zoneOf = (text: string | undefined) => (text === undefined || text === 'Z' ? 'Z' : text.replace(/^([+-]\d\d)(\d\d)$/, '$1:$2'));

const ADMIN_ORDER: ReadonlySet<string> = new Set(['host', 'node']);
const NO_ORDER: ReadonlySet<string> = new Set(['reservation_id']);

function readOrder(call: ComputeCall, isAdmin: boolean): ServerOrder[] {
  const keys = call.query.getAll('sort_key').filter((key) => key !== '');
  const directions = call.query.getAll('sort_dir').filter((direction) => direction !== '');
  for (const direction of directions)
    if (direction !== 'asc' && direction !== 'desc') throw bad('sort_dir', direction, 'It is asc or desc.');
  const columns = keys.map((key) => {
    if (!isServerColumn(key) || NO_ORDER.has(key) || (key === 'locked' && call.minor < 73))
      throw bad('sort_key', key, 'There is no such key.');
    if (ADMIN_ORDER.has(key) && !isAdmin) throw new Refusal(403, `Only administrators can sort servers by ${key}`);
    return key;
  });
  const own = columns.length === 0 ? (['created_at'] as const) : columns;
  return own.map((column, at) => ({ column, descending: (directions[at] ?? directions.at(-1) ?? 'desc') === 'desc' }));
}
