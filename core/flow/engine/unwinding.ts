import { storableJson } from '../../base/json.ts';
import type { FlowError } from '../../database/schema-types.ts';
import type { EndedFlow } from '../flow-definition.ts';
import type { LeasedFlow } from './flow-row.ts';
import { commitChange, releaseLeases, StaleLease } from './flow-store.ts';
import { decideAfterError } from './retry-policy.ts';
import { contextOf, type Run, type RunnerTools } from './run.ts';
import { callStep } from './step-call.ts';
import { again, end, nextUndo } from './transitions.ts';

/*
 * The way back of a failed or cancelled flow: undo of one step per turn, last first; then the end in one transaction
 * with `onFailed` / `onCancelled`. An undo that runs out of attempts or time is named in `error.leftBehind` and the way
 * goes on: the steps before it still want to be undone.
 */

const LAST_TRY_MS = 1_000;

export async function unwindStep(tools: RunnerTools, run: Run): Promise<LeasedFlow | undefined> {
  const { flow, definition } = run;
  const { db } = tools.database;
  const step = definition.steps.find(({ name }) => name === flow.step);
  if (!step?.undo)
    return flow.step === null
      ? finish(tools, run)
      : commitChange(db, flow, { set: nextUndo(definition, flow.state, flow.undo_stack.slice(0, -1)) });

  // Also an undo whose engine died in its last moments gets a try.
  const remainingMs = Math.max(flow.remaining_ms ?? step.deadlineMs, LAST_TRY_MS);
  const result = await callStep(tools.clock, run.controller, remainingMs, async (signal) => {
    await step.undo!(contextOf(tools, run, signal));
    return true;
  });
  if (result.aborted === 'lease-lost') throw new StaleLease('lease lost while an undo ran');
  const rest = () => nextUndo(definition, flow.state, flow.undo_stack.slice(0, -1));
  if (result.value) {
    const row = await commitChange(db, flow, { set: rest(), journal: { outcome: 'undone', elapsedMs: result.elapsedMs } });
    tools.count('undone');
    return row;
  }
  if (result.aborted === 'stop') {
    await releaseLeases(db, tools.owner, [flow]);
    return undefined;
  }
  const message = result.error instanceof Error ? result.error.message : String(result.error);
  const evidence = { error: message };
  const decision =
    result.aborted === 'deadline'
      ? { kind: 'give-up' as const }
      : decideAfterError(step.attempts, flow.failures + 1, remainingMs - result.elapsedMs);
  if (decision.kind === 'retry')
    return commitChange(
      db,
      flow,
      again(flow, decision.afterMs, { outcome: 'undo-error', elapsedMs: result.elapsedMs, evidence }, flow.failures + 1),
    );
  tools.logger.error(
    { flowId: flow.id, kind: flow.kind, step: step.name, err: result.error },
    'a step could not be undone: something of it may be left',
  );
  const error = leaveBehind(flow, step.name);
  const row = await commitChange(db, flow, {
    set: { ...rest(), error: storableJson(error) },
    journal: { outcome: 'undo-abandoned', elapsedMs: result.elapsedMs, evidence },
  });
  tools.count('undoAbandoned');
  return row;
}

function leaveBehind(flow: LeasedFlow, step: string): FlowError {
  const error = flow.error ?? {
    code: 'cancelled',
    message: flow.cancel_reason ?? 'cancelled',
    advice: 'Some steps could not be undone: look at what they left behind.',
    step: null,
  };
  return { ...error, leftBehind: [...(error.leftBehind ?? []), step] };
}

async function finish(tools: RunnerTools, run: Run): Promise<LeasedFlow> {
  const { flow, definition } = run;
  const ended: EndedFlow = { id: flow.id, kind: flow.kind, subjectId: flow.subject_id, input: flow.input, state: flow.state };
  const ending = flow.ending!;
  const row = await commitChange(tools.database.db, flow, {
    set: end(ending),
    commit: async (trx) => {
      if (ending === 'failed') await definition.onFailed?.(trx, ended, flow.error!);
      else await definition.onCancelled?.(trx, ended, flow.cancel_reason ?? '');
    },
  });
  tools.count(ending);
  return row;
}
