import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';

/** A bench that is broken off leaves nothing of its peers, which are daemons of other people. Needs root. */
const program = join(import.meta.dirname, '../../cli/rackwright.ts');
const LIMIT_MS = 60_000;

/** Command lines of processes that speak of a folder, or work in it. */
const processesOf = (directory: string): string[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
        return `${line} ${readlinkSync(`/proc/${pid}/cwd`)}`.includes(directory) ? [line] : [];
      } catch {
        return [];
      }
    });

const networkNamespaces = (): string[] =>
  (existsSync('/run/netns') ? readdirSync('/run/netns') : []).filter((name) => name.startsWith('rwbench'));

async function until(what: string, isSo: () => boolean): Promise<void> {
  for (const end = Date.now() + LIMIT_MS; !isSo(); await pause(50)) assert.ok(Date.now() < end, `waited in vain for ${what}`);
}

const ENDS = {
  'Ctrl-C': { signal: 'SIGINT', code: 130 },
  'kill -9': { signal: 'SIGKILL', code: null },
} as const;

for (const [name, { signal, code }] of Object.entries(ENDS))
  test(`${name} while peers and our own control plane run: no process, no network namespace and no file is left`, async (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'rwi-'));
    const before = networkNamespaces();
    const bench = spawn(process.execPath, [program, 'bench', 'network', '--rounds', '1'], {
      stdio: 'ignore',
      env: { ...process.env, TMPDIR: directory },
    });
    t.after(() => bench.kill('SIGKILL'));
    const ended = once(bench, 'exit');
    const isThere = (name: string) => processesOf(directory).some((line) => line.includes(name));
    await until('OVN and our own control plane', () => isThere('ovn-controller') && isThere('postgres'));
    bench.kill(signal);
    assert.equal((await ended)[0], code);
    await until('the end of all processes', () => processesOf(directory).length === 0);
    await until('an empty folder', () => readdirSync(directory).length === 0);
    assert.deepEqual(networkNamespaces(), before);
    rmdirSync(directory);
  });
