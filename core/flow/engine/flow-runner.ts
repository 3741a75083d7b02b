import { storableJson, type JsonObject } from '../../base/json.ts';
import type { FlowError } from '../../database/schema-types.ts';
import type { FlowDefinition, FlowStep, StepOutcome } from '../flow-definition.ts';
import { fromNow, type LeasedFlow } from './flow-row.ts';
import { commitChange, oldestEvent, releaseLeases, StaleLease, type FlowChange, type PendingEvent } from './flow-store.ts';
import { decideAfterError } from './retry-policy.ts';
import { contextOf, type Run, type RunnerTools } from './run.ts';
import { callStep, type StepAbort, type StepResult } from './step-call.ts';
import { again, end, enterStep, park, parkAgain, startUnwinding } from './transitions.ts';
import { unwindStep } from './unwinding.ts';

/*
 * Runs one leased flow, step after step, until it parks, backs off, ends, or is no longer ours. Between two steps
 * nothing lives in memory that is not in the row: each turn of the loop starts from what the last commit returned.
 */

export async function runFlow(tools: RunnerTools, run: Run): Promise<void> {
  try {
    run.flow = upgradeState(run.flow, run.definition);
    for (;;) {
      const after = await turn(tools, run);
      if (!after || after.lease_owner === null) return;
      run.flow = after;
      if (run.stopping) return await release(tools, run.flow);
      const cause = run.controller.signal.aborted ? (run.controller.signal.reason as StepAbort).cause : undefined;
      if (cause === 'lease-lost') return tools.count('stale');
      // The cancel's wake can overtake the answer of a commit that was just before it.
      if (cause === 'cancel' && after.status === 'running') run.flow = { ...after, cancel_reason: await readCancelReason(tools, after) };
      run.controller = new AbortController();
    }
  } catch (error) {
    if (error instanceof StaleLease) return tools.count('stale');
    // The database is away or a final transaction failed: an engine tries again when it is back.
    tools.report(error, run.flow);
    await deferLease(tools, run.flow).catch((failure: unknown) => {
      if (!(failure instanceof StaleLease)) tools.keepForLater(run.flow);
    });
  }
}

const FAILED_TURN_PAUSE_MS = 2_000;
/** Agents and BMC callers come back well within this once a control plane is up again. */
const MISSED_WAIT_GRACE_MS = 120_000;

/** Keeps a flow whose transaction failed from being retried in a tight loop, or only after a whole lease. */
const deferLease = (tools: RunnerTools, flow: LeasedFlow) =>
  commitChange(tools.database.db, flow, { set: { lease_owner: null, due_at: fromNow(FAILED_TURN_PAUSE_MS) } });

const release = (tools: RunnerTools, flow: LeasedFlow) => releaseLeases(tools.database.db, tools.owner, [flow]);

function upgradeState(flow: LeasedFlow, definition: FlowDefinition): LeasedFlow {
  if (flow.version === definition.version || flow.version === 0) return flow;
  return { ...flow, state: definition.upgrade?.(flow.state, flow.version) ?? flow.state };
}

/** One committed transition. Undefined: abandoned or released, nothing more to do here. */
async function turn(tools: RunnerTools, run: Run): Promise<LeasedFlow | undefined> {
  const { flow, definition } = run;
  const { db } = tools.database;
  if (flow.status === 'unwinding') return unwindStep(tools, run);
  if (flow.cancel_reason !== null) {
    return commitChange(
      db,
      flow,
      startUnwinding(flow, definition, {
        ending: 'cancelled',
        outcome: 'cancelled',
        elapsedMs: 0,
        evidence: { reason: flow.cancel_reason },
      }),
    );
  }
  if (flow.step === null) return commitChange(db, flow, { set: enterStep(definition, definition.steps[0]!, flow.state) });
  const step = definition.steps.find(({ name }) => name === flow.step);
  if (!step)
    return fail(
      tools,
      run,
      {
        code: 'unknown-step',
        message: `version ${definition.version} of ${flow.kind} has no step ${flow.step}`,
        advice: 'Start the work again, or run the version that knows the step.',
      },
      0,
    );
  return runStep(tools, run, step);
}

