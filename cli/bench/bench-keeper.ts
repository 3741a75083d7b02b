import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * The program between a bench's command and its namespaces: it starts the command line that it is given inside, ends it when its own standard
 * input ends (whoever started it is gone), and removes what was written. It is in a session of its own, so no Ctrl-C reaches it.
 */
/** A short name: paths of Unix sockets end at 107 bytes, and the daemons make theirs deep in here. */
const directory = await mkdtemp(join(tmpdir(), 'rwb-'));

/**
 * The first process collects the orphans that daemons leave. Names of network namespaces are mounts: in a mount namespace with a folder of its own
 * for them they end with it. The kernel ends `unshare` with this process, and all inside with `unshare`.
 */
const FIRST_PROCESS = 'mkdir -p /run/netns && mount -t tmpfs tmpfs /run/netns && { "$@" & wait $!; }';
const namespaces = ['unshare', '--pid', '--fork', '--kill-child', '--mount', '--mount-proc', '--'];
const inside = spawn(
  'setpriv',
  ['--pdeathsig', 'KILL', '--', ...namespaces, 'sh', '-c', FIRST_PROCESS, 'bench', process.execPath, ...process.argv.slice(2)],
  { stdio: ['ignore', 'inherit', 'inherit'], env: { ...process.env, TMPDIR: directory } },
);
const ended = once(inside, 'close') as Promise<[number | null]>;
process.stdin.on('end', () => inside.kill('SIGKILL')).resume();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => inside.kill('SIGKILL'));

const [code] = await ended;
// Processes in the namespace may still be dying, with files open that they make.
await rm(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
process.exit(code ?? 1);
