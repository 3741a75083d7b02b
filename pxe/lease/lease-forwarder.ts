import type { Clock } from '../../core/base/clock.ts';
import type { Logger } from '../../core/base/logger.ts';
import type { Random } from '../../core/base/random.ts';
import type { LeaseRecord, StoreLeases } from '../boot-model.ts';

/**
 * Carries durable leases to the control plane in batches, for ever: a rejection only means later. Only the newest record of
 * an address is kept, so a control plane that is down for a week costs no more memory than the pools have addresses.
 */
export interface LeaseForwarder {
  add(leases: readonly LeaseRecord[]): void;
  readonly counters: { stored: number; failures: number };
  pending(): number;
  /** Resolves when nothing that was added before is pending; rejects with the signal. */
  stored(signal: AbortSignal): Promise<void>;
  stop(): Promise<void>;
}

export interface ForwarderOptions {
  readonly storeLeases: StoreLeases;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Told when everything up to this sequence is stored. */
  readonly onStored: (sequence: number) => void;
}

const BATCH_LEASES_MAX = 500;
/** Leases reach the control plane within a second; a tenth of it gathers a burst. */
const GATHER_MS = 100;
const BACK_OFF_FIRST_MS = 250;
const BACK_OFF_MAX_MS = 15_000;

export function startLeaseForwarder(options: ForwarderOptions): LeaseForwarder {
  const { clock, random, logger } = options;
  const pending = new Map<string, LeaseRecord>();
  const counters = { stored: 0, failures: 0 };
  const stopping = new AbortController();
  let wake: (() => void) | undefined;
  let highest = 0;

  const storeBatch = async (batch: readonly LeaseRecord[]): Promise<void> => {
    await options.storeLeases(batch);
    counters.stored += batch.length;
    for (const lease of batch) if (pending.get(lease.ipAddress) === lease) pending.delete(lease.ipAddress);
    for (const lease of batch) highest = Math.max(highest, lease.sequence);
    if (pending.size === 0) options.onStored(highest);
  };

  const run = async (): Promise<void> => {
    let failuresInARow = 0;
    while (!stopping.signal.aborted) {
      if (pending.size === 0) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
        wake = undefined;
        await clock.sleep(GATHER_MS, stopping.signal);
      }
      const batch = [...pending.values().take(BATCH_LEASES_MAX)];
      try {
        if (batch.length > 0) await storeBatch(batch);
        failuresInARow = 0;
      } catch (error) {
        counters.failures += 1;
        failuresInARow += 1;
        if (failuresInARow === 1)
          logger.warn(
            { err: error, pending: pending.size },
            'leases cannot be stored now; the journal keeps them and the store is tried again',
          );
        const backOff = Math.min(BACK_OFF_MAX_MS, BACK_OFF_FIRST_MS * 2 ** (failuresInARow - 1));
        await clock.sleep(backOff * (0.5 + random.unit() / 2), stopping.signal);
      }
    }
  };
  // Only the stop signal ends the loop, by a rejected sleep.
  const done = run().catch(() => {});

  return {
    counters,
    pending: () => pending.size,
    async stored(signal) {
      const before = [...pending.values()];
      while (before.some((lease) => pending.get(lease.ipAddress) === lease)) await clock.sleep(GATHER_MS, signal);
    },
    add(leases) {
      for (const lease of leases) if ((pending.get(lease.ipAddress)?.sequence ?? -1) < lease.sequence) pending.set(lease.ipAddress, lease);
      wake?.();
    },
    async stop() {
      stopping.abort(new Error('the lease forwarder stops'));
      wake?.();
      // A store that hangs must not hold up the end of the process: the journal has everything.
      await Promise.race([done, new Promise((resolve) => setTimeout(resolve, 500).unref())]);
    },
  };
}
