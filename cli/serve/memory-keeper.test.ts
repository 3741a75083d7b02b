import assert from 'node:assert/strict';
import test from 'node:test';
import { isTimeToCollect, type MemoryFacts } from './memory-keeper.ts';

const MIB = 2 ** 20;
const resting: MemoryFacts = { utilization: 0.02, heapBytes: 190 * MIB, collectedBytes: 75 * MIB, sinceCollectedMs: 300_000 };

for (const [what, facts, expected] of [
  ['at rest, and twice as large as it must be', {}, true],
  ['never collected so far', { collectedBytes: 0, sinceCollectedMs: Infinity }, true],
  ['there is work', { utilization: 0.3 }, false],
  ['hardly grown', { heapBytes: 80 * MIB }, false],
  ['a moment ago', { sinceCollectedMs: 20_000 }, false],
] as const)
  test(`${what}: ${expected ? 'memory is given back' : 'not now'}`, () =>
    assert.equal(isTimeToCollect({ ...resting, ...facts }), expected));
