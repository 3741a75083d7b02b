import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { isMalformed } from '../../core/base/malformed.ts';
import { decodeArp, decodeEchoReply, encodeArpProbe, encodeEchoRequest } from './arp-codec.ts';

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');

test('a probe names no sender address', () => {
  assert.equal(
    encodeArpProbe(hex('525400770001'), 0x0a4d0064).toString('hex'),
    '0001080006040001' + '525400770001' + '00000000' + '000000000000' + '0a4d0064',
  );
});

test('an answer tells who has the address', () => {
  assert.deepEqual(decodeArp(hex('0001080006040002 525400770001 0a4d0064 525400770002 0a4d0001')), {
    operation: 2,
    senderMac: '52:54:00:77:00:01',
    sender: 0x0a4d0064,
    target: 0x0a4d0001,
  });
  assert.deepEqual(decodeEchoReply(hex('4500001c 00004000 40010000 0a4d0064 0a4d0001 0000edcb 12340001')), {
    source: 0x0a4d0064,
    identifier: 0x1234,
  });
});

for (const [what, bytes] of [
  ['ARP cut short', '0001080006040002'],
  ['ARP for another network', '0006080006040002 525400770001 0a4d0064 525400770002 0a4d0001'],
] as const)
  test(`${what} is malformed`, () => assert.ok(isMalformed(decodeArp(hex(bytes)))));

for (const [what, bytes] of [
  ['an echo request', '4500001c 00004000 40010000 0a4d0064 0a4d0001 0800edcb 12340001'],
  ['UDP', '4500001c 00004000 40110000 0a4d0064 0a4d0001 0000edcb 12340001'],
  ['a header longer than the packet', '4f00001c 00004000 40010000 0a4d0064 0a4d0001 0000edcb 12340001'],
  ['nothing', ''],
] as const)
  test(`${what} is no echo reply`, () => assert.ok(isMalformed(decodeEchoReply(hex(bytes)))));

test('the checksum of a request holds for every identifier', () => {
  fc.assert(
    fc.property(fc.nat(0xffff), (identifier) => {
      const bytes = encodeEchoRequest(identifier);
      let sum = 0;
      for (let at = 0; at < 8; at += 2) sum += bytes.readUInt16BE(at);
      assert.equal((sum & 0xffff) + (sum >>> 16), 0xffff);
    }),
  );
});
