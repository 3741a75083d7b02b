import { sql } from 'kysely';
import type { JsonObject } from '../core/base/json.ts';
import type { Sealer } from '../core/base/sealer-codec.ts';
import { signalFlow } from '../core/flow/flow-service.ts';
import type { AgentCommand, AgentReport, AgentStepName } from '../deploy-agent/protocol.ts';
import type { Db, Trx } from './node-record.ts';

/*
 * Work for the agent in a machine's ramdisk. A flow's step queues a command in its own transaction and waits for
 * `commandKey(id)`; the agent fetches by long poll and reports. The id is the step's, so a repeated step is one command.
 */
export const commandKey = (id: string): string => `agent-command:${id}`;
export const agentReadyKey = (nodeUuid: string): string => `agent-ready:${nodeUuid}`;

export interface QueuedCommand {
  readonly id: string;
  readonly nodeUuid: string;
  readonly step: AgentStepName;
  readonly args: JsonObject;
  readonly timeoutSeconds: number;
}

export async function queueCommand(trx: Trx, command: QueuedCommand, sealer: Sealer): Promise<void> {
  await trx
    .insertInto('agent_command')
    .values({
      id: command.id,
      node_uuid: command.nodeUuid,
      step: command.step,
      args: sealer.seal(JSON.stringify(command.args)),
      timeout_seconds: command.timeoutSeconds,
    })
    .onConflict((conflict) => conflict.column('id').doNothing())
    .execute();
  await sql`select pg_notify('agent_command', ${command.nodeUuid})`.execute(trx);
}

/** The oldest open command, also when it was handed out before: the agent knows by its id what it has done. */
export async function nextCommand(db: Db, nodeUuid: string, sealer: Sealer): Promise<AgentCommand | undefined> {
  const row = await db
    .selectFrom('agent_command')
    .selectAll()
    .where('node_uuid', '=', nodeUuid)
    .where('status', 'in', ['queued', 'running'])
    .orderBy('created_at')
    .limit(1)
    .executeTakeFirst();
  if (row === undefined) return undefined;
  return {
    id: row.id,
    step: row.step as AgentStepName,
    args: JSON.parse(sealer.open(row.args)) as JsonObject,
    timeoutSeconds: row.timeout_seconds,
  };
}

/** Answers whether the agent shall stop the command. A second final report of one command changes nothing. */
export async function acceptReport(trx: Trx, nodeUuid: string, report: AgentReport): Promise<{ abort: boolean }> {
  const row = await trx
    .selectFrom('agent_command')
    .select(['status', 'abort'])
    .where('id', '=', report.commandId)
    .where('node_uuid', '=', nodeUuid)
    .forUpdate()
    .executeTakeFirst();
  if (row === undefined || row.status === 'succeeded' || row.status === 'failed') return { abort: row === undefined };
  const ended = report.status !== 'running';
  await trx
    .updateTable('agent_command')
    .set({
      status: report.status,
      ...(report.progress === undefined ? {} : { progress: JSON.stringify(report.progress) }),
      ...(report.result === undefined ? {} : { result: JSON.stringify(report.result) }),
      ...(report.error === undefined ? {} : { error: JSON.stringify(report.error) }),
      ...(ended ? { ended_at: sql`now()` } : {}),
    } as never)
    .where('id', '=', report.commandId)
    .execute();
  if (ended) await signalFlow(trx, commandKey(report.commandId), report as never, report.commandId);
  return { abort: row.abort };
}

/** Open commands of a node are moot: their flow gave up. */
export async function abortCommands(trx: Trx, nodeUuid: string): Promise<void> {
  await trx
    .updateTable('agent_command')
    .set({
      status: 'failed',
      abort: true,
      ended_at: sql`now()`,
      error: JSON.stringify({ code: 'aborted', message: 'the work that this belonged to ended', advice: 'nothing to do' }),
    } as never)
    .where('node_uuid', '=', nodeUuid)
    .where('status', 'in', ['queued', 'running'])
    .execute();
}
