import type { Sealer } from '../../core/base/sealer-codec.ts';
import { createNode, deleteNode, type NodeDraft } from '../../inventory/node-edit-service.ts';
import { detailOfNew } from '../../inventory/node-detail-store.ts';
import { RequestRefused } from './baremetal-error.ts';
import { created, noContent, ok, type BaremetalRoute, type Call } from './baremetal-route.ts';
import { nodeTarget } from './baremetal-policy.ts';
import { requireFields } from './field-table.ts';
import { nodeFor } from './node-access.ts';
import { parseCreate } from './node-body.ts';
import { listNodes, NODE_LIST_QUERY } from './node-list.ts';
import { patchNode } from './node-patch.ts';
import { NODE_FIELDS, nodePath, showNode } from './node-view.ts';
import { toList, toUuid } from './query-values.ts';

/** The collection of nodes: create, list, show, patch, delete. What a node does has routes of its own. */
export const nodeRoutes: readonly BaremetalRoute[] = [
  {
    method: 'GET',
    path: '/nodes',
    query: [...NODE_LIST_QUERY, 'fields', 'detail'],
    handle: async (call) => ok(await listNodes(call, 'short')),
  },
  { method: 'GET', path: '/nodes/detail', query: NODE_LIST_QUERY, handle: async (call) => ok(await listNodes(call, 'detail')) },
  { method: 'POST', path: '/nodes', handle: create },
  { method: 'GET', path: '/nodes/:node', query: ['fields', 'also'], handle: showOne },
  {
    method: 'PATCH',
    path: '/nodes/:node',
    query: ['reset_interfaces'],
    handle: async (call) => ok(showNode(call, await patchNode(call))),
  },
  { method: 'DELETE', path: '/nodes/:node', handle: remove },
  {
    method: 'GET',
    path: '/chassis/:chassis/nodes',
    query: [...NODE_LIST_QUERY, 'fields', 'detail'],
    handle: async (call) => ok(await listNodes(call, 'short', toUuid('chassis_uuid', call.params['chassis']))),
  },
  {
    method: 'GET',
    path: '/nodes/:node/children',
    since: 83,
    async handle(call) {
      const node = await nodeFor(call, call.params['node']!, 'node:get');
      const rows = await call.context.database.db
        .selectFrom('node')
        .select('uuid')
        .where('parent_node', '=', node.uuid)
        .orderBy('seq')
        .execute();
      return ok({ children: rows.map((row) => row.uuid) });
    },
  },
];

async function showOne(call: Call) {
  const node = await nodeFor(call, call.params['node']!);
  const fields = toList(call.query['fields']);
  if (fields !== undefined) requireFields(call, NODE_FIELDS, fields);
  return ok(showNode(call, node, fields));
}

async function create(call: Call) {
  const isOwners = call.allows('node:create:self_owned_node');
  if (!isOwners) call.require('node:create');
  const { draft, uuid } = parseCreate(call);
  const { database, sealer } = call.context;
  const made = await database.db.transaction().execute(async (trx) => {
    const node = await createNode(
      trx,
      ownDraft(call, draft),
      { provisionState: call.minor < 11 ? 'available' : 'enroll', ...(uuid === undefined ? {} : { uuid }) },
      sealer as Sealer,
    );
    return detailOfNew(node);
  });
  return created(showNode(call, made), `${call.base}/v1/${nodePath(made)}`);
}

/** A project that may not make nodes for others makes them for itself. */
function ownDraft(call: Call, draft: NodeDraft): NodeDraft {
  if (call.actor.systemScope || call.allows('node:create')) return draft;
  if (draft.owner !== null && draft.owner !== call.actor.projectId)
    throw new RequestRefused(400, 'Cannot create a node as a project scoped admin with an owner other than your own project.');
  return { ...draft, owner: call.actor.projectId };
}

async function remove(call: Call) {
  const node = await nodeFor(call, call.params['node']!);
  if (!call.allows('node:delete', nodeTarget(node))) call.require('node:delete:self_owned_node', nodeTarget(node));
  await call.context.database.db.transaction().execute((trx) => deleteNode(trx, node.uuid));
  return noContent();
}
