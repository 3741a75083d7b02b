import { sql } from 'kysely';
import { storableJson, type JsonObject } from '../../base/json.ts';
import type { FlowError } from '../../database/schema-types.ts';
import type { FlowDefinition, FlowStep, StepOutcome } from '../flow-definition.ts';
import { fromNow, type LeasedFlow } from './flow-row.ts';
import type { FlowChange } from './flow-store.ts';

/*
 * What each transition writes, as values. Pure: `flow-store.ts` does the writing under the fence.
 * `attempt_epoch` rises with every committed attempt and never falls, so that a `stepId` is never used twice.
 */
type Columns = Record<string, unknown>;

const nextEpoch = sql`attempt_epoch + 1`;
const notWaiting: Columns = { wait_key: null, wait_deadline: null };

/** `since` is when the flow began to wait for this; the deadline is an expression of the database's clock. */
const waitingFor = (text: { what: string; next: string }, deadline: unknown) =>
  sql`jsonb_build_object('what', ${text.what}::text, 'since', now(), 'deadline', ${deadline}, 'next', ${text.next}::text)`;

/** A step's name goes on the undo stack once: steps later in the stack were built on its first run. */
const pushUndo = (stack: readonly string[], name: string): string => JSON.stringify(stack.includes(name) ? stack : [...stack, name]);

export function enterStep(
  definition: FlowDefinition,
  step: FlowStep,
  state: JsonObject,
  from?: { finished: string; undoStack: readonly string[] },
): Columns {
  return {
    ...notWaiting,
    version: definition.version,
    state: storableJson(state),
    step: step.name,
    attempt: 1,
    attempt_epoch: nextEpoch,
    failures: 0,
    takeovers: 0,
    step_deadline: fromNow(step.deadlineMs),
    waiting_for: waitingFor(step.waitingFor(state), fromNow(step.deadlineMs)),
    ...(from ? { undo_stack: pushUndo(from.undoStack, from.finished) } : {}),
  };
}

/** Parked: no lease, no memory. The handling of the event has the step's whole deadline again. */
export function park(
  flow: LeasedFlow,
  definition: FlowDefinition,
  step: FlowStep,
  wait: Extract<StepOutcome, { kind: 'wait' }>,
  state: JsonObject,
): FlowChange {
  return {
    parkOn: { key: wait.key, forMs: wait.forMs },
    set: {
      version: definition.version,
      state: storableJson(state),
      lease_owner: null,
      attempt_epoch: nextEpoch,
      failures: 0,
      takeovers: 0,
      step_deadline: fromNow(wait.forMs + step.deadlineMs),
      waiting_for: waitingFor(wait.waitingFor ?? step.waitingFor(state), fromNow(wait.forMs)),
      undo_stack: pushUndo(flow.undo_stack, step.name),
    },
  };
}

/** Back to the same wait; `forMs` gives it a new end. */
export const parkAgain = (key: string, forMs: number | 'as-before'): FlowChange => ({ parkOn: { key, forMs }, set: { lease_owner: null } });

/** The same step again after a pause; a cancel that came meanwhile cuts the pause short. */
export const again = (flow: LeasedFlow, afterMs: number, journal: FlowChange['journal'], failures = flow.failures): FlowChange => ({
  set: {
    lease_owner: null,
    due_at: sql`case when cancel_reason is not null and status = 'running' then now() else ${fromNow(afterMs)} end`,
    attempt: flow.attempt + 1,
    attempt_epoch: nextEpoch,
    failures,
    takeovers: 0,
  },
  journal,
});

export interface UnwindCause {
  readonly ending: 'failed' | 'cancelled';
  readonly outcome: 'failed' | 'cancelled';
  readonly elapsedMs: number;
  readonly error?: FlowError;
  readonly evidence?: JsonObject;
  /** The step that was interrupted: nobody knows how far it came. */
  readonly alsoUndo?: string;
}

export function startUnwinding(flow: LeasedFlow, definition: FlowDefinition, cause: UnwindCause): FlowChange {
  const stack = cause.alsoUndo === undefined ? flow.undo_stack : (JSON.parse(pushUndo(flow.undo_stack, cause.alsoUndo)) as string[]);
  return {
    set: {
      status: 'unwinding',
      ending: cause.ending,
      error: cause.error === undefined ? null : storableJson(cause.error),
      version: definition.version,
      state: storableJson(flow.state),
      ...nextUndo(definition, flow.state, stack),
    },
    journal: { outcome: cause.outcome, elapsedMs: cause.elapsedMs, evidence: cause.evidence },
  };
}

/** Points the row at the topmost step that can be undone, or at none: then only the final transaction is left. */
export function nextUndo(definition: FlowDefinition, state: JsonObject, stack: readonly string[]): Columns {
  const undoable = stack.filter((name) => definition.steps.some((step) => step.name === name && step.undo));
  const step = definition.steps.find(({ name }) => name === undoable.at(-1));
  const deadlineMs = step?.deadlineMs ?? FINAL_TRANSACTION_MS;
  return {
    ...notWaiting,
    undo_stack: JSON.stringify(undoable),
    step: step?.name ?? null,
    attempt: 1,
    attempt_epoch: nextEpoch,
    failures: 0,
    takeovers: 0,
    step_deadline: fromNow(deadlineMs),
    waiting_for: waitingFor(
      step
        ? { what: `${step.name} to be undone`, next: 'the steps before it are undone' }
        : { what: 'the end to be recorded', next: 'the flow ends' },
      fromNow(deadlineMs),
    ),
  };
}

/** Only what is shown to people: the final transaction is tried until it succeeds. */
const FINAL_TRANSACTION_MS = 60_000;

export const end = (status: 'succeeded' | 'failed' | 'cancelled'): Columns => ({
  ...notWaiting,
  status,
  step: null,
  step_deadline: null,
  waiting_for: null,
  lease_owner: null,
  ended_at: sql`now()`,
});
