import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { isMalformed } from '../../core/base/malformed.ts';
import { decodeTftpPacket, encodeNetascii, encodeTftpPacket, type TftpPacket } from './tftp-codec.ts';

const packets: TftpPacket[] = [
  {
    kind: 'read',
    path: 'undionly.kpxe',
    mode: 'octet',
    options: new Map([
      ['blksize', '1432'],
      ['tsize', '0'],
    ]),
  },
  { kind: 'write', path: 'x', mode: 'netascii', options: new Map() },
  { kind: 'data', block: 65535, bytes: Buffer.from('abc') },
  { kind: 'ack', block: 0 },
  { kind: 'error', code: 1, message: 'no such file' },
  { kind: 'option-ack', options: new Map([['blksize', '1432']]) },
];
for (const packet of packets)
  test(`${packet.kind} comes back as it was sent`, () => assert.deepEqual(decodeTftpPacket(encodeTftpPacket(packet)), packet));

for (const [what, hex] of [
  ['nothing', ''],
  ['an unknown opcode', '00090000'],
  ['a request without mode', '000161006f'],
  ['a name without end', '00016161616161'],
] as const)
  test(`${what} is malformed`, () => assert.ok(isMalformed(decodeTftpPacket(Buffer.from(hex, 'hex')))));

test('padding after a request is no option', () => {
  const request = Buffer.concat([encodeTftpPacket(packets[0]!), Buffer.alloc(40)]);
  assert.deepEqual(decodeTftpPacket(request), packets[0]);
});

test('no bytes make the decoder throw', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 8 }),
      fc.uint8Array({ maxLength: 200 }),
      (opcode, tail) => void decodeTftpPacket(Buffer.from([0, opcode, ...tail])),
    ),
  );
});

test('netascii is undone by its own rules', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const back = encodeNetascii(Buffer.from(bytes))
        .toString('latin1')
        .replace(/\r[\n\0]/g, (pair) => (pair === '\r\n' ? '\n' : '\r'));
      assert.deepEqual(Buffer.from(back, 'latin1'), Buffer.from(bytes));
    }),
  );
});
