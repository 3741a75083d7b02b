import { INTERFACE_KINDS } from './driver-table.ts';
import { sql } from 'kysely';
import type { WaitingFor } from '../core/database/schema-types.ts';
import type { Db, NodeRecord } from './node-record.ts';
import { selectPage, type Condition, type Page, type PageSource } from './row-page.ts';

/*
 * Nodes as the API shows them: a row with its traits, its allocation and the flow that holds it, in one query for any
 * number of nodes. Sealed columns stay in the database: a config drive alone can have megabytes.
 */
export type NodeDetail = Omit<NodeRecord, 'driver_secrets' | 'configdrive' | 'agent_token_hash' | 'boot_detail'> & {
  readonly has_configdrive: boolean;
  readonly traits: readonly string[];
  readonly allocation_uuid: string | null;
  readonly flow_kind: string | null;
  readonly waiting_for: WaitingFor | null;
  readonly pool: string;
  readonly zone: string;
  readonly tags: readonly string[];
};

/** What `GET /v1/nodes` shows without `detail`, and what decides who may see it. */
export type NodeBrief = Pick<
  NodeRecord,
  'uuid' | 'seq' | 'name' | 'instance_uuid' | 'power_state' | 'provision_state' | 'maintenance' | 'owner' | 'lessee'
>;

const columns = sql.raw(
  `uuid seq name driver provision_state target_provision_state provision_updated_at power_state target_power_state maintenance
  maintenance_reason fault last_error driver_info properties instance_info instance_uuid extra resource_class description owner
  boot_kind boot_reason agent_seen_at agent_version system_uuid serials chassis_uuid conductor_group interfaces automated_clean
  protected protected_reason retired retired_reason lessee network_data boot_mode secure_boot shard parent_node raid_config
  target_raid_config clean_step deploy_step service_step console_enabled inspection_started_at inspection_finished_at
  driver_internal_info created_at updated_at pool_uuid zone_uuid`
    .split(/\s+/)
    .map((name) => `n.${name}`)
    .join(', '),
);

const detail: PageSource = {
  alias: 'n',
  table: 'node',
  select: sql`
    select ${columns}, n.configdrive is not null as has_configdrive, a.uuid as allocation_uuid, f.kind as flow_kind, f.waiting_for,
      array(select t.trait from node_trait t where t.node_uuid = n.uuid order by t.trait) as traits,
      (select name from pool where pool.uuid = n.pool_uuid) as pool, (select name from zone where zone.uuid = n.zone_uuid) as zone,
      array(select t.name from node_tag g join machine_tag t on t.uuid = g.tag_uuid where g.node_uuid = n.uuid order by t.name) as tags
    from node n left join allocation a on a.node_uuid = n.uuid
      left join flow f on f.lock_key = 'node:' || n.uuid and f.status in ('running', 'unwinding')`,
  columns: {
    reservation: 'f.kind',
    allocation_uuid: 'a.uuid',
    ...Object.fromEntries(INTERFACE_KINDS.map((kind) => [`${kind}_interface`, `(n.interfaces ->> '${kind}')`])),
  },
};

const brief: PageSource = {
  ...detail,
  select: sql`select n.uuid, n.seq, n.name, n.instance_uuid, n.power_state, n.provision_state, n.maintenance, n.owner, n.lessee from node n`,
};

export const listNodeDetails = (db: Db, conditions: readonly Condition[], page: Page) =>
  selectPage<NodeDetail>(db, detail, conditions, page);

/** Only for sort keys that are the node's own columns. */
export const listNodeBriefs = (db: Db, conditions: readonly Condition[], page: Page) => selectPage<NodeBrief>(db, brief, conditions, page);

export async function findNodeDetail(db: Db, ident: { readonly uuid?: string; readonly name?: string }): Promise<NodeDetail | undefined> {
  const which = ident.uuid === undefined ? sql`n.name = ${ident.name}` : sql`n.uuid = ${ident.uuid}`;
  return (await listNodeDetails(db, [which], { limit: 1, descending: false }))[0];
}

/** What decides who may do what with a node, and from where it starts: enough for verbs. */
export async function findNodeBrief(db: Db, ident: { readonly uuid?: string; readonly name?: string }): Promise<NodeBrief | undefined> {
  const which = ident.uuid === undefined ? sql`n.name = ${ident.name}` : sql`n.uuid = ${ident.uuid}`;
  return (await listNodeBriefs(db, [which], { limit: 1, descending: false }))[0];
}

const nothingYet = { traits: [], allocation_uuid: null, flow_kind: null, waiting_for: null, pool: 'default', zone: 'default', tags: [] };
/** A node that was made just now. */
export const detailOfNew = (node: NodeRecord): NodeDetail => {
  const { driver_secrets: _secrets, configdrive, agent_token_hash: _token, boot_detail: _boot, ...shown } = node;
  return { ...shown, has_configdrive: configdrive !== null, ...nothingYet };
};

/** The filters of the list of nodes, each as a condition on `n`. */
export const nodeFilters = {
  equals: (column: string, value: unknown): Condition => sql`${sql.ref(`n.${column}`)} = ${value}`,
  associated: (wanted: boolean): Condition => (wanted ? sql`n.instance_uuid is not null` : sql`n.instance_uuid is null`),
  ofProject: (project: string): Condition => sql`(n.owner = ${project} or n.lessee = ${project})`,
  describes: (text: string): Condition => sql`position(lower(${text}) in lower(coalesce(n.description, ''))) > 0`,
  shards: (shards: readonly string[]): Condition => sql`n.shard = any(${shards}::text[])`,
  sharded: (wanted: boolean): Condition => (wanted ? sql`n.shard is not null` : sql`n.shard is null`),
  inGroup: (group: 'pool' | 'zone', name: string): Condition =>
    sql`n.${sql.ref(`${group}_uuid`)} = (select uuid from ${sql.table(group)} where name = ${name})`,
  tagged: (tags: readonly string[]): Condition =>
    sql`(select count(*) from node_tag g join machine_tag t on t.uuid = g.tag_uuid
      where g.node_uuid = n.uuid and t.name = any(${tags}::text[])) = ${new Set(tags).size}`,
  topLevel: (): Condition => sql`n.parent_node is null`,
  none: (): Condition => sql`false`,
};
