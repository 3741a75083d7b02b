import { sql } from 'kysely';
import type { Kysely } from 'kysely';
import type { DatabaseSchema } from '../core/database/schema-types.ts';
import { signalFlow } from '../core/flow/flow-service.ts';
import type { AgentLog, AgentReport, InspectionReport } from '../deploy-agent/protocol.ts';
import { acceptReport, agentReadyKey } from './agent-command-service.ts';
import { acceptInspection, openAgentSession, type Discovered } from './discovery-service.ts';
import { LINK_HELD_EVENT } from './held-link-policy.ts';
import { InventoryError, type Db, type NodeRecord } from './node-record.ts';
import { startNodeFlow } from './node-service.ts';
import { insertEvents } from './timeline-store.ts';

/*
 * The calls of the agent in a machine's ramdisk (deploy-agent/protocol.ts), after whoever took them in has proved who calls: its
 * inspection, its session, its signs of life, its reports and its log, each with its lines of the timeline.
 */
type Database = Kysely<DatabaseSchema>;

/** As many of an inspection's differences as an event tells; all of them are with the inspection. */
const CHANGES_TOLD_MAX = 20;

/** @throws InventoryError 409 when two nodes fit equally well. */
export async function takeInspection(
  db: Database,
  report: InspectionReport,
  claimedNodeId: string | undefined,
  nowMs: number,
): Promise<Discovered> {
  const discovered = await db.transaction().execute((trx) => acceptInspection(trx, report, claimedNodeId));
  await insertEvents(db, [
    {
      atMs: nowMs,
      source: 'agent',
      kind: discovered.isNew ? 'agent.discovered' : 'agent.inspected',
      severity: 'info',
      machine: { nodeId: discovered.node.uuid },
      message: discovered.isNew
        ? `a new machine: ${discovered.node.name}`
        : `the agent inspected the machine (version ${discovered.inspectionVersion})`,
      evidence: {
        version: discovered.inspectionVersion,
        agent: report.agentVersion,
        ...(discovered.changes.length === 0 ? {} : { changes: discovered.changes.slice(0, CHANGES_TOLD_MAX) as never }),
      },
    },
    ...discovered.heldLinks.map((message) => ({
      atMs: nowMs,
      source: 'agent' as const,
      kind: LINK_HELD_EVENT,
      severity: 'warning' as const,
      machine: { nodeId: discovered.node.uuid },
      message,
    })),
  ]);
  return discovered;
}

/** Opens a session for this boot's agent, wakes whoever waits for it, and has a stranger enrolled. @returns its token */
export const openSession = (db: Database, node: NodeRecord, nowMs: number): Promise<string> =>
  db.transaction().execute(async (trx) => {
    const token = await openAgentSession(trx, node.uuid);
    await signalFlow(trx, agentReadyKey(node.uuid), { atMs: nowMs });
    if (needsEnrolment(node)) await startNodeFlow(trx, node.uuid, 'node.enroll', {}).catch(ignoreLocked);
    return token;
  });

const needsEnrolment = (node: NodeRecord) => node.provision_state === 'enroll' && Object.keys(node.driver_info).length === 0;

const ignoreLocked = (error: unknown) => {
  if (!(error instanceof InventoryError && error.status === 409)) throw error;
};

export async function noteAgentAlive(db: Db, nodeUuid: string, agentVersion?: string): Promise<void> {
  await db
    .updateTable('node')
    .set({ agent_seen_at: sql`now()` as never, ...(agentVersion === undefined ? {} : { agent_version: agentVersion }) })
    .where('uuid', '=', nodeUuid)
    .execute();
}

export async function takeReport(db: Database, nodeUuid: string, report: AgentReport, nowMs: number): Promise<{ abort: boolean }> {
  const answer = await db.transaction().execute((trx) => acceptReport(trx, nodeUuid, report));
  await insertEvents(db, [
    {
      atMs: nowMs,
      source: 'agent',
      kind: `agent.${report.status}`,
      severity: report.status === 'failed' ? 'error' : report.status === 'running' ? 'debug' : 'info',
      machine: { nodeId: nodeUuid },
      correlationId: report.commandId,
      message: describeReport(report),
      ...(report.error === undefined ? {} : { evidence: { code: report.error.code, advice: report.error.advice } }),
      ...(report.progress === undefined ? {} : { evidence: { ...report.progress } }),
    },
  ]);
  return answer;
}

function describeReport({ status, error, progress }: AgentReport): string {
  if (error !== undefined) return error.message;
  if (progress === undefined) return status;
  return `${progress.phase}: ${progress.done}${progress.total === undefined ? '' : ` of ${progress.total}`} ${progress.unit}`;
}

export const takeLog = (db: Db, nodeUuid: string, { lines }: AgentLog): Promise<void> =>
  insertEvents(
    db,
    lines.map(
      ({ atMs, level, text }) =>
        ({ atMs, source: 'agent', kind: 'agent.log', severity: level, message: text, machine: { nodeId: nodeUuid } }) as const,
    ),
  );
