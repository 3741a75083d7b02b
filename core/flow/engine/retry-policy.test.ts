import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decideAfterError } from './retry-policy.ts';

test('the pause doubles, up to a minute', () => {
  const pauses = [1, 2, 3, 4, 20, 5000].map((failures) => decideAfterError({ max: Infinity, backoffMs: 10 }, failures, Infinity));
  assert.deepEqual(
    pauses.map((decision) => decision.kind === 'retry' && decision.afterMs),
    [10, 20, 40, 80, 60_000, 60_000],
  );
});

test('attempts end before the deadline does, and the deadline without attempts', () => {
  assert.deepEqual(decideAfterError({ max: 3, backoffMs: 1 }, 3, 1_000), { kind: 'give-up', code: 'attempts' });
  assert.deepEqual(decideAfterError(undefined, 1, 1_000), { kind: 'give-up', code: 'deadline' });
  assert.deepEqual(decideAfterError(undefined, 1, 1_001), { kind: 'retry', afterMs: 1_000 });
});

test('no retry starts after the deadline', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 10_000 }), fc.integer({ min: -1_000, max: 100_000 }), (failures, remainingMs) => {
      const decision = decideAfterError(undefined, failures, remainingMs);
      return decision.kind === 'give-up' || decision.afterMs < remainingMs;
    }),
  );
});
