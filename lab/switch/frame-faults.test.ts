import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '../../core/base/random.ts';
import { createFrameDisturber, isStreamFrame, type FrameFaults } from './frame-faults.ts';

const frame = (protocol: number) => {
  const bytes = Buffer.alloc(64);
  bytes.writeUInt16BE(0x0800, 12);
  bytes[23] = protocol;
  return bytes;
};
const DATAGRAM = frame(17);
const STREAM = frame(6);

/** What becomes of 2,000 frames: how many times each is delivered, and after how long. */
function run(faults: FrameFaults, sent: Buffer, seed = 1) {
  const arrivals: number[][] = [];
  let lateMs = 0;
  const disturber = createFrameDisturber(faults, seededRandom(seed), (ms, deliver) => {
    lateMs = ms;
    deliver();
    lateMs = 0;
  });
  for (let index = 0; index < 2_000; index += 1) {
    const times: number[] = [];
    disturber.pass(sent, () => void times.push(lateMs));
    arrivals.push(times);
  }
  return { arrivals, counts: disturber.counts };
}

test('without faults every frame goes through once, at once', () => {
  const { arrivals, counts } = run({}, DATAGRAM);
  assert.ok(arrivals.every((times) => times.length === 1 && times[0] === 0));
  assert.deepEqual(counts, { loss: 0, duplicate: 0, delay: 0 });
});

test('datagrams and TCP segments have chances of their own, and what happens is counted', () => {
  const faults: FrameFaults = {
    loss: { datagram: 0.1, stream: 0 },
    duplicate: { datagram: 0, stream: 0.2 },
    delay: { datagram: 0.5, stream: 0, ms: [5, 9] },
  };
  const datagrams = run(faults, DATAGRAM);
  const lost = datagrams.arrivals.filter((times) => times.length === 0).length;
  assert.equal(datagrams.counts.loss, lost);
  assert.ok(lost > 140 && lost < 260, `${lost} of 2,000 at 10 %`);
  const late = datagrams.arrivals.flat().filter((ms) => ms > 0);
  assert.equal(late.length, datagrams.counts.delay);
  assert.deepEqual([Math.min(...late), Math.max(...late)], [5, 9]);
  const streams = run(faults, STREAM);
  assert.deepEqual([streams.counts.loss, streams.counts.delay], [0, 0]);
  assert.equal(streams.arrivals.filter((times) => times.length === 2).length, streams.counts.duplicate);
  assert.ok(streams.counts.duplicate > 300);
});

test('a seed gives the same faults again', () => {
  const faults: FrameFaults = { loss: { datagram: 0.3, stream: 0.3 }, delay: { datagram: 0.3, stream: 0.3, ms: [1, 100] } };
  assert.deepEqual(run(faults, DATAGRAM, 5), run(faults, DATAGRAM, 5));
  assert.notDeepEqual(run(faults, DATAGRAM, 5).arrivals, run(faults, DATAGRAM, 6).arrivals);
});

test('what is a stream: TCP over IPv4 only', () => {
  assert.deepEqual([STREAM, DATAGRAM, Buffer.alloc(14), Buffer.alloc(64)].map(isStreamFrame), [true, false, false, false]);
});
