import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, truncateSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import type { LeaseRecord } from '../boot-model.ts';
import { openLeaseJournal } from './lease-journal.ts';

const lease = (n: number, over: Partial<LeaseRecord> = {}): LeaseRecord => ({
  ipAddress: `10.0.${n >> 8}.${n & 255}`,
  mac: '52:54:00:00:00:01',
  subnetId: 'a',
  state: 'bound',
  expiresAtMs: 5,
  sequence: n + 1,
  ...over,
});

async function inDirectory(work: (directory: string, file: string) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'rackwright-journal-'));
  try {
    await work(directory, join(directory, 'leases.journal'));
  } finally {
    rmSync(directory, { recursive: true });
  }
}

test('what one turn hands in shares one write, and is there after a restart', () =>
  inDirectory(async (directory) => {
    const { journal } = await openLeaseJournal(directory);
    await Promise.all(Array.from({ length: 100 }, (_, n) => journal.append([lease(n)])));
    assert.equal(journal.counters.writes, 1);
    await journal.append([lease(0, { sequence: 500, state: 'released' })]);
    journal.noteStored(42);
    await journal.close();
    const again = await openLeaseJournal(directory);
    assert.equal(again.leases.length, 100);
    assert.equal(again.leases.find((l) => l.ipAddress === '10.0.0.0')?.state, 'released');
    assert.deepEqual([again.storedThrough, again.damagedLines], [42, 0]);
    await again.journal.close();
  }));

test('a torn tail at every byte loses only the torn record, and appends go on behind whole lines', () =>
  inDirectory(async (directory, file) => {
    const first = await openLeaseJournal(directory);
    await first.journal.append([lease(1)]);
    await first.journal.close();
    const whole = statSync(file).size;
    const next = await openLeaseJournal(directory);
    await next.journal.append([lease(2)]);
    await next.journal.close();
    const bytes = readFileSync(file);
    for (let size = whole; size < bytes.length; size += 7) {
      truncateSync(file, size);
      const torn = await openLeaseJournal(directory);
      assert.deepEqual(
        torn.leases.map((l) => l.sequence),
        [2],
      );
      await torn.journal.append([lease(2)]);
      await torn.journal.close();
      assert.deepEqual(readFileSync(file), bytes);
    }
  }));

test('a process that was killed leaves zeros behind its lines, which are no damage', () =>
  inDirectory(async (directory, file) => {
    const killed = await openLeaseJournal(directory);
    await killed.journal.append([lease(1)]);
    assert.equal(readFileSync(file).at(-1), 0);
    const next = await openLeaseJournal(directory);
    assert.deepEqual([next.damagedLines, next.leases.length], [0, 1]);
    await next.journal.append([lease(2)]);
    await next.journal.close();
    const last = await openLeaseJournal(directory);
    assert.equal(last.leases.length, 2);
    await last.journal.close();
    await killed.journal.close();
  }));

test('a rotten line in the middle costs that line only', () =>
  inDirectory(async (directory, file) => {
    const first = await openLeaseJournal(directory);
    await first.journal.append([lease(1)]);
    await first.journal.close();
    appendFileSync(file, 'deadbeef {"rotten": true}\n');
    const second = await openLeaseJournal(directory);
    assert.equal(second.damagedLines, 1);
    await second.journal.append([lease(2)]);
    await second.journal.close();
    const third = await openLeaseJournal(directory);
    assert.deepEqual(
      third.leases.map((l) => l.sequence),
      [2, 3],
    );
    await third.journal.close();
  }));

test('a file that has grown is compacted to one line an address', () =>
  inDirectory(async (directory, file) => {
    const { journal } = await openLeaseJournal(directory);
    const hostname = 'h'.repeat(2000);
    for (let round = 0; round < 60; round += 1)
      await journal.append(Array.from({ length: 20 }, (_, n) => lease(n, { hostname, sequence: round * 20 + n + 1 })));
    assert.ok(journal.counters.compactions >= 1);
    assert.ok(statSync(file).size < 1_300_000);
    await journal.close();
    const again = await openLeaseJournal(directory);
    assert.deepEqual(
      again.leases.map((l) => l.sequence),
      Array.from({ length: 20 }, (_, n) => 59 * 20 + n + 1),
    );
    await again.journal.close();
  }));

test('what is handed in while the file is written anew, and what was acknowledged just before, is there after a restart', () =>
  inDirectory(async (directory) => {
    const { journal } = await openLeaseJournal(directory);
    const hostname = 'h'.repeat(2000);
    const turn = () => new Promise(setImmediate);
    const acknowledged: Promise<void>[] = [];
    for (let n = 0; n < 1500; n += 1) {
      acknowledged.push(journal.append([lease(n, { hostname })]));
      if (n % 3 === 0) await turn();
    }
    await Promise.all(acknowledged);
    assert.ok(journal.counters.compactions >= 1);
    await journal.close();
    const again = await openLeaseJournal(directory);
    assert.deepEqual([again.leases.length, again.damagedLines], [1500, 0]);
    await again.journal.close();
  }));

test('a crash that tears the first of two writes on their way leaves the second whole, wherever it tears', () =>
  inDirectory(async (directory, file) => {
    const { journal } = await openLeaseJournal(directory);
    await journal.append([lease(0)]);
    const from = readFileSync(file).indexOf(0);
    const first = journal.append([lease(1)]);
    await new Promise(setImmediate);
    await Promise.all([first, journal.append([lease(2)])]);
    const bytes = readFileSync(file);
    const to = bytes.indexOf('\n', from) + 1;
    assert.equal(bytes[to], 10, 'the second begins on a line of its own');
    for (let cut = from; cut < to; cut += 5) {
      const torn = Buffer.from(bytes);
      torn.fill(0, cut, to);
      writeFileSync(file, torn);
      const after = await openLeaseJournal(directory);
      assert.deepEqual([after.leases.map((l) => l.sequence), after.damagedLines], [[1, 3], cut === from ? 0 : 1]);
      await after.journal.close();
    }
    await journal.close();
  }));
