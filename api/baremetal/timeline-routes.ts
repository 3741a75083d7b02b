import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { describePort } from '../../flows/switch-port-policy.ts';
import { switchPortsOfNode } from '../../flows/switch-port-service.ts';
import { describeFilters, metalPortsOf } from '../../network/metal-filter-service.ts';
import { traceBoots } from '../../inventory/boot-trace-policy.ts';
import { readExplanation } from '../../inventory/explain-service.ts';
import { InventoryError } from '../../inventory/node-record.ts';
import { readBootEvents, readFeed, readTimeline } from '../../inventory/timeline-store.ts';
import { mustFindNode, type ApiContext } from './api-context.ts';
import { RequestRefused } from './baremetal-error.ts';
import { ok, toCall, type BaremetalRoute, type Call } from './baremetal-route.ts';
import { nodeFor } from './node-access.ts';
import { toInteger } from './query-values.ts';

/** Our additions beside the Bare Metal API: a machine's timeline, the answer to "why", its inspections, and a feed to follow. */
const TIMELINE_LIMIT_MAX = 5000;
const TIMELINE_LIMIT_DEFAULT = 1000;
const BOOTS_DEFAULT = 10;
const BOOTS_MAX = 100;
/** A hundred boots leave about as many. */
const BOOT_EVENTS_MAX = 5_000;
const FEED_BATCH = 500;
/** Keeps proxies from closing a quiet stream. */
const FEED_PING_MS = 15_000;

export const timelineRoutes: readonly BaremetalRoute[] = [
  { method: 'GET', path: '/nodes/:node/timeline', query: ['after', 'limit'], handle: timeline },
  { method: 'GET', path: '/nodes/:node/boots', query: ['limit'], handle: boots },
  { method: 'GET', path: '/nodes/:node/explain', handle: explain },
  { method: 'GET', path: '/nodes/:node/inventory', handle: inventory },
  { method: 'GET', path: '/nodes/:node/addresses', handle: addresses },
];

async function timeline(call: Call) {
  const node = await nodeFor(call, call.params['node']!, 'node:history:get');
  const after = toInteger('after', call.query['after']) ?? 0;
  const limit = toInteger('limit', call.query['limit']) ?? TIMELINE_LIMIT_DEFAULT;
  if (limit < 1 || limit > TIMELINE_LIMIT_MAX) throw new RequestRefused(400, `limit is not between 1 and ${TIMELINE_LIMIT_MAX}`);
  const events = await readTimeline(call.context.database.db, node.uuid, { afterId: after, limit });
  return ok({ node: node.uuid, events, next: events.length === limit ? events.at(-1)!.id : null });
}

/** The newest boots last. */
async function boots(call: Call) {
  const node = await nodeFor(call, call.params['node']!, 'node:history:get');
  const limit = toInteger('limit', call.query['limit']) ?? BOOTS_DEFAULT;
  if (limit < 1 || limit > BOOTS_MAX) throw new RequestRefused(400, `limit is not between 1 and ${BOOTS_MAX}`);
  const traces = traceBoots(await readBootEvents(call.context.database.db, node.uuid, BOOT_EVENTS_MAX));
  return ok({
    node: node.uuid,
    boots: traces.slice(-limit).map((trace) => ({
      started_at: trace.startedAt,
      started_by: trace.startedBy,
      outcome: trace.outcome,
      seconds: trace.ms / 1000,
      waits_for: trace.waitsFor ?? null,
      phases: trace.phases.map(({ name, startedAt, ms, events: [first, last] }) => ({
        name,
        started_at: startedAt,
        seconds: ms / 1000,
        first_event: first,
        last_event: last,
      })),
    })),
  });
}

async function explain(call: Call) {
  const { uuid } = await nodeFor(call, call.params['node']!, 'node:history:get');
  const { db } = call.context.database;
  const switchPorts = (await switchPortsOfNode(db, uuid)).map(describePort);
  const filters = (await metalPortsOf(db, uuid)).map(describeFilters);
  return ok(await readExplanation(db, await mustFindNode(call.context, uuid), [...switchPorts, ...filters]));
}

async function inventory(call: Call) {
  const node = await nodeFor(call, call.params['node']!, 'node:inventory:get');
  const versions = await call.context.database.db
    .selectFrom('inspection')
    .selectAll()
    .where('node_uuid', '=', node.uuid)
    .orderBy('version', 'desc')
    .limit(10)
    .execute();
  const newest = versions[0];
  if (newest === undefined) throw new InventoryError(404, `Cannot find any inspection data for node ${node.uuid}.`);
  return ok({
    inventory: newest.document,
    plugin_data: {
      version: newest.version,
      history: versions.map(({ version, taken_at, changes }) => ({ version, taken_at, changes })),
    },
  });
}

async function addresses(call: Call) {
  const node = await nodeFor(call, call.params['node']!, 'node:get');
  const leases = await call.context.database.db
    .selectFrom('lease')
    .innerJoin('port', 'port.address', 'lease.mac')
    .selectAll('lease')
    .where('port.node_uuid', '=', node.uuid)
    .orderBy('lease.expires_at', 'desc')
    .execute();
  return ok({
    addresses: leases.map(({ ip_address, mac, state, subnet_id, expires_at }) => ({
      ip_address,
      mac,
      state,
      subnet: subnet_id,
      expires_at,
    })),
  });
}

/** Server-sent events of every machine: for those who may see every node. */
export function eventStream(app: FastifyInstance, context: ApiContext): void {
  const { db, listen, onReconnect } = context.database;
  app.get('/v1/events', async (request, reply) => {
    toCall(request, context).require('node:list_all');
    const lastId = request.headers['last-event-id'] ?? z.object({ after: z.string().optional() }).parse(request.query).after;
    let position = Number(
      lastId ??
        (
          await db
            .selectFrom('machine_event')
            .select((eb) => eb.fn.max('id').as('id'))
            .executeTakeFirst()
        )?.id ??
        0,
    );
    reply.hijack();
    const out = reply.raw;
    out.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    out.write(': follow with the header Last-Event-ID\n\n');
    let running = Promise.resolve();
    const drain = () => {
      running = running
        .then(async () => {
          for (
            let rows = await readFeed(db, position, FEED_BATCH);
            rows.length > 0 && !out.destroyed;
            rows = await readFeed(db, position, FEED_BATCH)
          ) {
            for (const row of rows) out.write(`id: ${row.id}\nevent: ${row.kind}\ndata: ${JSON.stringify(row)}\n\n`);
            position = rows.at(-1)!.id;
          }
        })
        .catch((error: unknown) => {
          request.log.warn({ err: error }, 'the event stream ended early');
          out.end();
        });
    };
    const stop = [listen('machine_event', drain), onReconnect(drain)];
    const ping = setInterval(() => out.write(': ping\n\n'), FEED_PING_MS);
    out.once('close', () => {
      clearInterval(ping);
      for (const end of stop) end();
    });
    drain();
  });
}
