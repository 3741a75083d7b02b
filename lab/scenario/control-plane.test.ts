import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { openSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { ProcessEnd, Rack } from '../start-rack.ts';
import { createControlPlane } from './control-plane.ts';

/** A rack that starts processes on this host, and a `serve` that writes its process id and is ready at once. */
function build(t: { after(run: () => void): void }, restarts: boolean) {
  const directory = mkdtempSync(join(tmpdir(), 'rackwright-control-plane-'));
  const pidFile = join(directory, 'pid');
  const logFile = join(directory, 'serve.log');
  const rack = {
    async runInside(argv: readonly string[]) {
      const log = openSync(logFile, 'a');
      const child = spawn(argv[0]!, argv.slice(1), { stdio: ['ignore', log, log] });
      const exited = new Promise<ProcessEnd>((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })));
      return { pid: child.pid!, exited, kill: async (signal: NodeJS.Signals) => child.kill(signal) };
    },
  } as unknown as Rack;
  const pid = () => {
    try {
      const found = Number(readFileSync(pidFile, 'utf8'));
      // The file is there before its number is; 0 would be this process's own group.
      if (found === 0) return undefined;
      process.kill(found, 0);
      return found;
    } catch {
      return undefined;
    }
  };
  const controlPlane = createControlPlane({
    rack,
    argv: ['sh', '-c', `echo $$ > ${pidFile}; echo started; exec sleep 60`],
    logFile,
    isReady: async () => pid() !== undefined,
    restarts,
  });
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return { controlPlane, pid, logFile, rack };
}

async function until(what: () => boolean): Promise<void> {
  const end = Date.now() + 30_000;
  while (!what()) {
    assert.ok(Date.now() < end, 'waited in vain');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

test('a control plane is killed and started again as another process', async (t) => {
  const { controlPlane, pid } = build(t, true);
  await controlPlane.start();
  const first = pid();
  await controlPlane.crash();
  assert.equal(pid(), undefined);
  await controlPlane.start();
  assert.notEqual(pid(), first);
  assert.equal(controlPlane.unexpectedEnds(), 0, 'a kill by the lab is no crash of the product');
  await controlPlane.stop();
  assert.equal(pid(), undefined);
});

test('one that ends by itself is started again, and that is counted', async (t) => {
  const { controlPlane, pid } = build(t, true);
  await controlPlane.start();
  const first = pid()!;
  process.kill(first, 'SIGKILL');
  await until(() => pid() !== undefined && pid() !== first);
  assert.equal(controlPlane.unexpectedEnds(), 1);
  await controlPlane.stop();
});

test('one that does not get up is told with the end of its log', async (t) => {
  const { rack, logFile } = build(t, false);
  const controlPlane = createControlPlane({
    rack,
    argv: ['sh', '-c', 'echo no disk; exit 3'],
    logFile,
    isReady: async () => false,
    restarts: true,
  });
  await assert.rejects(controlPlane.start(), /ended while starting; its log ends:\nno disk/);
});
