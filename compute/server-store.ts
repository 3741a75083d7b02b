import { sql, type RawBuilder } from 'kysely';
import { badRequest, notFound } from './compute-error.ts';
import { isUuid, type Db, type Trx } from './placement-provider-service.ts';
import type { StatusCondition } from './server-machine.ts';
import type { ServerRecord, ShownServer } from './server-record.ts';

/** Rows of servers, seen with what their machines and ports say (views of migration 0021). */
export const noServer = (uuid: string) => notFound(`Instance ${uuid} could not be found.`);

const SHOWN = sql`s.*,
  coalesce((select json_agg(json_build_object('network', a.network, 'address', a.address, 'version', a.version, 'mac', a.mac,
    'floating', a.floating) order by a.port_created_at, a.port_id, a.position) from server_address a where a.device_id = s.uuid::text), '[]') as addresses,
  array(select distinct g.name from network_port p join network_port_security_group pg on pg.port_id = p.id
    join network_security_group g on g.id = pg.security_group_id where p.device_id = s.uuid::text order by g.name) as security_groups,
  coalesce((select case when not m.up then 'DOWN' when m.disabled then 'MAINTENANCE' else 'UP' end
    from compute_machine m where m.uuid = s.node_uuid), '') as host_status`;

/** Which servers an actor may know of; undefined: of all projects. */
export type ServerEyes = string | null | undefined;
const seenBy = (project: ServerEyes) => (project === undefined ? sql`true` : sql`s.project_id = ${project ?? ''}`);

/** @throws ComputeError 404, also for what is not the project's, and for a deleted one */
export async function readServer(db: Db, uuid: string, project: ServerEyes, options: { deletedToo?: boolean } = {}): Promise<ShownServer> {
  const alive = options.deletedToo ? sql`true` : sql`s.deleted_at is null`;
  const found = isUuid(uuid)
    ? await sql<ShownServer>`select ${SHOWN} from server_seen s where s.uuid = ${uuid} and ${seenBy(project)} and ${alive}`.execute(db)
    : { rows: [] };
  if (found.rows[0] === undefined) throw noServer(uuid);
  return found.rows[0];
}

/** Nobody else changes it until the end of the transaction. @throws ComputeError 404 */
export async function lockServer(trx: Trx, uuid: string): Promise<ServerRecord> {
  await sql`select uuid from server where uuid = ${uuid} and deleted_at is null for update`.execute(trx);
  const { rows } = await sql<ServerRecord>`select s.* from server_seen s where s.uuid = ${uuid} and s.deleted_at is null`.execute(trx);
  if (rows[0] === undefined) throw noServer(uuid);
  return rows[0];
}

export interface ServerFilters {
  readonly project: ServerEyes;
  readonly deleted: boolean | undefined;
  readonly statuses: readonly StatusCondition[] | undefined;
  readonly changesSince: Date | undefined;
  readonly changesBefore: Date | undefined;
  /** Column → exact values, any of them. */
  readonly equal: ReadonlyMap<ServerColumn, readonly string[]>;
  readonly name: string | undefined;
  readonly ip: string | undefined;
  readonly ip6: string | undefined;
  readonly flavor: string | undefined;
  readonly tags: {
    readonly all: readonly string[];
    readonly any: readonly string[];
    readonly notAll: readonly string[];
    readonly notAny: readonly string[];
  };
  readonly locked: boolean | undefined;
}

/** Filter and sort names of the API → what they compare. */
const COLUMNS = {
  access_ip_v4: sql`s.access_ip_v4`,
  access_ip_v6: sql`s.access_ip_v6`,
  auto_disk_config: sql`(s.disk_config = 'AUTO')`,
  availability_zone: sql`coalesce(s.zone, s.zone_asked, '')`,
  config_drive: sql`s.config_drive`,
  created_at: sql`s.created_at`,
  display_description: sql`coalesce(s.description, '')`,
  display_name: sql`s.name`,
  host: sql`coalesce(s.host, '')`,
  hostname: sql`s.hostname`,
  image_ref: sql`coalesce(s.image_id::text, '')`,
  instance_type_id: sql`s.flavor ->> 'id'`,
  kernel_id: sql`''::text`,
  key_name: sql`coalesce(s.key_name, '')`,
  launch_index: sql`s.launch_index`,
  launched_at: sql`coalesce(s.launched_at, 'epoch')`,
  locked: sql`(s.locked_by is not null)`,
  locked_by: sql`coalesce(s.locked_by, '')`,
  node: sql`coalesce(s.host, '')`,
  power_state: sql`s.power`,
  progress: sql`0`,
  project_id: sql`s.project_id`,
  ramdisk_id: sql`''::text`,
  reservation_id: sql`s.reservation_id`,
  root_device_name: sql`''::text`,
  task_state: sql`coalesce(s.task, '')`,
  terminated_at: sql`coalesce(s.terminated_at, 'epoch')`,
  updated_at: sql`s.updated_at`,
  user_id: sql`s.user_id`,
  uuid: sql`s.uuid`,
  vm_state: sql`s.vm_state`,
} satisfies Readonly<Record<string, RawBuilder<unknown>>>;
export type ServerColumn = keyof typeof COLUMNS;
export const isServerColumn = (name: string): name is ServerColumn => Object.hasOwn(COLUMNS, name);

