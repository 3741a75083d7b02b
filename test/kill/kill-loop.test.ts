import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import type { KillLoopReport } from './kill-loop.ts';

/** `kill -9` at every step of enroll → deploy: each machine reaches its goal, no step is lost, none done twice where that harms. */
const root = join(import.meta.dirname, '../..');
const ramdisk = join(root, '.cache/ramdisk');
const KILLS = 60;
/** Many times what a loaded machine needs for them; the loop's own limit speaks first. */
const TIMEOUT_MS = 20 * 60_000;
const run = promisify(execFile);

test(`machines live through ${KILLS} kills of their control plane`, async (t) => {
  // From inside the namespace there is no way to Debian's packages.
  await run(join(root, 'rackwright'), ['ramdisk', 'build', '--cache', ramdisk, '--json']);
  const loop = `exec "$0" --disable-warning=ExperimentalWarning "$1" --machines 4 --kills ${KILLS} --minutes 15 --ramdisk "$2"`;
  const { stdout } = await run(
    'unshare',
    [
      ...['--net', '--pid', '--fork', '--kill-child', '--mount-proc', 'sh', '-c', `ip link set lo up && ${loop}`],
      ...[process.execPath, join(import.meta.dirname, 'kill-loop.ts'), ramdisk],
    ],
    { timeout: TIMEOUT_MS },
  ).catch((error: { stdout?: string; stderr?: string }) => {
    throw new Error(`the loop failed:\n${error.stdout ?? ''}\n${error.stderr?.slice(-3000) ?? ''}`);
  });
  const report = JSON.parse(stdout) as KillLoopReport;
  t.diagnostic(
    `${report.kills} kills at ${Object.keys(report.killedAt).length} points, ${report.machines} machines, ${report.deployments} deployments, ` +
      `${report.flowSteps} steps of ${report.flows} flows, ${report.takeovers} takeovers, ${report.seconds} s`,
  );
  assert.equal(report.kills, KILLS);
  assert.deepEqual(report.lost, []);
  assert.deepEqual(report.twice, []);
});
