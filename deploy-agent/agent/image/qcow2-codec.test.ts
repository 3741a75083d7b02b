import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isMalformed } from '../../../core/base/malformed.ts';
import { decodeL2Entry, decodeQcow2Header } from './qcow2-codec.ts';

function header(change: (bytes: Buffer) => void = () => {}): Buffer {
  const bytes = Buffer.alloc(112);
  bytes.writeUInt32BE(0x514649fb, 0);
  bytes.writeUInt32BE(3, 4);
  bytes.writeUInt32BE(16, 20);
  bytes.writeBigUInt64BE(2n ** 30n, 24);
  bytes.writeUInt32BE(2, 36);
  bytes.writeBigUInt64BE(0x30000n, 40);
  change(bytes);
  return bytes;
}

test('a header', () => {
  assert.deepEqual(decodeQcow2Header(header()), {
    clusterBits: 16,
    virtualBytes: 2 ** 30,
    l1Offset: 0x30000,
    l1Entries: 2,
    compression: 'deflate',
  });
});

const refused: readonly (readonly [string, (bytes: Buffer) => void])[] = [
  ['signature', (bytes) => bytes.writeUInt32BE(0, 0)],
  ['version 9', (bytes) => bytes.writeUInt32BE(9, 4)],
  ['backing file', (bytes) => bytes.writeUInt32BE(1, 12)],
  ['cluster size', (bytes) => bytes.writeUInt32BE(40, 20)],
  ['encrypted', (bytes) => bytes.writeUInt32BE(1, 32)],
  ['does not cover', (bytes) => bytes.writeUInt32BE(1, 36)],
  ['another file', (bytes) => bytes.writeUInt32BE(4, 76)],
  ['not known', (bytes) => bytes.writeUInt32BE(16, 76)],
];
for (const [reason, change] of refused) {
  test(`refused: ${reason}`, () => {
    const answer = decodeQcow2Header(header(change));
    assert.ok(isMalformed(answer));
    assert.match(answer.reason, new RegExp(reason));
  });
}

test('entries', () => {
  assert.deepEqual(decodeL2Entry(0n, 16), { kind: 'zero' });
  assert.deepEqual(decodeL2Entry((1n << 63n) | 0x50000n, 16), { kind: 'data', offset: 0x50000 });
  assert.deepEqual(decodeL2Entry((1n << 63n) | 0x50001n, 16), { kind: 'zero' });
  assert.deepEqual(decodeL2Entry((1n << 62n) | (3n << 54n) | 0x50123n, 16), {
    kind: 'compressed',
    offset: 0x50123,
    maxBytes: 4 * 512 - 0x123,
  });
});

test('random headers never throw', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      decodeQcow2Header(Buffer.concat([Buffer.from('514649fb00000003', 'hex'), bytes]));
    }),
  );
});
