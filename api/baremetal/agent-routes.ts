import { timingSafeEqual } from 'node:crypto';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { decodeBootToken, type BootClaims } from '../../core/base/boot-token-codec.ts';
import {
  AGENT_PROTOCOL_VERSION,
  AGENT_TOKEN_HEADER,
  BOOT_TOKEN_HEADER,
  type AgentLog,
  type AgentReport,
  type Heartbeat,
  type InspectionReport,
} from '../../deploy-agent/protocol.ts';
import { nextCommand } from '../../inventory/agent-command-service.ts';
import { noteAgentAlive, openSession, takeInspection, takeLog, takeReport } from '../../inventory/agent-session-service.ts';
import { hashAgentToken } from '../../inventory/discovery-service.ts';
import type { NodeRecord } from '../../inventory/node-record.ts';
import { findNode } from '../../inventory/node-store.ts';
import { mustFindNode, type ApiContext } from './api-context.ts';
import { RequestRefused } from './baremetal-error.ts';

/*
 * The agent's side of the API (deploy-agent/protocol.ts). Not behind the operators' login: a boot token opens a session,
 * the session's token does the rest, and each is bound to one node.
 */
const HEARTBEAT_SECONDS = 30;
/** The agent asks for 25 s; proxies cut idle requests at 30. */
const LONG_POLL_SECONDS_MAX = 28;
/** A guard against a log flood from one machine. */
const LOG_LINES_MAX = 500;

const inspectionShape = z.looseObject({
  protocol: z.literal(AGENT_PROTOCOL_VERSION),
  agentVersion: z.string(),
  bootMac: z.string(),
  inventory: z.looseObject({
    system: z.looseObject({}),
    nics: z.array(z.looseObject({ mac: z.string() })).max(256),
    disks: z.array(z.looseObject({})).max(4096),
  }),
});
const reportShape = z.looseObject({ commandId: z.string().max(300), status: z.enum(['running', 'succeeded', 'failed']) });
const logShape = z.object({
  lines: z
    .array(z.object({ atMs: z.number(), level: z.enum(['debug', 'info', 'warning', 'error']), text: z.string().max(8192) }))
    .max(LOG_LINES_MAX),
});

export function agentRoutes(app: FastifyInstance, context: ApiContext): void {
  const { database, sealer } = context;
  const { db } = database;
  const waiters = createWaiters(context);
  app.addHook('onClose', async () => waiters.close());

  app.post('/v1/continue_inspection', async (request) => {
    const claims = bootClaims(request, context);
    const report = inspectionShape.parse(request.body) as unknown as InspectionReport;
    if (report.bootMac !== claims.mac) throw new RequestRefused(403, `The boot token is for ${claims.mac}, not for ${report.bootMac}.`);
    const discovered = await takeInspection(db, report, claims.nodeId, Date.now());
    return { uuid: discovered.node.uuid };
  });

  app.get('/v1/lookup', async (request) => {
    const claims = bootClaims(request, context);
    const query = z.object({ node_uuid: z.uuid() }).parse(request.query);
    const node = await mustFindNode(context, query.node_uuid);
    const owns = await db
      .selectFrom('port')
      .select('uuid')
      .where('node_uuid', '=', node.uuid)
      .where('address', '=', claims.mac)
      .executeTakeFirst();
    if (owns === undefined) throw new RequestRefused(403, `${claims.mac} is no port of node ${node.uuid}.`);
    const token = await openSession(db, node, Date.now());
    return { node: { uuid: node.uuid, name: node.name }, config: { agent_token: token, heartbeat_timeout: HEARTBEAT_SECONDS } };
  });

  app.post<{ Params: { id: string } }>('/v1/heartbeat/:id', async (request, reply) => {
    const beat = z
      .looseObject({ agent_token: z.string(), agent_version: z.string().default('') })
      .parse(request.body) as unknown as Heartbeat;
    const node = await authenticate(context, request.params.id, beat.agent_token);
    await noteAgentAlive(db, node.uuid, beat.agent_version);
    return reply.status(202).send();
  });

  app.get<{ Params: { id: string } }>('/v1/agent/:id/command', async (request, reply) => {
    const node = await authenticate(context, request.params.id, request.headers[AGENT_TOKEN_HEADER]);
    const { wait } = z.object({ wait: z.coerce.number().min(0).default(0) }).parse(request.query);
    await noteAgentAlive(db, node.uuid);
    const command = await waiters.wait(node.uuid, Math.min(wait, LONG_POLL_SECONDS_MAX) * 1000, request.raw, () =>
      nextCommand(db, node.uuid, sealer),
    );
    return command === undefined ? reply.status(204).send() : command;
  });

  app.post<{ Params: { id: string } }>('/v1/agent/:id/report', async (request) => {
    const node = await authenticate(context, request.params.id, request.headers[AGENT_TOKEN_HEADER]);
    const report = reportShape.parse(request.body) as unknown as AgentReport;
    return takeReport(db, node.uuid, report, Date.now());
  });

  app.post<{ Params: { id: string } }>('/v1/agent/:id/log', async (request, reply) => {
    const node = await authenticate(context, request.params.id, request.headers[AGENT_TOKEN_HEADER]);
    await takeLog(db, node.uuid, logShape.parse(request.body) as unknown as AgentLog);
    return reply.status(204).send();
  });
}

function bootClaims(request: FastifyRequest, context: ApiContext): BootClaims {
  const token = request.headers[BOOT_TOKEN_HEADER];
  const claims = typeof token === 'string' ? decodeBootToken(token, context.bootSecret, Date.now()) : undefined;
  if (claims === undefined)
    throw new RequestRefused(401, 'The boot token is missing, forged or expired: boot from the network again to get a new one.');
  return claims;
}

async function authenticate(context: ApiContext, uuid: string, token: unknown): Promise<NodeRecord> {
  const node = await findNode(context.database.db, uuid);
  const wanted = Buffer.from(node?.agent_token_hash ?? '', 'hex');
  const given = Buffer.from(typeof token === 'string' ? hashAgentToken(token) : '', 'hex');
  if (node === undefined || wanted.length === 0 || wanted.length !== given.length || !timingSafeEqual(wanted, given)) {
    throw new RequestRefused(401, 'This agent session is not known or was replaced by a newer boot.');
  }
  return node;
}

/** Long polls: each waits for a notification about its node, never for a timer that looks again. */
function createWaiters(context: ApiContext) {
  const byNode = new Map<string, Set<() => void>>();
  const wakeAll = () => byNode.forEach((set) => set.forEach((wake) => wake()));
  const stopListening = context.database.listen('agent_command', (uuid) => byNode.get(uuid)?.forEach((wake) => wake()));
  const stopReconnect = context.database.onReconnect(wakeAll);
  return {
    async wait<Value>(
      uuid: string,
      forMs: number,
      request: NodeJS.EventEmitter,
      look: () => Promise<Value | undefined>,
    ): Promise<Value | undefined> {
      const set = byNode.get(uuid) ?? new Set();
      byNode.set(uuid, set);
      let wake = () => {};
      const woken = new Promise<void>((resolve) => (wake = resolve));
      set.add(wake);
      const timer = setTimeout(wake, forMs);
      request.once('close', wake);
      try {
        const now = await look();
        if (now !== undefined || forMs === 0) return now;
        await woken;
        return await look();
      } finally {
        clearTimeout(timer);
        request.off('close', wake);
        set.delete(wake);
        if (set.size === 0) byNode.delete(uuid);
      }
    },
    close() {
      stopListening();
      stopReconnect();
      wakeAll();
    },
  };
}
