import { after, type Clock } from '../core/base/clock.ts';
import type { Logger } from '../core/base/logger.ts';
import type { MachineEvent } from '../core/base/machine-event.ts';
import type { Database } from '../core/database/connect-database.ts';
import { insertEvents } from './timeline-store.ts';

/**
 * Takes events from packet paths without waiting and stores them in batches. While the database is away it keeps the newest
 * and counts what it had to drop: a boot must never wait for its own record.
 */
export interface EventRecorder {
  record(event: MachineEvent): void;
  readonly dropped: () => number;
  stop(): Promise<void>;
}

/** Gathers what belongs together; and the pause before what could not be stored is tried again. */
const GATHER_MS = 200;
/** Some minutes of a busy rack at 200 bytes each. */
const KEPT_MAX = 50_000;
const BATCH_MAX = 1000;

export function createEventRecorder(database: Pick<Database, 'db'>, clock: Clock, logger: Logger): EventRecorder {
  let waiting: MachineEvent[] = [];
  let dropped = 0;
  let flushing: Promise<void> | undefined;
  let failing = false;
  let isDue = false;
  let stopped = false;
  let cancel = () => {};

  async function flush(): Promise<void> {
    while (waiting.length > 0) {
      const batch = waiting.slice(0, BATCH_MAX);
      try {
        await insertEvents(database.db, batch);
        waiting = waiting.slice(batch.length);
        failing = false;
      } catch (error) {
        if (!failing) logger.warn({ err: error, waiting: waiting.length }, 'events can not be stored; they are kept and tried again');
        failing = true;
        return;
      }
    }
  }
  const plan = () => {
    if (isDue || stopped || flushing !== undefined) return;
    isDue = true;
    cancel = after(clock, GATHER_MS, () => {
      isDue = false;
      flushing = flush().finally(() => {
        flushing = undefined;
        if (waiting.length > 0) plan();
      });
    });
  };
  return {
    record(event) {
      if (waiting.length >= KEPT_MAX) {
        dropped += 1;
        return;
      }
      waiting.push(event);
      plan();
    },
    dropped: () => dropped,
    async stop() {
      stopped = true;
      cancel();
      await flushing;
      await flush();
    },
  };
}
