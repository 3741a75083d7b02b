import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { acceptSequence, freshWindow, nextSequence, type SequenceWindow } from './sequence-window-codec.ts';

const accepted = (numbers: readonly number[], from: SequenceWindow = freshWindow): number[] => {
  let window = from;
  return numbers.filter((number) => {
    const next = acceptSequence(window, number);
    window = next ?? window;
    return next !== undefined;
  });
};

test('in order, out of order within 16, never twice, never far away', () => {
  assert.deepEqual(accepted([1, 2, 3]), [1, 2, 3]);
  assert.deepEqual(accepted([2, 1, 2, 1, 3]), [2, 1, 3]);
  assert.deepEqual(accepted([16, 32, 33, 17, 16, 15]), [16, 32, 33, 17]);
  assert.deepEqual(accepted([17]), []);
  assert.deepEqual(accepted([0, 3]), [3]);
});

test('the numbers wrap', () => {
  assert.equal(nextSequence(0xffffffff), 1);
  assert.deepEqual(accepted([0xffffffff, 1, 0xffffffff], { highest: 0xfffffffe, seen: 1 }), [0xffffffff, 1]);
});

test('no order of arrivals lets a number in twice', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 80 }), (numbers) => {
      const taken = accepted(numbers);
      assert.equal(new Set(taken).size, taken.length);
    }),
  );
});
