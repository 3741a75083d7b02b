/** Time as an argument, so that a seed can replay a failure. All instants are milliseconds since the Unix epoch. */
export interface Clock {
  nowMs(): number;
  /** Milliseconds from some start, never set back: for leases and durations. */
  steadyMs(): number;
  /** Resolves after `ms` milliseconds, or rejects with the signal's reason. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  steadyMs: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const onAbort = () => {
        clearTimeout(timer);
        reject(signal?.reason);
      };
      const timer = setTimeout(() => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      }, ms);
      signal?.addEventListener('abort', onAbort, { once: true });
    }),
};

/** Calls back once after `ms`, unless the returned function was called before. */
export function after(clock: Clock, ms: number, run: () => void): () => void {
  const cancelled = new AbortController();
  clock.sleep(ms, cancelled.signal).then(run, () => {});
  return () => cancelled.abort();
}

/** A signal that aborts after `ms`, or with the other one. `end` lets its timer go. */
export function timeLimit(clock: Clock, ms: number, other?: AbortSignal): { readonly signal: AbortSignal; readonly end: () => void } {
  const limit = new AbortController();
  const end = after(clock, ms, () => limit.abort(new DOMException('The operation was aborted due to timeout', 'TimeoutError')));
  return { signal: other === undefined ? limit.signal : AbortSignal.any([limit.signal, other]), end };
}
