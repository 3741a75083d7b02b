import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { seededRandom } from '../../core/base/random.ts';
import { SOL_NACK, type SolPacket } from './sol-codec.ts';
import { createSolLink, type SolLink } from './sol-link-codec.ts';

const SETTINGS = { chunkBytes: 7, retryMs: 100, triesMax: 50, queueBytesMax: 10_000 };

/** Moves packets both ways in virtual time, losing and repeating some; answers what each side received. */
function converse(left: SolLink, right: SolLink, seed: number, loss: number): { left: string; right: string } {
  const random = seededRandom(seed);
  const heard = { left: '', right: '' };
  const carry = (from: SolLink, to: SolLink, side: 'left' | 'right', nowMs: number): boolean => {
    const { packet } = from.next(nowMs);
    if (!packet) return false;
    const copies = random.unit() < loss ? 0 : random.unit() < loss ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) heard[side] += to.receive(packet, nowMs).toString();
    return true;
  };
  for (let nowMs = 0; nowMs < 60_000; nowMs += 10) {
    for (let turns = 0; turns < 4; turns++) {
      carry(left, right, 'right', nowMs);
      carry(right, left, 'left', nowMs);
    }
    if (left.pendingBytes() + right.pendingBytes() === 0) break;
  }
  return heard;
}

test('characters arrive once and in order over a line that loses and repeats', () => {
  fc.assert(
    fc.property(
      fc.nat(),
      fc.double({ min: 0, max: 0.4, noNaN: true }),
      fc.string({ maxLength: 60 }),
      fc.string({ maxLength: 60 }),
      (seed, loss, toRight, toLeft) => {
        const ascii = (text: string) => text.replace(/[^\x20-\x7e]/g, '.');
        const left = createSolLink(SETTINGS);
        const right = createSolLink(SETTINGS);
        left.queue(Buffer.from(ascii(toRight)));
        right.queue(Buffer.from(ascii(toLeft)));
        assert.deepEqual(converse(left, right, seed, loss), { left: ascii(toLeft), right: ascii(toRight) });
      },
    ),
    { numRuns: 60 },
  );
});

const ack = (acknowledged: number, accepted: number, flags = 0): SolPacket => ({
  sequence: 0,
  acknowledged,
  accepted,
  flags,
  data: Buffer.alloc(0),
});

test('what the BMC did not accept is sent again under the next number, after a pause when it said NACK', () => {
  const link = createSolLink(SETTINGS);
  link.queue(Buffer.from('abcdef'));
  assert.equal(link.next(0).packet?.data.toString(), 'abcdef');
  link.receive(ack(1, 4, SOL_NACK), 10);
  assert.deepEqual(link.next(10), { wakeInMs: 100 });
  const { packet } = link.next(110);
  assert.equal(packet?.data.toString(), 'ef');
  assert.equal(packet?.sequence, 2);
});

test('a silent other side is noticed, and a full queue drops the oldest', () => {
  const link = createSolLink({ ...SETTINGS, triesMax: 2, queueBytesMax: 3 });
  assert.equal(link.queue(Buffer.from('abcd')), 1);
  assert.equal(link.next(0).packet?.data.toString(), 'bcd');
  assert.ok(link.next(100).packet);
  assert.deepEqual(link.next(200), { lost: true });
});
