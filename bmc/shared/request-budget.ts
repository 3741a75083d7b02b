import type { Clock } from '../../core/base/clock.ts';

/**
 * A token bucket per BMC: the small processors in BMCs stop answering, or restart, when a client asks without pause.
 * Reading a FRU takes some 40 requests, hence the burst.
 */
export interface RequestBudget {
  take(signal: AbortSignal): Promise<void>;
}

export const REQUESTS_PER_SECOND = 40;
export const REQUESTS_BURST = 80;

export function createRequestBudget(clock: Clock, perSecond = REQUESTS_PER_SECOND, burst = REQUESTS_BURST): RequestBudget {
  let tokens = burst;
  let filledAtMs = clock.nowMs();
  return {
    async take(signal) {
      const nowMs = clock.nowMs();
      tokens = Math.min(burst, tokens + ((nowMs - filledAtMs) * perSecond) / 1000);
      filledAtMs = nowMs;
      tokens -= 1;
      if (tokens < 0) await clock.sleep((-tokens / perSecond) * 1000, signal);
    },
  };
}
