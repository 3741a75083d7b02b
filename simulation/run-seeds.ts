import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { SeedOrder, SeedSummary } from './seed-summary.ts';

const WORKER = join(import.meta.dirname, 'simulation-worker.ts');
/** What a process has at hand, so that it does not wait for us between two seeds. */
const SEEDS_AHEAD = 2;
/** Most of what a statement makes is gone with it: young memory of this size, in MB, is swept a third as often. */
const YOUNG_MEMORY = '--max-semi-space-size=16';

/**
 * Runs seeds in so many processes, each with a PostgreSQL of its own. A seed's outcome is its own: it does not depend on which
 * process it falls to, or on what was there before it.
 * @throws Error when a worker dies
 */
export async function runSeeds(orders: readonly SeedOrder[], jobs: number, onSeed: (summary: SeedSummary) => void): Promise<void> {
  let next = 0;
  const work = async (): Promise<void> => {
    const child = fork(WORKER, {
      execArgv: ['--disable-warning=ExperimentalWarning', YOUNG_MEMORY],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    let pending = 0;
    const give = () => {
      for (; pending < SEEDS_AHEAD && next < orders.length; pending += 1) child.send(orders[next++]!);
      if (pending === 0) child.disconnect();
    };
    child.on('message', (message: SeedSummary | 'ready') => {
      if (message !== 'ready') {
        pending -= 1;
        onSeed(message);
      }
      give();
    });
    const [code] = (await once(child, 'exit')) as [number | null];
    if (code !== 0) throw new Error(`a process of the simulation ended with ${code ?? 'a signal'}`);
  };
  await Promise.all(Array.from({ length: Math.min(jobs, orders.length) }, work));
}
