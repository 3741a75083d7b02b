import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SeedOrder, SeedSummary } from './seed-summary.ts';

const WORKER = join(import.meta.dirname, 'simulation-worker.ts');
/** What a process has at hand, so that it does not wait for us between two seeds. */
const SEEDS_AHEAD = 2;
/** Most of what a statement makes is gone with it: young memory of this size, in MB, is swept a third as often. */
const YOUNG_MEMORY = '--max-semi-space-size=16';

/** That this process may run on: `Cpus_allowed_list` of proc(5), as `0-3,8`. */
function processors(): number[] {
  const [, list = ''] = /^Cpus_allowed_list:\s*(.*)$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  return list.split(',').flatMap((range) => {
    const [first, last = first] = range.split('-').map(Number);
    return Array.from({ length: last! - first! + 1 }, (_, at) => first! + at);
  });
}

/**
 * A process and its database take turns, thousands of times a seed: on one processor the other need not be woken from afar, which costs two fifths of their time.
 * Only where every processor gets one, as nobody may move away from where it is crowded then.
 */
function placesOf(jobs: number): readonly (number | undefined)[] {
  const all = processors();
  return Array.from({ length: jobs }, (_, at) => (jobs < all.length ? undefined : all[at % all.length]));
}

/**
 * Runs seeds in so many processes, each with a PostgreSQL of its own. A seed's outcome is its own: it does not depend on which
 * process it falls to, or on what was there before it.
 * @throws Error when a worker dies
 */
export async function runSeeds(orders: readonly SeedOrder[], jobs: number, onSeed: (summary: SeedSummary) => void): Promise<void> {
  let next = 0;
  const work = async (processor: number | undefined): Promise<void> => {
    const node = ['--disable-warning=ExperimentalWarning', YOUNG_MEMORY];
    const child = fork(WORKER, {
      ...(processor === undefined
        ? { execArgv: node }
        : { execPath: 'taskset', execArgv: ['--cpu-list', String(processor), process.execPath, ...node] }),
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
  await Promise.all(placesOf(Math.min(jobs, orders.length)).map(work));
}
