import { sql } from 'kysely';
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

const answers = ({ db }: Pick<Database, 'db'>): Promise<boolean> =>
  sql`select 1`.execute(db).then(
    () => true,
    () => false,
  );

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
        if (await answers(database)) {
          await storeOneByOne(batch);
          waiting = waiting.slice(batch.length);
          continue;
        }
        if (!failing) logger.warn({ err: error, waiting: waiting.length }, 'events can not be stored; they are kept and tried again');
        failing = true;
        return;
      }
    }
  }
  /** Something is wrong with an event, not with the database: it alone is lost, and said so. */
  async function storeOneByOne(batch: readonly MachineEvent[]): Promise<void> {
    for (const event of batch)
      await insertEvents(database.db, [event]).catch((error: unknown) => {
        dropped += 1;
        logger.error({ err: error, kind: event.kind, machine: event.machine }, 'an event can not be stored and is dropped');
      });
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
