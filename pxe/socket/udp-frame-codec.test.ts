import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { encodeUdpPacket } from './udp-frame-codec.ts';

/** Sums every 16-bit word; right checksums make it all ones. */
function foldedSum(bytes: Buffer): number {
  const even = bytes.length % 2 === 0 ? bytes : Buffer.concat([bytes, Buffer.alloc(1)]);
  let sum = 0;
  for (let i = 0; i < even.length; i += 2) sum += even.readUInt16BE(i);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return sum;
}

test('both checksums hold for any payload', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 1400 }),
      fc.nat(0xffffffff),
      fc.nat(0xffffffff),
      (payload, sourceAddress, destinationAddress) => {
        const packet = encodeUdpPacket({
          sourceAddress,
          sourcePort: 67,
          destinationAddress,
          destinationPort: 68,
          payload: Buffer.from(payload),
        });
        assert.equal(foldedSum(packet.subarray(0, 20)), 0xffff);
        const pseudo = Buffer.alloc(12);
        packet.copy(pseudo, 0, 12, 20);
        pseudo[9] = 17;
        pseudo.writeUInt16BE(packet.length - 20, 10);
        assert.equal(foldedSum(Buffer.concat([pseudo, packet.subarray(20)])), 0xffff);
        assert.equal(packet.readUInt16BE(2), packet.length);
      },
    ),
  );
});
