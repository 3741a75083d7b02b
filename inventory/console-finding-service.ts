import { sql } from 'kysely';
import { acceptReport, agentReadyKey } from './agent-command-service.ts';
import { signalFlow } from '../core/flow/flow-service.ts';
import { FINDING_EVENT, POWER_ON_ACTIONS, type ConsoleFinding } from './console-pattern-policy.ts';
import type { Trx } from './node-record.ts';
import { insertEvents } from './timeline-store.ts';

/*
 * A finding on a machine's console becomes an event, once for each power-on. A fatal one also ends at once what waits for
 * this machine's agent: a boot, or a command that the agent has begun.
 */
export async function recordFindings(trx: Trx, nodeUuid: string, findings: readonly ConsoleFinding[], atMs: number): Promise<void> {
  const known = await findingsSincePowerOn(trx, nodeUuid);
  const fresh = findings.filter(({ pattern }) => !known.has(pattern));
  await insertEvents(
    trx,
    fresh.map(({ pattern, severity, message, advice }) => ({
      atMs,
      source: 'console',
      kind: FINDING_EVENT,
      severity: severity === 'fatal' ? 'error' : severity,
      machine: { nodeId: nodeUuid },
      message: `${message}. ${advice}`,
      evidence: { pattern, severity, message, advice },
    })),
  );
  const fatal = fresh.find(({ severity }) => severity === 'fatal');
  if (fatal !== undefined) await failWaiters(trx, nodeUuid, fatal, atMs);
}

async function findingsSincePowerOn(trx: Trx, nodeUuid: string): Promise<Set<string>> {
  const { rows } = await sql<{ pattern: string }>`
    select evidence ->> 'pattern' as pattern from machine_event
    where node_uuid = ${nodeUuid} and kind = ${FINDING_EVENT} and at >= coalesce((
      select max(at) from machine_event where node_uuid = ${nodeUuid} and kind = 'bmc.power'
        and evidence ->> 'outcome' = 'ok' and evidence ->> 'argument' = any(${[...POWER_ON_ACTIONS]})), '-infinity')`.execute(trx);
  return new Set(rows.map(({ pattern }) => pattern));
}

async function failWaiters(trx: Trx, nodeUuid: string, { message, advice }: ConsoleFinding, atMs: number): Promise<void> {
  const finding = { code: 'aborted', message, advice } as const;
  await signalFlow(trx, agentReadyKey(nodeUuid), { atMs, finding });
  const begun = await trx
    .selectFrom('agent_command')
    .select('id')
    .where('node_uuid', '=', nodeUuid)
    .where('status', '=', 'running')
    .execute();
  for (const { id } of begun) await acceptReport(trx, nodeUuid, { commandId: id, status: 'failed', error: finding });
}
