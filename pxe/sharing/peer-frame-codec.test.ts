import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isMalformed } from '../../core/base/malformed.ts';
import { createMutator, MUTATE_ROUNDS } from '../../core/base/mutate-packets.ts';
import {
  decodeGreeting,
  decodePeerFrame,
  encodeGreeting,
  encodePeerFrame,
  FRAME_BYTES_MAX,
  type Greeting,
  type PeerMessage,
  sessionKey,
  splitFrame,
} from './peer-frame-codec.ts';

const greeting = (digit: string): Greeting => ({ version: 1, cidr: '10.77.0.0/24', nonce: digit.repeat(64), run: 'f'.repeat(64) });
const key = sessionKey(Buffer.from('secret'), greeting('1'), greeting('2'));
const messages: readonly PeerMessage[] = [
  { kind: 'beat', duid: '0004' },
  { kind: 'accepted', accepted: [['10.77.0.100', 7]] },
  {
    kind: 'leases',
    leases: [{ ipAddress: '10.77.0.100', mac: '52:54:00:00:00:01', subnetId: 'boot', state: 'bound', expiresAtMs: 1, sequence: 7 }],
  },
];
const bodyOf = (frame: Buffer): Buffer => {
  const split = splitFrame(frame, FRAME_BYTES_MAX);
  assert.ok(split !== undefined && !isMalformed(split));
  return split.body;
};

test('what one says the other reads, in its place and from its side only', () => {
  assert.deepEqual(decodeGreeting(bodyOf(encodeGreeting(greeting('1')))), greeting('1'));
  for (const message of messages) {
    const body = bodyOf(encodePeerFrame(key, true, 3, message));
    assert.deepEqual(decodePeerFrame(key, true, 3, body), message);
    assert.ok(isMalformed(decodePeerFrame(key, true, 4, body)), 'said again');
    assert.ok(isMalformed(decodePeerFrame(key, false, 3, body)), 'sent back');
    const other = sessionKey(Buffer.from('secret'), greeting('1'), greeting('3'));
    assert.ok(isMalformed(decodePeerFrame(other, true, 3, body)), 'of another connection');
  }
  assert.ok(isMalformed(splitFrame(Buffer.from('7fffffff', 'hex'), FRAME_BYTES_MAX)));
  assert.equal(splitFrame(Buffer.from('000000', 'hex'), FRAME_BYTES_MAX), undefined);
});

test('no damaged frame is believed, and none throws', () => {
  const golden = [encodeGreeting(greeting('1')), ...messages.map((message) => encodePeerFrame(key, true, 0, message))];
  const mutator = createMutator(golden, 1);
  for (let round = 0; round < MUTATE_ROUNDS; round += 1) {
    const split = splitFrame(mutator.next(), FRAME_BYTES_MAX);
    if (split === undefined || isMalformed(split)) continue;
    decodeGreeting(split.body);
    const decoded = decodePeerFrame(key, true, 0, split.body);
    if (!isMalformed(decoded)) assert.ok(golden.some((frame) => bodyOf(frame).equals(split.body)));
  }
});
