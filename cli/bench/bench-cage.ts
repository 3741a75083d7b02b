import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { CommandError, EXIT_CODE } from '../terminal/exit-code.ts';

/*
 * A bench starts daemons of other people, which put themselves into the background, write data and know nothing of us. So it runs as a process
 * of its own in namespaces of processes and mounts, whose end is the end of everything in there, under a keeper that holds on to this process by
 * a pipe: Ctrl-C, SIGTERM and `kill -9` of the bench leave no process, no network namespace and no file.
 */
const KEEPER = join(import.meta.dirname, 'bench-keeper.ts');
const INSIDE = 'RACKWRIGHT_BENCH_CAGE';
/** As a shell tells it: 128 and the signal's number. */
const INTERRUPTED = { SIGINT: 130, SIGTERM: 143 } as const;

export const isInCage = (): boolean => process.env[INSIDE] !== undefined;

/** Starts the same command line inside, and resolves with its end. Needs root. */
export async function runInCage(): Promise<void> {
  const keeper = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', KEEPER, ...process.execArgv, ...process.argv.slice(1)], {
    stdio: ['pipe', 'inherit', 'inherit'],
    // Ctrl-C at the terminal is for this process.
    detached: true,
    env: { ...process.env, [INSIDE]: '1' },
  });
  keeper.stdin.on('error', () => {});
  let interruption: number | undefined;
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => {
      interruption = INTERRUPTED[signal];
      keeper.stdin.end();
    });
  const [code] = (await once(keeper, 'close')) as [number | null];
  if (interruption !== undefined) process.exit(interruption);
  if (code === null) throw new CommandError('the keeper of the bench was killed', EXIT_CODE.failed);
  // What there is to say was said inside.
  process.exitCode = code;
}
