import { randomBytes } from 'node:crypto';
import type { JsonObject } from '../../../core/base/json.ts';
import type { EraseArgs, InventoryDisk } from '../../protocol.ts';
import { AgentFailure } from '../control/agent-failure.ts';
import { burnInStep, secondsOf } from './burn-in.ts';
import { requirePlannedDisk } from './require-disk.ts';
import type { StepContext } from './step.ts';

/**
 * Writes noise to places all over each planned disk and reads it back, until the time is over, once at least. What was on the disk is gone
 * afterwards, and noise is left: cleaning wipes it.
 */
const BLOCK_BYTES = 4 * 2 ** 20;

async function burnDisk(facts: InventoryDisk, seconds: number, context: StepContext): Promise<JsonObject> {
  const disk = await context.disks.open(facts);
  const startedAtMs = context.clock.nowMs();
  const noise = randomBytes(Math.min(BLOCK_BYTES, facts.sizeBytes));
  const places = Math.max(1, Math.floor(facts.sizeBytes / noise.length));
  let blocks = 0;
  let busyMs = 0;
  try {
    do {
      context.signal.throwIfAborted();
      // Far jumps: heads and flash translation layers show their weakness there. Coprime to most counts, so that all places come.
      const offset = ((blocks * 7919) % places) * noise.length;
      const blockStartedMs = context.clock.nowMs();
      await disk.write(offset, noise);
      await disk.flush();
      const readBack = await disk.read(offset, noise.length);
      busyMs += context.clock.nowMs() - blockStartedMs;
      if (!readBack.equals(noise))
        throw new AgentFailure('burn-in-failed', `${facts.device} does not keep what is written to it, at byte ${offset}`, {
          serial: facts.serial ?? '',
          offset,
        });
      blocks += 1;
      const done = Math.min(seconds, Math.round((context.clock.nowMs() - startedAtMs) / 1000));
      context.progress({ phase: `writing and reading ${facts.device}`, done, total: seconds, unit: 'steps' });
    } while (context.clock.nowMs() - startedAtMs < seconds * 1000);
  } catch (error) {
    if (error instanceof AgentFailure || context.signal.aborted) throw error;
    throw new AgentFailure('burn-in-failed', `${facts.device}: ${(error as Error).message}`, { serial: facts.serial ?? '' });
  } finally {
    await disk.close();
  }
  return {
    serial: facts.serial ?? '',
    device: facts.device,
    bytes: blocks * noise.length,
    megabytesPerSecond: busyMs === 0 ? 0 : Math.round((2 * blocks * noise.length) / 1000 / busyMs),
  };
}

export const burninDisk = burnInStep(
  'burnin_disk',
  async (args, context) => {
    const seconds = secondsOf(args);
    const results: JsonObject[] = [];
    for (const planned of (args as unknown as EraseArgs).disks ?? [])
      results.push(await burnDisk(await requirePlannedDisk(context.disks, planned), seconds, context));
    return results;
  },
  { disks: { description: 'The planned disks: serial, size and WWN of each; all that were inspected by default', required: true } },
);
