import { listNodeBriefs, listNodeDetails, nodeFilters, type NodeDetail } from '../../inventory/node-detail-store.ts';
import type { Condition } from '../../inventory/row-page.ts';
import { PROVISION_TRANSITIONS } from '../../inventory/provision-machine.ts';
import { chassisStore } from '../../inventory/baremetal-stores.ts';
import { InventoryError } from '../../inventory/node-record.ts';
import { conductorName } from './api-context.ts';
import { RequestRefused } from './baremetal-error.ts';
import { notAcceptable, type Call } from './baremetal-route.ts';
import { chosenFields } from './field-table.ts';
import { PAGE_QUERY, pageOf, showList } from './listing.ts';
import { listScope, nodeNamed } from './node-access.ts';
import { NODE_FIELDS, NODE_SHORT, NODE_UNSORTABLE, nodePath } from './node-view.ts';
import { short, toBoolean, toList, toUuid } from './query-values.ts';

/** `GET /v1/nodes` and `/v1/nodes/detail`, also below a chassis: filters, each since its version. */
const FILTER_SINCE: Readonly<Record<string, number>> = {
  provision_state: 9,
  driver: 16,
  resource_class: 21,
  fault: 42,
  conductor_group: 46,
  conductor: 49,
  owner: 50,
  lessee: 65,
  shard: 82,
  sharded: 82,
  parent_node: 83,
  include_children: 83,
};
export const NODE_LIST_QUERY = [
  ...PAGE_QUERY,
  ...Object.keys(FILTER_SINCE),
  'chassis_uuid',
  'instance_uuid',
  'associated',
  'maintenance',
  'retired',
  'project',
  'description_contains',
  'also',
  'pool',
  'zone',
  'tags',
];
const PROVISION_STATES: ReadonlySet<string> = new Set(PROVISION_TRANSITIONS.flatMap(({ from, to }) => [from, to]));
const FAULTS = ['power failure', 'clean failure', 'rescue abort failure'];

export async function listNodes(call: Call, kind: 'short' | 'detail', chassisUuid?: string) {
  const project = listScope(call, 'node', call.query['project']);
  const fields = kind === 'detail' ? undefined : chosenFields(call, NODE_FIELDS, NODE_SHORT);
  for (const [name, since] of Object.entries(FILTER_SINCE)) {
    if (call.query[name] !== undefined && call.minor < since) throw new RequestRefused(406, notAcceptable(since));
  }
  const page = pageOf(call, NODE_FIELDS, NODE_UNSORTABLE);
  const conditions = await conditionsOf(call, project, chassisUuid);
  const { db } = call.context.database;
  // The usual list needs no joins: its fields and sort keys are the node's own columns.
  const isBrief =
    fields === NODE_SHORT && call.query['also'] === undefined && (page.sort === undefined || NODE_SHORT.includes(page.sort as never));
  const rows = isBrief
    ? ((await listNodeBriefs(db, conditions, page)) as unknown as NodeDetail[])
    : await listNodeDetails(db, conditions, page);
  const url = chassisUuid !== undefined ? `chassis/${chassisUuid}/nodes` : kind === 'detail' ? 'nodes/detail' : 'nodes';
  return showList(call, { name: 'nodes', url, table: NODE_FIELDS, pathOf: nodePath }, rows, page, fields);
}

async function conditionsOf(call: Call, project: string | undefined, chassisUuid: string | undefined): Promise<Condition[]> {
  const { query } = call;
  const conditions: Condition[] = [];
  const add = <Value>(value: Value | undefined, make: (value: Value) => Condition) =>
    void (value !== undefined && conditions.push(make(value)));
  const equals = (column: string) => (value: unknown) => nodeFilters.equals(column, value);
  add(project, nodeFilters.ofProject);
  const chassis = chassisUuid ?? toUuid('chassis_uuid', query['chassis_uuid']);
  if (chassis !== undefined && (await chassisStore.find(call.context.database.db, { uuid: chassis })) === undefined)
    throw new InventoryError(404, `Chassis ${chassis} could not be found.`);
  add(chassis, equals('chassis_uuid'));
  add(toUuid('instance_uuid', query['instance_uuid']), equals('instance_uuid'));
  add(toBoolean('associated', query['associated']), nodeFilters.associated);
  add(toBoolean('maintenance', query['maintenance']), equals('maintenance'));
  add(toBoolean('retired', query['retired']), equals('retired'));
  add(provisionState(query['provision_state']), equals('provision_state'));
  add(fault(query['fault']), equals('fault'));
  for (const column of ['driver', 'resource_class', 'owner', 'lessee'] as const) add(query[column], equals(column));
  add(query['conductor_group']?.toLowerCase(), equals('conductor_group'));
  if (query['conductor'] !== undefined && query['conductor'] !== conductorName) conditions.push(nodeFilters.none());
  add(query['description_contains'], nodeFilters.describes);
  for (const group of ['pool', 'zone'] as const) add(query[group], (name) => nodeFilters.inGroup(group, name));
  add(toList(query['tags']), nodeFilters.tagged);
  add(
    query['shard']?.split(',').map((shard) => shard.trim()),
    nodeFilters.shards,
  );
  add(toBoolean('sharded', query['sharded']), nodeFilters.sharded);
  if (query['parent_node'] !== undefined)
    conditions.push(nodeFilters.equals('parent_node', (await nodeNamed(call, query['parent_node'])).uuid));
  else if (toBoolean('include_children', query['include_children']) !== true) conditions.push(nodeFilters.topLevel());
  return conditions;
}

function provisionState(state: string | undefined): string | undefined {
  if (state !== undefined && !PROVISION_STATES.has(state)) throw new RequestRefused(400, `Provision state "${short(state)}" is not valid`);
  return state;
}

function fault(word: string | undefined): string | undefined {
  if (word !== undefined && !FAULTS.includes(word))
    throw new RequestRefused(400, `Unrecognized fault "${short(word)}" is specified, allowed faults are ${FAULTS.join(', ')}`);
  return word;
}
