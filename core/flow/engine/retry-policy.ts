import type { FlowStep } from '../flow-definition.ts';

/** Hardware that answers after a minute is found within two; a longer pause only hides recovery. */
const BACKOFF_MAX_MS = 60_000;
const BACKOFF_DEFAULT_MS = 1_000;

export type ErrorDecision =
  | { readonly kind: 'retry'; readonly afterMs: number }
  | { readonly kind: 'give-up'; readonly code: 'attempts' | 'deadline' };

/**
 * What follows a thrown error.
 * @param failures thrown errors of this step so far, with this one.
 * @param remainingMs until the step's deadline.
 */
export function decideAfterError(attempts: FlowStep['attempts'], failures: number, remainingMs: number): ErrorDecision {
  if (attempts && failures >= attempts.max) return { kind: 'give-up', code: 'attempts' };
  const afterMs = Math.min((attempts?.backoffMs ?? BACKOFF_DEFAULT_MS) * 2 ** Math.min(failures - 1, 20), BACKOFF_MAX_MS);
  // An attempt that could only start after the deadline is no attempt: say so now.
  return afterMs >= remainingMs ? { kind: 'give-up', code: 'deadline' } : { kind: 'retry', afterMs };
}
