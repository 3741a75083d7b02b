import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeMessage, encodeMessage } from './message-codec.ts';
import { habitsOfMaker } from './ipmi-habit-table.ts';
import { passwordsToTry, RAKP_VARIANTS } from './rakp-variant-codec.ts';
import { localTimeOffset } from './sel-codec.ts';
import { acceptSequence, startWindow } from './sequence-window-codec.ts';

/** The decisions about BMCs that break IPMI, each by itself. */
test('a clock that shows local time is told from one that is wrong', () => {
  const now = 1_800_000_000;
  for (const [ahead, offset] of [
    [0, 0],
    [90, 0],
    [8 * 3600, 8 * 3600],
    [-5 * 3600 + 60, -5 * 3600],
    [5.75 * 3600, 5.75 * 3600],
    [15 * 3600, 0],
    [3600 + 400, 0],
    [-now + 1000, 0],
  ] as const)
    assert.equal(localTimeOffset(now + ahead, now), offset, String(ahead));
});

test('a session counts from where its first packet is', () => {
  for (const first of [0, 1, 17, 0x5000]) {
    const window = startWindow(first);
    assert.equal(acceptSequence(window, first), undefined, 'a repeat');
    assert.equal(acceptSequence(window, first + 1)?.highest, first + 1);
    assert.equal(acceptSequence(window, first + 17), undefined);
  }
});

test('sums are looked at unless something else protects the message', () => {
  const message = { toAddress: 0x81, toLun: 0, netFn: 7, fromAddress: 0x20, fromLun: 0, sequence: 5, command: 1, data: Buffer.from([0]) };
  const bytes = encodeMessage(message);
  bytes[bytes.length - 1]! ^= 0xff;
  assert.ok('malformed' in decodeMessage(bytes));
  assert.deepEqual(decodeMessage(bytes, false), message);
});

test('ways of proving a password are all different, and of one of 16 bytes there is one', () => {
  const exchange = { consoleSessionId: 1, managedSessionId: 2, role: 0x14, username: 'admin' } as Parameters<
    (typeof RAKP_VARIANTS)[number]['shape']
  >[0];
  assert.equal(new Set(RAKP_VARIANTS.map(({ shape }) => JSON.stringify(shape(exchange)))).size, RAKP_VARIANTS.length);
  assert.equal(passwordsToTry(Buffer.alloc(16)).length, 1);
  assert.deepEqual(passwordsToTry(Buffer.from('twenty-bytes-passwd!')).map(String), ['twenty-bytes-passwd!', 'twenty-bytes-pas']);
});

test('habits by maker', () => {
  assert.equal(habitsOfMaker(10876).uefiDisk, 'remote-media');
  assert.deepEqual(habitsOfMaker(674), { maker: 'generic' });
});
