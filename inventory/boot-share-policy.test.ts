import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '../core/base/random.ts';
import { SHARE_VALID_MS, SLOTS } from '../pxe/network-share.ts';
import { EMPTY_SLOTS, isGone, shareSlots, type ShareMember, shownSlots, type SlotBook } from './boot-share-policy.ts';

const HOUR_MS = 60 * 60 * 1000;
const LEASE_SECONDS = 3600;

const member = (address: string, heldEpoch: number): ShareMember => ({
  address,
  heldEpoch,
  seenMs: 0,
  isBounded: true,
  leaseSeconds: LEASE_SECONDS,
});
const countOf = (book: SlotBook, address: string) => shownSlots(book).filter((owner) => owner === address).length;

test('a second server gets half of the slots, and only when the first has let them go', () => {
  const alone = shareSlots(EMPTY_SLOTS, [member('a', 0)]);
  assert.equal(countOf(alone, 'a'), SLOTS);
  const joined = shareSlots(alone, [member('a', 1), member('b', 0)]);
  assert.deepEqual([joined.epoch, countOf(joined, 'a'), countOf(joined, 'b')], [2, SLOTS / 2, 0]);
  assert.equal(shareSlots(joined, [member('a', 1), member('b', 2)]), joined, 'the first does not know yet');
  const passed = shareSlots(joined, [member('a', 2), member('b', 2)]);
  assert.deepEqual([passed.epoch, countOf(passed, 'a'), countOf(passed, 'b')], [3, SLOTS / 2, SLOTS / 2]);
});

test('what was to go to a server that left stays, and what one had that left is divided', () => {
  const joined = shareSlots(shareSlots(EMPTY_SLOTS, [member('a', 0)]), [member('a', 1), member('b', 0)]);
  assert.equal(countOf(shareSlots(joined, [member('a', 1)]), 'a'), SLOTS);
  const three = shareSlots(shareSlots(EMPTY_SLOTS, [member('a', 0)]), [member('b', 0), member('c', 0)]);
  assert.deepEqual(
    ['b', 'c'].map((address) => countOf(three, address)),
    [SLOTS / 2, SLOTS / 2],
  );
});

/** A boot server as far as shares go: what it obeys, what it has on disk, and when it stops by itself. */
interface Server {
  epoch: number;
  slots: readonly (string | null)[];
  validUntilMs: number;
  isRunning: boolean;
}

test('no two servers may give one address, whatever is lost, killed, cut off or slow', () => {
  for (let seed = 1; seed <= 300; seed += 1) {
    const random = seededRandom(seed);
    const pick = (count: number) => Math.floor(random.unit() * count);
    const names = ['a', 'b', 'c'];
    const servers = new Map<string, Server>(names.map((name) => [name, { epoch: 0, slots: [], validUntilMs: 0, isRunning: true }]));
    const rows = new Map<string, ShareMember>();
    let book = EMPTY_SLOTS;
    let nowMs = 1;
    for (let step = 0; step < 120; step += 1) {
      const name = names[pick(seed % 2 === 0 ? 2 : 3)]!;
      const server = servers.get(name)!;
      const kind = pick(10);
      if (kind === 0) server.isRunning = !server.isRunning;
      else if (kind === 1) nowMs += [1, HOUR_MS, 20 * HOUR_MS, 40 * HOUR_MS][pick(4)]!;
      else if (server.isRunning) {
        const isBounded = server.epoch > 0 && server.validUntilMs !== Infinity;
        rows.set(name, { address: name, heldEpoch: server.epoch, seenMs: nowMs, isBounded, leaseSeconds: LEASE_SECONDS });
        for (const row of [...rows.values()]) if (isGone(row, LEASE_SECONDS, nowMs)) rows.delete(row.address);
        book = shareSlots(book, [...rows.values()]);
        if (rows.size === 1) rows.set(name, { ...rows.get(name)!, isBounded: false });
        const isAnswerLost = pick(4) === 0;
        if (!isAnswerLost)
          servers.set(name, {
            epoch: book.epoch,
            slots: shownSlots(book),
            validUntilMs: rows.size > 1 ? nowMs + SHARE_VALID_MS : Infinity,
            isRunning: true,
          });
      }
      for (let slot = 0; slot < SLOTS; slot += 1) {
        const givers = [...servers].filter(([own, { slots, validUntilMs }]) => slots[slot] === own && nowMs < validUntilMs);
        assert.ok(givers.length <= 1, `seed ${seed}, step ${step}: slot ${slot} is given by ${givers.map(([own]) => own).join(' and ')}`);
      }
    }
  }
});
