import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compare, isMet } from './comparison.ts';

const frame = { figure: 'work', unit: 'µs', peerName: 'peer', goal: 0.7 };

test('a row compares medians, so that one disturbed round does not count', () => {
  const row = compare(frame, [10, 900, 14], [20, 20, 1]);
  assert.deepEqual([row.ours, row.peer, row.ratio], [14, 20, 0.7]);
  assert.equal(compare(frame, [1, 2], [1]).ours, 1.5);
});

test('a goal is a ceiling, unless it says at least', () => {
  const row = compare(frame, [8], [10]);
  assert.equal(isMet(row), false);
  assert.equal(isMet({ ...row, atLeast: true }), true);
});
