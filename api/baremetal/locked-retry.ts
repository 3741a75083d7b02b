import { setTimeout as sleep } from 'node:timers/promises';
import { InventoryError } from '../../inventory/node-record.ts';

/**
 * A node that is busy right now is often free a moment later: a power change ends, a flow commits its last step. Ironic
 * looks three times, a second apart, before it answers 409; so do we, sooner at first.
 */
const PAUSES_MS = [15, 30, 60, 120, 240, 480, 960, 1000];

export async function whileLocked<Value>(work: () => Promise<Value>): Promise<Value> {
  for (const pauseMs of PAUSES_MS) {
    try {
      return await work();
    } catch (error) {
      if (!isMomentary(error)) throw error;
      await sleep(pauseMs);
    }
  }
  return work();
}

/** SQLSTATE of a deadlock and of a failed serialization: PostgreSQL asks to try again. */
const TRY_AGAIN = new Set(['40P01', '40001']);
const isMomentary = (error: unknown): boolean =>
  (error instanceof InventoryError && error.isLocked) || TRY_AGAIN.has(String((error as { code?: string }).code));
