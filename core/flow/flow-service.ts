import { sql, type Transaction } from 'kysely';
import type { Json, JsonObject } from '../base/json.ts';
import type { DatabaseSchema, FlowError, FlowStatus, FlowStepOutcomeName, WaitingFor } from '../database/schema-types.ts';
import { CANCEL_PREFIX, FLOW_CHANNEL } from './engine/flow-row.ts';
import { lockWaitKey } from './engine/wait-key-lock.ts';

/*
 * The verbs on flows, each inside the caller's transaction: nothing happens, and no engine wakes, until that commits.
 * For every process with a database connection; only `flow-engine.ts` runs flows.
 */
type Trx = Transaction<DatabaseSchema>;

export interface FlowRequest {
  readonly kind: string;
  /** What the flow is about, for example the node's id. */
  readonly subjectId: string;
  /** At most one active flow holds a key, for example `node:<id>`. */
  readonly lockKey?: string;
  readonly input: JsonObject;
}

export interface FlowSummary {
  readonly id: string;
  readonly kind: string;
  readonly subjectId: string;
  readonly status: FlowStatus;
  readonly step: string | null;
  readonly attempt: number;
  readonly waitingFor: WaitingFor | null;
  readonly cancelReason: string | null;
  readonly error: FlowError | null;
  readonly createdAt: Date;
  readonly endedAt: Date | null;
}

export interface FlowHistory extends FlowSummary {
  readonly steps: readonly {
    readonly step: string | null;
    readonly direction: 'do' | 'undo';
    readonly attempt: number;
    readonly owner: string;
    readonly startedAt: Date;
    readonly endedAt: Date;
    readonly outcome: FlowStepOutcomeName;
    readonly evidence: JsonObject | null;
  }[];
}

const notify = (trx: Trx, payload = '') => sql`select pg_notify(${FLOW_CHANNEL}, ${payload})`.execute(trx);

export async function startFlow(trx: Trx, request: FlowRequest): Promise<{ id: string } | { conflict: { flowId: string; kind: string } }> {
  const { kind, subjectId, lockKey, input } = request;
  for (;;) {
    const { rows } = await sql<{ id: string }>`
      with started as (
        insert into flow (kind, subject_id, lock_key, input, waiting_for)
        values (${kind}, ${subjectId}, ${lockKey ?? null}, ${JSON.stringify(input)},
          jsonb_build_object('what', 'an engine with a free place', 'since', now(), 'deadline', null, 'next', 'the first step'))
        on conflict (lock_key) where status in ('running', 'unwinding') do nothing
        returning id
      )
      select id, pg_notify(${FLOW_CHANNEL}, '') from started`.execute(trx);
    const [started] = rows;
    if (started) return { id: started.id };
    const holder = await activeFlow(trx, lockKey!);
    if (holder) return { conflict: { flowId: holder.id, kind: holder.kind } };
    // The holder ended between the two statements: the key is free now.
  }
}

/**
 * Delivers an event to whoever waits for the key now or next. The same idempotency key is delivered once.
 * @returns false when this idempotency key was signalled before.
 */
export async function signalFlow(trx: Trx, waitKey: string, payload: Json, idempotencyKey?: string): Promise<boolean> {
  await lockWaitKey(trx, waitKey);
  const event = await trx
    .insertInto('flow_event')
    .values({ wait_key: waitKey, payload: JSON.stringify({ value: payload }), idempotency_key: idempotencyKey ?? null })
    .onConflict((conflict) => conflict.constraint('flow_event_once').doNothing())
    .returning('id')
    .executeTakeFirst();
  if (!event) return false;
  await trx
    .updateTable('flow')
    .set({ due_at: sql`now()` })
    .where('wait_key', '=', waitKey)
    .where('lease_owner', 'is', null)
    .execute();
  await notify(trx);
  return true;
}

/** Asks a flow to unwind. @returns false when it has ended or is unwinding already. */
export async function cancelFlow(trx: Trx, flowId: string, reason: string): Promise<boolean> {
  const asked = await trx
    .updateTable('flow')
    .set({
      cancel_reason: sql`coalesce(cancel_reason, ${reason})`,
      due_at: sql`case when lease_owner is null then now() else due_at end`,
      updated_at: sql`now()`,
    })
    .where('id', '=', flowId)
    .where('status', '=', 'running')
    .returning('id')
    .executeTakeFirst();
  if (!asked) return false;
  await notify(trx, CANCEL_PREFIX + flowId);
  return true;
}

const summaryColumns = [
  'id',
  'kind',
  'subject_id as subjectId',
  'status',
  'step',
  'attempt',
  'waiting_for as waitingFor',
  'cancel_reason as cancelReason',
  'error',
  'created_at as createdAt',
  'ended_at as endedAt',
] as const;

export async function activeFlow(trx: Trx, lockKey: string): Promise<FlowSummary | undefined> {
  return trx
    .selectFrom('flow')
    .select(summaryColumns)
    .where('lock_key', '=', lockKey)
    .where('status', 'in', ['running', 'unwinding'])
    .executeTakeFirst();
}

export async function flowHistory(trx: Trx, flowId: string): Promise<FlowHistory | undefined> {
  const flow = await trx.selectFrom('flow').select(summaryColumns).where('id', '=', flowId).executeTakeFirst();
  if (!flow) return undefined;
  const steps = await trx
    .selectFrom('flow_step')
    .select(['step', 'direction', 'attempt', 'owner', 'started_at as startedAt', 'ended_at as endedAt', 'outcome', 'evidence'])
    .where('flow_id', '=', flowId)
    .orderBy('id')
    .execute();
  return { ...flow, steps };
}
