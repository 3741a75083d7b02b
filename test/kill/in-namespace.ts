import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

const root = join(import.meta.dirname, '../..');
const run = promisify(execFile);
/** Many times what a loaded machine needs; the programs' own limits speak first. */
const TIMEOUT_MS = 20 * 60_000;

/**
 * Runs a program of this folder in network and process namespaces of its own, where the boot plane may have its ports, and
 * answers what it printed as JSON. Whatever it leaves behind ends with it.
 */
export async function runInNamespace(program: string, args: readonly string[]): Promise<unknown> {
  const ramdisk = join(root, '.cache/ramdisk');
  // From inside there is no way to Debian's packages.
  await run(join(root, 'rackwright'), ['ramdisk', 'build', '--cache', ramdisk, '--json']);
  const words = [
    process.execPath,
    '--disable-warning=ExperimentalWarning',
    join(import.meta.dirname, program),
    '--ramdisk',
    ramdisk,
    ...args,
  ];
  const { stdout } = await run(
    'unshare',
    ['--net', '--pid', '--fork', '--kill-child=KILL', '--mount-proc', 'sh', '-c', 'ip link set lo up && exec "$0" "$@"', ...words],
    { timeout: TIMEOUT_MS, maxBuffer: 64 * 2 ** 20 },
  ).catch((error: { stdout?: string; stderr?: string }) => {
    throw new Error(`${program} failed:\n${error.stdout ?? ''}\n${error.stderr?.slice(-3000) ?? ''}`);
  });
  return JSON.parse(stdout);
}
