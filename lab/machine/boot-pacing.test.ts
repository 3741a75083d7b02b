import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bootIsOver, cpuSecondsOfStat } from './boot-progress-policy.ts';
import { createBootSlots } from './boot-slots.ts';

const samples = (...pairs: [number, number][]) => pairs.map(([seconds, cpuSeconds]) => ({ atMs: seconds * 1000, cpuSeconds }));

test('a boot is over by work done, or by waiting', () => {
  assert.equal(bootIsOver([]), false);
  assert.equal(bootIsOver(samples([1, 1], [5, 5], [14, 14])), false);
  assert.equal(bootIsOver(samples([1, 1], [60, 27])), true);
  assert.equal(bootIsOver(samples([1, 1], [5, 4], [21, 5])), true);
  // Starved, but at work.
  assert.equal(bootIsOver(samples([1, 1], [10, 4], [25, 7])), false);
});

test('processor time from /proc', () => {
  assert.equal(cpuSecondsOfStat('12 (qemu (x) 1) S 1 2 3 4 5 6 7 8 9 10 250 50 0 0'), 3);
  assert.equal(cpuSecondsOfStat(''), undefined);
  assert.ok((cpuSecondsOfStat(`1 (init) S ${'0 '.repeat(40)}`) ?? -1) >= 0);
});

test('slots are handed on in order, and a place in the queue can be given up', () => {
  const slots = createBootSlots(2);
  const started: string[] = [];
  const take = (name: string) => slots.take(() => void started.push(name));
  const leaveA = take('a');
  take('b');
  const leaveC = take('c');
  take('d');
  assert.deepEqual(started, ['a', 'b']);
  leaveC();
  leaveA();
  leaveA();
  assert.deepEqual(started, ['a', 'b', 'd']);
  take('e');
  assert.deepEqual(started, ['a', 'b', 'd']);
});