async function runStep(tools: RunnerTools, run: Run, step: FlowStep): Promise<LeasedFlow | undefined> {
  const { flow } = run;
  const event = flow.wait_key === null ? undefined : await oldestEvent(tools.database.db, flow.wait_key);
  // Woken although nothing came: another event of the key was meant for somebody else.
  if (flow.wait_key !== null && !event && !flow.wait_over)
    return commitChange(tools.database.db, flow, parkAgain(flow.wait_key, 'as-before'));
  const remainingMs = Math.min(flow.remaining_ms ?? step.deadlineMs, step.deadlineMs);
  const timedOut = flow.wait_key !== null && !event;
  if (timedOut && flow.late_ms > tools.leaseMs) {
    // Nobody was here to take the event in when the wait ended: whoever wanted to signal gets the time to come again.
    return commitChange(tools.database.db, flow, parkAgain(flow.wait_key!, Math.min(flow.late_ms, MISSED_WAIT_GRACE_MS)));
  }
  if ((timedOut && !step.onTimeout) || remainingMs <= 0) return fail(tools, run, deadlineError(flow), 0);

  const result = await callStep<StepOutcome>(tools.clock, run.controller, remainingMs, (signal) => {
    const ctx = contextOf(tools, run, signal);
    if (event) return step.onEvent?.(ctx, event.payload.value) ?? Promise.resolve({ kind: 'done' as const });
    return timedOut ? step.onTimeout!(ctx) : step.run(ctx);
  });
  return settle(tools, run, step, result, event, remainingMs);
}

async function settle(
  tools: RunnerTools,
  run: Run,
  step: FlowStep,
  result: StepResult<StepOutcome>,
  event: PendingEvent | undefined,
  remainingMs: number,
): Promise<LeasedFlow | undefined> {
  const { flow, definition } = run;
  if (result.aborted === 'lease-lost') throw new StaleLease('lease lost while the step ran');
  if (result.value) {
    const left = remainingMs - result.elapsedMs;
    try {
      const change = changeFor(run, step, result.value, result.elapsedMs, left);
      // A retry gets the same event again.
      const row = await commitChange(tools.database.db, flow, { ...change, consume: result.value.kind === 'retry' ? undefined : event });
      tools.count(
        change.journal?.outcome === 'retry' ? 'stepsRetried' : change.journal?.outcome === 'failed' ? 'stepsFailed' : 'stepsDone',
      );
      if (row.status === 'succeeded') tools.count('succeeded');
      return row;
    } catch (error) {
      if (error instanceof StaleLease) throw error;
      return afterError(tools, run, step, error, result.elapsedMs, left);
    }
  }
  if (result.aborted === 'stop') {
    await release(tools, flow);
    return undefined;
  }
  if (result.aborted === 'cancel') {
    const reason = await readCancelReason(tools, flow);
    return commitChange(
      tools.database.db,
      flow,
      startUnwinding(flow, definition, {
        ending: 'cancelled',
        outcome: 'cancelled',
        elapsedMs: result.elapsedMs,
        evidence: { reason },
        alsoUndo: step.name,
      }),
    );
  }
  if (result.aborted === 'deadline') return fail(tools, run, deadlineError(flow), result.elapsedMs);
  return afterError(tools, run, step, result.error, result.elapsedMs, remainingMs - result.elapsedMs);
}

const readCancelReason = async (tools: RunnerTools, flow: LeasedFlow): Promise<string | null> =>
  (await tools.database.db.selectFrom('flow').select('cancel_reason').where('id', '=', flow.id).executeTakeFirst())?.cancel_reason ?? null;

