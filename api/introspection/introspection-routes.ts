import type { JsonObject } from '../../core/base/json.ts';
import { activeFlow, cancelFlow } from '../../core/flow/flow-service.ts';
import type { Inventory } from '../../deploy-agent/protocol.ts';
import { applyInspectionRules } from '../../inventory/inspection-rule-service.ts';
import { introspectionData } from '../../inventory/introspection-data.ts';
import { listIntrospections, type Introspection } from '../../inventory/introspection-service.ts';
import type { NodeRecord } from '../../inventory/node-record.ts';
import { nodeLock, requestVerb, requireIdle } from '../../inventory/node-service.ts';
import { findNode } from '../../inventory/node-store.ts';
import type { ApiContext } from '../baremetal/api-context.ts';
import { ok, Refusal, type Call, type ServiceRoute } from '../service-plugin.ts';

/** The inspection of each node: begun, given up, looked at. */
type Introspecting = Call<ApiContext>;
const LIST_MAX = 1000;
const accepted = { status: 202 } as const;

async function nodeOf(call: Introspecting): Promise<NodeRecord> {
  const word = call.params['node']!;
  const node = await findNode(call.context.database.db, word);
  if (node === undefined) throw new Refusal(404, `Node ${word.slice(0, 255)} was not found`);
  return node;
}

const show = (call: Introspecting, { uuid, state, finished, error, startedAt, finishedAt }: Introspection): JsonObject => ({
  uuid,
  state,
  finished,
  error,
  started_at: inspectorTime(startedAt),
  finished_at: finishedAt === null ? null : inspectorTime(finishedAt),
  links: [{ href: `${call.base}/v1/introspection/${uuid}`, rel: 'self' }],
});

const inspectorTime = (at: Date): string => at.toISOString().replace(/\.\d+Z$/, '');

async function status(call: Introspecting) {
  call.require('introspection:status');
  const node = await nodeOf(call);
  const [found] = await listIntrospections(call.context.database.db, { nodeUuid: node.uuid, limit: 1 });
  if (found === undefined) throw new Refusal(404, `Introspection data was not found for node ${node.uuid}`);
  return ok(show(call, found));
}

async function list(call: Introspecting) {
  call.require('introspection:status');
  const limit = Number(call.query.get('limit') ?? LIST_MAX);
  if (!Number.isInteger(limit) || limit < 1) throw new Refusal(400, 'limit is not a number above 0');
  const marker = call.query.get('marker');
  const after = marker === null ? undefined : await findNode(call.context.database.db, marker);
  if (marker !== null && after === undefined) throw new Refusal(400, `Node not found for marker: ${marker.slice(0, 80)}`);
  const found = await listIntrospections(call.context.database.db, {
    limit: Math.min(limit, LIST_MAX),
    ...(after === undefined ? {} : { after: after.uuid }),
  });
  const states = call.query.get('state')?.split(',');
  return ok({
    introspection: found.filter(({ state }) => states === undefined || states.includes(state)).map((each) => show(call, each)),
  });
}

async function start(call: Introspecting) {
  call.require('introspection:start');
  const node = await nodeOf(call);
  const manageBoot = (call.query.get('manage_boot') ?? 'true').toLowerCase();
  if (!['1', 'true', 't', 'yes', 'y', 'on'].includes(manageBoot))
    throw new Refusal(400, 'Boot is always managed here: an inspection without it (manage_boot) can not be begun.');
  await call.context.database.db.transaction().execute((trx) => requestVerb(trx, node.uuid, 'inspect', {}));
  return accepted;
}

async function abort(call: Introspecting) {
  call.require('introspection:abort');
  const node = await nodeOf(call);
  await call.context.database.db.transaction().execute(async (trx) => {
    const flow = await activeFlow(trx, nodeLock(node.uuid));
    if (flow?.kind === 'node.inspect') await cancelFlow(trx, flow.id, 'Canceled by operator');
    else if (flow !== undefined) throw new Refusal(409, `Node ${node.uuid} is busy with "${flow.kind}", which is no introspection.`);
  });
  return accepted;
}

async function newestInspection(call: Introspecting, node: NodeRecord): Promise<Inventory> {
  const row = await call.context.database.db
    .selectFrom('inspection')
    .select('document')
    .where('node_uuid', '=', node.uuid)
    .orderBy('version', 'desc')
    .limit(1)
    .executeTakeFirst();
  if (row === undefined) throw new Refusal(404, `Introspection data was not found for node ${node.uuid}`);
  return row.document as unknown as Inventory;
}

const data = (kind: 'processed' | 'unprocessed') => async (call: Introspecting) => {
  call.require('introspection:data');
  const document = await newestInspection(call, await nodeOf(call));
  return ok(kind === 'processed' ? introspectionData(document) : document);
};

async function reapply(call: Introspecting) {
  call.require('introspection:reapply');
  if (call.body !== undefined && call.body !== null && Object.keys(call.body).length > 0)
    throw new Refusal(400, 'Only stored data can be applied again: data of a body is not taken.');
  const node = await nodeOf(call);
  const document = await newestInspection(call, node);
  await call.context.database.db.transaction().execute(async (trx) => {
    const idle = await requireIdle(trx, node.uuid);
    await applyInspectionRules(trx, idle, document as unknown as JsonObject);
  });
  return accepted;
}

export const introspectionRoutes: readonly ServiceRoute<ApiContext>[] = [
  { method: 'GET', path: '/v1/introspection', query: ['marker', 'limit', 'state'], handle: list },
  { method: 'GET', path: '/v1/introspection/:node', handle: status },
  { method: 'POST', path: '/v1/introspection/:node', query: ['manage_boot'], handle: start },
  { method: 'POST', path: '/v1/introspection/:node/abort', handle: abort },
  { method: 'GET', path: '/v1/introspection/:node/data', handle: data('processed') },
  { method: 'GET', path: '/v1/introspection/:node/data/unprocessed', handle: data('unprocessed') },
  { method: 'POST', path: '/v1/introspection/:node/data/unprocessed', handle: reapply },
];
