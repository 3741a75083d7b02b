import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';

/** What `lab --fault` says before anything starts. */
const PROGRAM = join(import.meta.dirname, '../../cli/rackwright.ts');

const run = (...args: string[]): Promise<{ code: number; said: string }> =>
  new Promise((resolve) => {
    execFile(process.execPath, ['--disable-warning=ExperimentalWarning', PROGRAM, 'lab', ...args], (error, stdout, stderr) =>
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, said: stdout + stderr }),
    );
  });

for (const [args, code, expected] of [
  [['--fault', 'list'], 0, /kill-control-plane[^]*network-loss[^]*bad-checksum/],
  [['--fault', 'gremlins'], 2, /no such fault: "gremlins"\nnext: {2}there are: kill-control-plane, /],
  [['--fault', 'bmc-slow,', 'bmc-slow'], 2, /no such fault: ""/],
  [['--fault', 'bmc-slow,bad-checksum', '--until', 'available'], 2, /bad-checksum: nothing is deployed/],
  [
    ['bmc', '--count', '1', '--listen', '127.9.9.1', '--fault', 'network-loss'],
    2,
    /no such fault of a BMC: "network-loss"\nnext: {2}there are: bmc-slow, /,
  ],
  [['--machines', '0'], 2, /--machines is a whole number from 1 to 200/],
  [['--machines', '1000'], 2, /1 to 200/],
  [['--seed', 'today'], 2, /--seed is a whole number/],
  [['--listen', 'here'], 2, /ADDRESS:PORT/],
  [['--listen', '127.0.0.1:70000'], 2, /ADDRESS:PORT/],
  [['--image', 'windows'], 2, /debian, debian-partition, tiny/],
] as const)
  test(`lab ${args.join(' ')} ends with ${code}`, async () => {
    const end = await run(...args);
    assert.equal(end.code, code, end.said);
    assert.match(end.said, expected);
  });
