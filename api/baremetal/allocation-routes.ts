import { z } from 'zod';
import type { JsonObject } from '../../core/base/json.ts';
import { backfillAllocation, createAllocation, destroyAllocation, type AllocationDraft } from '../../inventory/allocation-service.ts';
import { allocationStore, type Allocation } from '../../inventory/baremetal-stores.ts';
import type { Condition } from '../../inventory/row-page.ts';
import { equals, ofNode } from '../../inventory/row-conditions.ts';
import { InventoryError } from '../../inventory/node-record.ts';
import { RequestRefused } from './baremetal-error.ts';
import type { PolicyTarget } from './baremetal-policy.ts';
import { created, noContent, notAcceptable, ok, type Answer, type BaremetalRoute, type Call } from './baremetal-route.ts';
import { jsonOrNone, text, textOrNone, trait, uuid } from './body-shapes.ts';
import { chosenFields, requireFields, show, time, type FieldTable } from './field-table.ts';
import { applyPatch, patchBody, patchValues, requirePatchable, type PatchOperation } from './json-patch.ts';
import { PAGE_QUERY, pageOf, showList } from './listing.ts';
import { whileLocked } from './locked-retry.ts';
import { groupNamed } from './machine-group-routes.ts';
import { listScope, nodeFor, nodeNamed } from './node-access.ts';
import { isLogicalName, short, toIdent, toList } from './query-values.ts';

/** Allocations, since 1.52: a node is chosen and reserved before the answer goes out. */
const fields: FieldTable<Allocation> = {
  uuid: {},
  created_at: time('created_at'),
  updated_at: time('updated_at'),
  candidate_nodes: {},
  extra: {},
  last_error: {},
  name: {},
  node_uuid: {},
  owner: { since: 60 },
  resource_class: {},
  state: {},
  traits: {},
};
const UNSORTABLE = ['extra', 'candidate_nodes', 'traits'];
const collection = {
  name: 'allocations',
  url: 'allocations',
  table: fields,
  pathOf: (row: Allocation) => `allocations/${row.uuid}`,
};
const path = ({ uuid: id }: Allocation) => `allocations/${id}`;
const targetOf = (row: { readonly owner: string | null }): PolicyTarget => ({ 'allocation.owner': row.owner });

const CANDIDATES_MAX = 1000;
const RESOURCE_CLASS_LENGTH_MAX = 80;
const createBody = z.strictObject({
  candidate_nodes: z
    .array(text())
    .max(CANDIDATES_MAX)
    .nullish()
    .transform((list) => list ?? []),
  extra: jsonOrNone,
  name: textOrNone(),
  node: textOrNone(),
  owner: textOrNone(),
  resource_class: textOrNone(RESOURCE_CLASS_LENGTH_MAX),
  traits: z
    .array(trait)
    .nullish()
    .transform((list) => list ?? []),
  uuid: uuid.nullish(),
  // Ours: machines of this pool and this zone only.
  pool: textOrNone(),
  zone: textOrNone(),
});

async function create(call: Call): Promise<Answer> {
  const body = createBody.parse(call.body ?? {});
  const owner = authorizeCreate(call, body.owner);
  requireName(call, body.name, 'create');
  if (body.node !== null && call.minor < 58)
    throw new RequestRefused(400, 'Cannot set node when creating an allocation in this API version');
  const node = body.node === null ? undefined : await nodeNamed(call, body.node);
  const resourceClass = body.resource_class ?? node?.resource_class ?? null;
  if (resourceClass === null && node === undefined)
    throw new RequestRefused(400, 'The resource_class field is mandatory when not backfilling');
  const candidates = await Promise.all(body.candidate_nodes.map(async (word) => (await nodeNamed(call, word)).uuid));
  const draft: AllocationDraft = {
    name: body.name,
    resource_class: resourceClass,
    traits: body.traits,
    candidate_nodes: candidates,
    owner,
    extra: body.extra,
    pool_uuid: await groupNamed(call, 'pool', body.pool),
    zone_uuid: await groupNamed(call, 'zone', body.zone),
    ...(body.uuid == null ? {} : { uuid: body.uuid }),
  };
  const { db } = call.context.database;
  const allocation = await db
    .transaction()
    .execute((trx) => (node === undefined ? createAllocation(trx, draft) : backfillAllocation(trx, draft, node.uuid)));
  // The answer is of the moment before the choice: clients wait for it to become active, as with Ironic.
  const asked: Allocation =
    node === undefined ? { ...allocation, state: 'allocating', node_uuid: null, last_error: null, updated_at: null as never } : allocation;
  return created(show(fields, asked, call, path(asked)), `${call.base}/v1/${path(asked)}`);
}

