import type { Clock } from '../../core/base/clock.ts';

/** One question over UDP: send, wait, send again, until an answer matches, the waits are over, or the caller gives up. */
export interface ExchangePlan<Answer> {
  /** How long to wait after each transmission. */
  readonly waitsMs: readonly number[];
  send(attempt: number): void;
  /** Subscribes to packets; answers the end of the subscription. */
  listen(offer: (body: Buffer) => void): () => void;
  /** The answer, when this packet is it. */
  match(body: Buffer): Answer | undefined;
  readonly signal: AbortSignal;
}

/** Resolves to undefined when nothing came; rejects with the signal's reason. */
export function exchange<Answer>(clock: Clock, plan: ExchangePlan<Answer>): Promise<Answer | undefined> {
  return new Promise((resolve, reject) => {
    if (plan.signal.aborted) return reject(plan.signal.reason);
    const done = new AbortController();
    const finish = (settle: () => void) => {
      if (done.signal.aborted) return;
      done.abort();
      stopListening();
      plan.signal.removeEventListener('abort', onAbort);
      settle();
    };
    const onAbort = () => finish(() => reject(plan.signal.reason));
    const stopListening = plan.listen((body) => {
      const answer = plan.match(body);
      if (answer !== undefined) finish(() => resolve(answer));
    });
    plan.signal.addEventListener('abort', onAbort, { once: true });
    const transmit = async () => {
      for (const [attempt, waitMs] of plan.waitsMs.entries()) {
        plan.send(attempt);
        await clock.sleep(waitMs, done.signal);
      }
      finish(() => resolve(undefined));
    };
    // A finished exchange aborts the pending sleep, which rejects: `finish` then has nothing left to do.
    transmit().catch((error: unknown) => finish(() => reject(error)));
  });
}
