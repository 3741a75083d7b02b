import assert from 'node:assert/strict';
import test from 'node:test';
import { afterLoss, afterWindow, UNPACED, type Pace } from './tftp-pace-policy.ts';

const WINDOW = 64;

/** A client whose ring keeps so many packets of a burst: how many of `windows` lost some. */
function lossesOf(ring: number, windows: number): { losses: number; pace: Pace } {
  let pace = UNPACED;
  let losses = 0;
  for (let window = 0; window < windows; window += 1) {
    const isLost = Math.min(pace.burstBlocks, WINDOW) > ring;
    losses += isLost ? 1 : 0;
    pace = isLost ? afterLoss(pace, WINDOW) : afterWindow(pace, WINDOW);
  }
  return { losses, pace };
}

test('who loses nothing gets whole windows for ever', () => {
  assert.deepEqual(lossesOf(WINDOW, 1000), { losses: 0, pace: UNPACED });
});

test('a small ring costs a few windows at first, and one now and then', () => {
  const { losses, pace } = lossesOf(10, 1000);
  assert.ok(losses <= 3 + 1000 / 64, `${losses}`);
  assert.ok(pace.burstBlocks <= 16);
});

test('a line that loses everything ends at one block at a time', () => {
  assert.equal(lossesOf(0, 20).pace.burstBlocks, 1);
});

test('what was learned with a small window does not hold back a larger one, unless it lost', () => {
  assert.equal(afterWindow(UNPACED, 8).burstBlocks, Infinity);
  assert.equal(afterLoss(UNPACED, 8).burstBlocks, 4);
});
