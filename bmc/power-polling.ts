import type { Clock } from '../core/base/clock.ts';
import type { Logger } from '../core/base/logger.ts';
import type { Random } from '../core/base/random.ts';
import { BmcError, type BmcConnection, type PowerState } from './capability.ts';
import { createGate } from '../core/base/gate.ts';

/** Reads the power of many BMCs again and again, each at its own moment of the interval, so that load stays level. */
export interface PollTarget {
  readonly id: string;
  readonly connection: BmcConnection;
}

export interface PollOptions {
  readonly intervalMs: number;
  /** Of one BMC, when that is another; asked before each pause. */
  readonly intervalOf?: (id: string) => number;
  /** Limit of one reading; default 15 s. */
  readonly timeoutMs?: number;
  /** Readings at once; default 256. */
  readonly concurrency?: number;
}

export interface PowerPolling {
  /** Reads this one soon: at once, or when its last reading is `WAKE_GAP_MS` old. Any number of calls cost one reading. */
  wake(id: string): void;
  /** Stops after the readings that are under way. */
  stop(): Promise<void>;
}

const TIMEOUT_MS = 15_000;
const CONCURRENCY = 256;
/** Later readings wander by up to this part of the interval, so that a fleet never falls into step. */
const JITTER = 0.1;
/** A BMC that tells much, or a stranger in its name, costs no more than a reading in this time. */
export const WAKE_GAP_MS = 2_000;

export function startPowerPolling(
  targets: readonly PollTarget[],
  onState: (id: string, state: PowerState | BmcError) => void,
  options: PollOptions,
  deps: { clock: Clock; random: Random; logger: Logger },
): PowerPolling {
  const stopping = new AbortController();
  const gate = createGate(options.concurrency ?? CONCURRENCY);
  const sleep = (ms: number) => deps.clock.sleep(ms, stopping.signal);
  /** What ends the pause of a BMC early. */
  const pauses = new Map<string, () => void>();
  const woken = new Set<string>();
  const pause = async (id: string, ms: number) => {
    if (woken.delete(id)) ms = Math.min(ms, WAKE_GAP_MS);
    const early = new AbortController();
    const startedAtMs = deps.clock.nowMs();
    pauses.set(id, () => early.abort());
    await deps.clock.sleep(ms, AbortSignal.any([stopping.signal, early.signal])).catch((error: unknown) => {
      if (stopping.signal.aborted) throw error;
    });
    pauses.delete(id);
    const leftMs = startedAtMs + WAKE_GAP_MS - deps.clock.nowMs();
    if (early.signal.aborted && leftMs > 0) await sleep(Math.min(leftMs, ms));
    woken.delete(id);
  };

  const readOnce = async ({ id, connection }: PollTarget) => {
    const leave = await gate.enter(stopping.signal);
    try {
      const signal = AbortSignal.any([stopping.signal, AbortSignal.timeout(options.timeoutMs ?? TIMEOUT_MS)]);
      const state = await connection.powerState(signal).catch((error: unknown) => {
        if (error instanceof BmcError) return error;
        throw error;
      });
      if (!stopping.signal.aborted) onState(id, state);
    } finally {
      leave();
    }
  };

  const watch = async (target: PollTarget) => {
    // The first round is spread over a tenth of the interval: a start should show the fleet soon.
    await pause(target.id, deps.random.unit() * options.intervalMs * JITTER);
    while (!stopping.signal.aborted) {
      const startedAtMs = deps.clock.nowMs();
      await readOnce(target);
      const intervalMs = options.intervalOf?.(target.id) ?? options.intervalMs;
      const wander = (deps.random.unit() - 0.5) * intervalMs * JITTER;
      await pause(target.id, Math.max(0, startedAtMs + intervalMs + wander - deps.clock.nowMs()));
    }
  };

  const watches = targets.map((target) =>
    watch(target).catch((error: unknown) => {
      if (!stopping.signal.aborted) deps.logger.error({ id: target.id, error: String(error) }, 'power polling of a BMC ended');
    }),
  );
  return {
    wake(id) {
      woken.add(id);
      pauses.get(id)?.();
    },
    async stop() {
      stopping.abort();
      await Promise.all(watches);
    },
  };
}
