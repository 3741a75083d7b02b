import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../../../core/base/clock.ts';
import { secondsOf } from './burn-in.ts';
import { burninCpu, createAgreement } from './burnin-cpu.ts';
import { testMemory } from './burnin-memory.ts';
import type { StepContext } from './step.ts';

const context = (signal = new AbortController().signal) =>
  ({ clock: systemClock, signal, progress: () => {}, log: () => {} }) as unknown as StepContext;

for (const [given, wanted] of [
  [undefined, 600],
  [5, 5],
  ['30', 30],
] as const)
  test(`seconds ${String(given)} are ${wanted}`, () => assert.equal(secondsOf(given === undefined ? {} : { seconds: given }), wanted));
for (const given of [0, -1, 'long', 1e9])
  test(`seconds ${given} are refused`, () => assert.throws(() => secondsOf({ seconds: given }), /seconds must be/));

test('threads that agree are forgotten; one that does not is named', () => {
  const disagrees = createAgreement(2);
  assert.equal(disagrees(0, { mark: 1, digest: 'a' }), undefined);
  assert.equal(disagrees(1, { mark: 1, digest: 'a' }), undefined);
  assert.equal(disagrees(1, { mark: 2, digest: 'b' }), undefined);
  assert.match(disagrees(0, { mark: 2, digest: 'c' })!, /thread 0 disagrees .* round 4000/);
});

test('a good CPU passes and tells what it did', async () => {
  const result = (await burninCpu.run({ seconds: 0.001 }, context())) as { threads: number; rounds: number };
  assert.ok(result.rounds >= 2000 * result.threads, 'however short it was asked to be, each thread was compared once');
});

test('an abort ends it', async () => {
  const plug = new AbortController();
  setTimeout(() => plug.abort(new Error('enough')), 100);
  await assert.rejects(Promise.resolve(burninCpu.run({ seconds: 60 }, context(plug.signal))), /enough|abort/i);
});

test('good memory passes every pattern', async () => {
  const result = await testMemory(2 ** 20, 0.01, context());
  assert.equal(result.bytes, 2 ** 20);
  assert.ok(result.passes >= 1);
});
