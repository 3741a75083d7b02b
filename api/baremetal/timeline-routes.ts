import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { flowHistory } from '../../core/flow/flow-service.ts';
import { readFeed, readTimeline } from '../../inventory/timeline-store.ts';
import { explainNode } from '../../inventory/explain-policy.ts';
import { flowOf, mustFindNode, type ApiContext } from './api-context.ts';

/** Our additions beside the Bare Metal API: a machine's timeline, the answer to "why", its inspections, and a feed to follow. */
const TIMELINE_LIMIT_MAX = 5000;
const FEED_BATCH = 500;
/** Keeps proxies from closing a quiet stream. */
const FEED_PING_MS = 15_000;

export function timelineRoutes(app: FastifyInstance, context: ApiContext): void {
  const { db, listen, onReconnect } = context.database;
  type ById = { Params: { id: string } };

  app.get<ById>('/v1/nodes/:id/timeline', async (request) => {
    const { after, limit } = z
      .object({ after: z.coerce.number().int().default(0), limit: z.coerce.number().int().min(1).max(TIMELINE_LIMIT_MAX).default(1000) })
      .parse(request.query);
    const node = await mustFindNode(context, request.params.id);
    const events = await readTimeline(db, node.uuid, { afterId: after, limit });
    return { node: node.uuid, events, next: events.length === limit ? events.at(-1)!.id : null };
  });

  app.get<ById>('/v1/nodes/:id/explain', async (request) => {
    const node = await mustFindNode(context, request.params.id);
    const last = await db
      .selectFrom('flow')
      .select('id')
      .where('subject_id', '=', node.uuid)
      .orderBy('created_at', 'desc')
      .limit(1)
      .executeTakeFirst();
    const history = last === undefined ? undefined : await db.transaction().execute((trx) => flowHistory(trx, last.id));
    const events = (
      await db.selectFrom('machine_event').selectAll().where('node_uuid', '=', node.uuid).orderBy('id', 'desc').limit(200).execute()
    ).reverse();
    return explainNode({ node, flow: await flowOf(context, node.uuid), history, events });
  });

  app.get<ById>('/v1/nodes/:id/inventory', async (request) => {
    const node = await mustFindNode(context, request.params.id);
    const versions = await db
      .selectFrom('inspection')
      .selectAll()
      .where('node_uuid', '=', node.uuid)
      .orderBy('version', 'desc')
      .limit(10)
      .execute();
    const newest = versions[0];
    return {
      inventory: newest?.document ?? null,
      plugin_data: {
        version: newest?.version ?? 0,
        history: versions.map(({ version, taken_at, changes }) => ({ version, taken_at, changes })),
      },
    };
  });

  app.get<ById>('/v1/nodes/:id/addresses', async (request) => {
    const node = await mustFindNode(context, request.params.id);
    const leases = await db
      .selectFrom('lease')
      .innerJoin('port', 'port.address', 'lease.mac')
      .selectAll('lease')
      .where('port.node_uuid', '=', node.uuid)
      .orderBy('lease.expires_at', 'desc')
      .execute();
    return {
      addresses: leases.map(({ ip_address, mac, state, subnet_id, expires_at }) => ({
        ip_address,
        mac,
        state,
        subnet: subnet_id,
        expires_at,
      })),
    };
  });

  app.get('/v1/events', async (request, reply) => {
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
