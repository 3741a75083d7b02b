import { after, type Clock } from '../../base/clock.ts';
import type { StepOutcome } from '../flow-definition.ts';

/** Why a step's signal aborted; the runner decides by it. */
export type AbortCause = 'deadline' | 'cancel' | 'lease-lost' | 'stop';

/** After an abort the step may still tidy up or hand in its result for this long; then the engine goes on without it. */
const ABORT_GRACE_MS = 1_000;
/** The longest delay that setTimeout takes; longer deadlines are looked at again after that. */
const TIMER_MAX_MS = 2 ** 31 - 1;

export class StepAbort extends Error {
  override readonly name = 'StepAbort';
  override readonly cause: AbortCause;
  constructor(cause: AbortCause) {
    super(
      {
        deadline: 'the deadline of this step has passed',
        cancel: 'the flow was cancelled',
        'lease-lost': 'another engine took this flow over',
        stop: 'the engine is stopping',
      }[cause],
    );
    this.cause = cause;
  }
}

export interface StepResult<Value> {
  readonly value?: Value;
  readonly error?: unknown;
  readonly aborted?: AbortCause | undefined;
  readonly elapsedMs: number;
}

/** Runs one call of a step until it settles, or until `ABORT_GRACE_MS` after its signal aborted. Never throws. */
export async function callStep<Value = StepOutcome>(
  clock: Clock,
  controller: AbortController,
  deadlineMs: number,
  call: (signal: AbortSignal) => Promise<Value>,
): Promise<StepResult<Value>> {
  const startedAt = clock.steadyMs();
  const { signal } = controller;
  const cancelDeadline = after(clock, Math.min(Math.max(0, deadlineMs), TIMER_MAX_MS), () => controller.abort(new StepAbort('deadline')));
  let cancelGrace = () => {};
  const abandoned = new Promise<{ error: unknown }>((resolve) => {
    const onAbort = () => {
      cancelGrace = after(clock, ABORT_GRACE_MS, () => resolve({ error: signal.reason }));
    };
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
  const settled = (async () => call(signal))().then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  const result = await Promise.race([settled, abandoned]);
  cancelDeadline();
  cancelGrace();
  return { ...result, aborted: signal.aborted ? (signal.reason as StepAbort).cause : undefined, elapsedMs: clock.steadyMs() - startedAt };
}