/** What an outcome writes. */
function changeFor(run: Run, step: FlowStep, outcome: StepOutcome, elapsedMs: number, remainingMs: number): FlowChange {
  const { flow, definition } = run;
  if (outcome.kind === 'fail') {
    const { code, message, advice, evidence } = outcome;
    return startUnwinding(flow, definition, {
      ending: 'failed',
      outcome: 'failed',
      elapsedMs,
      error: { code, message, advice, step: step.name },
      evidence: { ...evidence, code, message },
    });
  }
  if (outcome.kind === 'retry') {
    if (outcome.afterMs >= remainingMs) {
      const error = { ...deadlineError(flow), message: `${step.name}: ${outcome.because}, until the deadline`, step: step.name };
      return startUnwinding(flow, definition, {
        ending: 'failed',
        outcome: 'failed',
        elapsedMs,
        error,
        evidence: { ...outcome.evidence, because: outcome.because },
      });
    }
    return again(flow, outcome.afterMs, { outcome: 'retry', elapsedMs, evidence: { ...outcome.evidence, because: outcome.because } });
  }
  const state: JsonObject = { ...flow.state, ...(outcome.patch as JsonObject | undefined) };
  const journal = { outcome: outcome.kind === 'finish' ? ('done' as const) : outcome.kind, elapsedMs, evidence: outcome.evidence };
  if (outcome.kind === 'wait') return { ...park(flow, definition, step, outcome, state), journal, commit: outcome.commit };
  const next = stepAfter(definition, step, outcome);
  if (next)
    return {
      set: enterStep(definition, next, state, { finished: step.name, undoStack: flow.undo_stack }),
      journal,
      commit: outcome.commit,
    };
  return {
    set: { ...end('succeeded'), state: storableJson(state), version: definition.version },
    journal,
    commit: async (trx) => {
      await outcome.commit?.(trx);
      await definition.onSucceeded?.(trx, { id: flow.id, kind: flow.kind, subjectId: flow.subject_id, input: flow.input, state });
    },
  };
}

function stepAfter(definition: FlowDefinition, step: FlowStep, outcome: StepOutcome): FlowStep | undefined {
  if (outcome.kind === 'finish') return undefined;
  if (outcome.kind !== 'goto') return definition.steps[definition.steps.indexOf(step) + 1];
  const next = definition.steps.find(({ name }) => name === outcome.step);
  if (next === undefined) throw new Error(`${definition.kind}: no step ${outcome.step} to go to`);
  return next;
}

async function afterError(
  tools: RunnerTools,
  run: Run,
  step: FlowStep,
  error: unknown,
  elapsedMs: number,
  remainingMs: number,
): Promise<LeasedFlow> {
  const { flow } = run;
  const message = error instanceof Error ? error.message : String(error);
  const decision = decideAfterError(step.attempts, flow.failures + 1, remainingMs);
  if (decision.kind === 'retry') {
    tools.logger.info(
      { flowId: flow.id, kind: flow.kind, step: step.name, err: error, afterMs: decision.afterMs },
      'a flow step failed and will be tried again',
    );
    const row = await commitChange(
      tools.database.db,
      flow,
      again(flow, decision.afterMs, { outcome: 'error', elapsedMs, evidence: { error: message } }, flow.failures + 1),
    );
    tools.count('stepsRetried');
    return row;
  }
  const advice =
    adviceOf(error) ??
    (decision.code === 'attempts'
      ? `It was tried ${flow.failures + 1} times; see the evidence in the flow's history.`
      : 'It failed until its deadline; see the evidence in the history.');
  return fail(tools, run, { code: decision.code, message, advice }, elapsedMs);
}

/** Errors of devices know what to do about themselves. */
const adviceOf = (error: unknown): string | undefined => {
  const advice = (error as { advice?: unknown } | null)?.advice;
  return typeof advice === 'string' && advice !== '' ? advice : undefined;
};

const deadlineError = (flow: LeasedFlow) => ({
  code: 'deadline',
  message: `waited too long for ${flow.waiting_for?.what ?? flow.step}`,
  advice: "See the last entries of the flow's history for what was tried.",
});

async function fail(tools: RunnerTools, run: Run, error: Omit<FlowError, 'step'>, elapsedMs: number): Promise<LeasedFlow> {
  const { flow, definition } = run;
  const full: FlowError = { ...error, step: flow.step };
  const row = await commitChange(
    tools.database.db,
    flow,
    startUnwinding(flow, definition, {
      ending: 'failed',
      outcome: 'failed',
      elapsedMs,
      error: full,
      evidence: { code: error.code, message: error.message },
    }),
  );
  tools.count('stepsFailed');
  return row;
}