/** The owner that it will have. @throws 403, 406 */
function authorizeCreate(call: Call, asked: string | null): string | null {
  call.require('allocation:create');
  if (asked !== null && call.minor < 60) throw new RequestRefused(406, notAcceptable(60));
  if (call.allows('allocation:create_restricted')) return asked;
  if (asked !== null && asked !== call.actor.projectId) call.require('allocation:create_restricted');
  return call.actor.projectId;
}

function requireName(call: Call, name: string | null, verb: string): void {
  if (name !== null && name !== '' && !isLogicalName(name, call.minor))
    throw new RequestRefused(400, `Cannot ${verb} allocation with invalid name '${short(name)}'`);
}

async function find(call: Call, rule: string): Promise<Allocation> {
  const word = call.params['allocation']!;
  const { db } = call.context.database;
  const row = await allocationStore.find(db, toIdent('allocation', word));
  const missing = new InventoryError(404, `Allocation ${word} could not be found.`);
  if (row === undefined || !call.allows('allocation:get', targetOf(row))) throw missing;
  call.require(rule, targetOf(row));
  return row;
}

async function list(call: Call): Promise<Answer> {
  const { query } = call;
  if (query['owner'] !== undefined && call.minor < 60) throw new RequestRefused(406, notAcceptable(60));
  const owner = listScope(call, 'allocation', query['owner']);
  const conditions: Condition[] = [];
  if (query['node'] !== undefined) conditions.push(ofNode('a', (await nodeNamed(call, query['node'])).uuid));
  for (const name of ['resource_class', 'state'] as const) if (query[name] !== undefined) conditions.push(equals('a', name, query[name]));
  if (owner !== undefined) conditions.push(equals('a', 'owner', owner));
  const only = chosenFields(call, fields, undefined);
  const page = pageOf(call, fields, UNSORTABLE);
  const rows = await allocationStore.list(call.context.database.db, conditions, page);
  return ok(showList(call, collection, rows, page, only));
}

async function showOne(call: Call, row: Allocation): Promise<Answer> {
  const only = toList(call.query['fields']);
  if (only !== undefined) requireFields(call, fields, only);
  return ok(show(fields, row, call, path(row), only));
}

const PATCHABLE = ['name', 'extra'];

async function patch(call: Call): Promise<Answer> {
  const found = await find(call, 'allocation:update');
  const operations = patchBody.parse(call.body) as PatchOperation[];
  requirePatchable(operations, PATCHABLE);
  for (const name of patchValues(operations, '/name')) requireName(call, name === null ? null : String(name), 'update');
  const row = await call.context.database.db.transaction().execute(async (trx) => {
    const locked = await allocationStore.lock(trx, found.uuid);
    if (locked === undefined) throw new InventoryError(404, `Allocation ${found.uuid} could not be found.`);
    const document = applyPatch({ name: locked.name, extra: locked.extra as JsonObject }, operations);
    return allocationStore.update(trx, locked.uuid, z.object({ name: textOrNone(), extra: jsonOrNone }).parse(document));
  });
  return ok(show(fields, row, call, path(row)));
}

async function remove(call: Call, row: Allocation): Promise<Answer> {
  await whileLocked(() => call.context.database.db.transaction().execute((trx) => destroyAllocation(trx, row.uuid)));
  return noContent();
}

async function ofItsNode(call: Call, rule: string): Promise<Allocation> {
  const word = call.params['node']!;
  const node = await nodeFor(call, word);
  const row =
    node.allocation_uuid === null ? undefined : await allocationStore.find(call.context.database.db, { uuid: node.allocation_uuid });
  if (row === undefined) throw new InventoryError(404, `Allocation for node ${word} was not found`);
  call.require(rule, targetOf(row));
  return row;
}

const read = { since: 52 } as const;
const write = { since: 52, before: 405 } as const;

export const allocationRoutes: readonly BaremetalRoute[] = [
  {
    method: 'GET',
    path: '/allocations',
    ...read,
    query: [...PAGE_QUERY, 'node', 'resource_class', 'state', 'owner', 'fields'],
    handle: list,
  },
  { method: 'POST', path: '/allocations', ...write, handle: create },
  {
    method: 'GET',
    path: '/allocations/:allocation',
    ...read,
    query: ['fields'],
    handle: async (call) => showOne(call, await find(call, 'allocation:get')),
  },
  { method: 'PATCH', path: '/allocations/:allocation', since: 57, before: 405, handle: patch },
  {
    method: 'DELETE',
    path: '/allocations/:allocation',
    ...write,
    handle: async (call) => remove(call, await find(call, 'allocation:delete')),
  },
  {
    method: 'GET',
    path: '/nodes/:node/allocation',
    ...read,
    query: ['fields'],
    handle: async (call) => showOne(call, await ofItsNode(call, 'allocation:get')),
  },
  {
    method: 'DELETE',
    path: '/nodes/:node/allocation',
    ...read,
    handle: async (call) => remove(call, await ofItsNode(call, 'allocation:delete')),
  },
];