function statusCondition({ state, tasks, notTasks = [] }: StatusCondition): RawBuilder<unknown> {
  const ofTask = tasks === undefined ? sql`coalesce(s.task, '') <> all(${notTasks}::text[])` : sql`s.task = any(${tasks}::text[])`;
  return sql`(s.vm_state = ${state} and ${ofTask})`;
}

const addressLike = (pattern: string, version: 4 | 6) =>
  sql`exists (select from server_address a where a.device_id = s.uuid::text and a.version = ${version} and a.address ~ ${pattern})`;

function conditionsOf(filters: ServerFilters): RawBuilder<unknown>[] {
  const { statuses, changesSince, changesBefore, tags } = filters;
  const either = (parts: readonly RawBuilder<unknown>[]) => (parts.length === 0 ? sql`false` : sql`(${sql.join(parts, sql` or `)})`);
  return [
    seenBy(filters.project),
    ...(filters.deleted === undefined ? [] : [filters.deleted ? sql`s.deleted_at is not null` : sql`s.deleted_at is null`]),
    ...(statuses === undefined ? [] : [either(statuses.map(statusCondition))]),
    ...(changesSince === undefined ? [] : [sql`s.updated_at >= ${changesSince}`]),
    ...(changesBefore === undefined ? [] : [sql`s.updated_at <= ${changesBefore}`]),
    ...[...filters.equal].map(([column, values]) => sql`(${COLUMNS[column]})::text = any(${values}::text[])`),
    ...(filters.name === undefined ? [] : [sql`s.name ~ ${filters.name}`]),
    ...(filters.ip === undefined ? [] : [addressLike(filters.ip, 4)]),
    ...(filters.ip6 === undefined ? [] : [addressLike(filters.ip6, 6)]),
    ...(filters.flavor === undefined ? [] : [sql`s.flavor ->> 'id' = ${filters.flavor}`]),
    ...(filters.locked === undefined ? [] : [sql`(s.locked_by is not null) = ${filters.locked}`]),
    ...(tags.all.length === 0 ? [] : [sql`s.tags ?& ${tags.all}::text[]`]),
    ...(tags.any.length === 0 ? [] : [sql`s.tags ?| ${tags.any}::text[]`]),
    ...(tags.notAll.length === 0 ? [] : [sql`not s.tags ?& ${tags.notAll}::text[]`]),
    ...(tags.notAny.length === 0 ? [] : [sql`not s.tags ?| ${tags.notAny}::text[]`]),
  ];
}

export interface ServerOrder {
  readonly column: ServerColumn;
  readonly descending: boolean;
}

/** Behind the marker in this order: later in the first key, or equal there and later in the next, and so on. */
function behind(orders: readonly (readonly [RawBuilder<unknown>, descending: boolean])[], marker: string): RawBuilder<unknown> {
  const there = (of: RawBuilder<unknown>) => sql`(select ${of} from server_seen s where s.uuid = ${marker})`;
  const parts = orders.map(([column, descending], at) => {
    const equal = orders.slice(0, at).map(([before]) => sql`${before} = ${there(before)}`);
    return sql`(${sql.join([...equal, sql`${column} ${sql.raw(descending ? '<' : '>')} ${there(column)}`], sql` and `)})`;
  });
  return sql`(${sql.join(parts, sql` or `)})`;
}

/** @throws ComputeError 400 for a marker that is not there */
export async function listServers(
  db: Db,
  filters: ServerFilters,
  page: { readonly limit: number; readonly marker: string | undefined; readonly order: readonly ServerOrder[] },
): Promise<ShownServer[]> {
  const last = page.order.at(-1)?.descending ?? true;
  const orders: (readonly [RawBuilder<unknown>, boolean])[] = [
    ...page.order.map(({ column, descending }) => [COLUMNS[column], descending] as const),
    [sql`s.seq`, last],
  ];
  const conditions = conditionsOf(filters);
  if (page.marker !== undefined) {
    await readServer(db, page.marker, filters.project, { deletedToo: true }).catch(() => {
      throw badRequest(`marker [${page.marker}] not found`);
    });
    conditions.push(behind(orders, page.marker));
  }
  const order = orders.map(([column, descending]) => sql`${column} ${sql.raw(descending ? 'desc' : 'asc')}`);
  const { rows } = await sql<ShownServer>`
    select ${SHOWN} from server_seen s where ${sql.join(conditions, sql` and `)} order by ${sql.join(order)} limit ${page.limit}`.execute(
    db,
  );
  return rows;
}

/** Host's UUID → its servers. */
export async function serversOn(
  db: Db,
  hosts: readonly string[],
): Promise<ReadonlyMap<string, readonly { readonly uuid: string; readonly name: string }[]>> {
  const { rows } = await sql<{ node: string; uuid: string; name: string }>`
    select node_uuid as node, uuid, name from server where node_uuid = any(${hosts}::uuid[]) and deleted_at is null order by seq`.execute(
    db,
  );
  return new Map([...Map.groupBy(rows, ({ node }) => node)].map(([node, own]) => [node, own.map(({ uuid, name }) => ({ uuid, name }))]));
}

/** Where those of a project are that others want to be with, or not. */
export async function hostsOfServers(db: Db, projectId: string, uuids: readonly string[]): Promise<string[]> {
  const { rows } = await sql<{ host: string }>`
    select host from server where deleted_at is null and host is not null and project_id = ${projectId}
      and uuid::text = any(${uuids}::text[])`.execute(db);
  return rows.map(({ host }) => host);
}
