import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { encodePcapHeader, encodePcapPacket } from './pcap-codec.ts';
import { encodeLldp } from './lldp-codec.ts';
import { createStreamFrameReader, encodeStreamFrame } from './stream-frame-codec.ts';

test('frames survive any cutting of the stream', () => {
  const frame = fc.uint8Array({ minLength: 14, maxLength: 1600 });
  fc.assert(
    fc.property(fc.array(frame, { maxLength: 8 }), fc.array(fc.integer({ min: 1, max: 900 }), { minLength: 1 }), (frames, cuts) => {
      const stream = Buffer.concat(frames.map((each) => encodeStreamFrame(Buffer.from(each))));
      const read = createStreamFrameReader();
      const got: Buffer[] = [];
      for (let at = 0, turn = 0; at < stream.length; turn += 1) {
        const end = at + cuts[turn % cuts.length]!;
        got.push(...(read(stream.subarray(at, end)) ?? []));
        at = end;
      }
      assert.deepEqual(
        got.map((each) => each.toString('hex')),
        frames.map((each) => Buffer.from(each).toString('hex')),
      );
    }),
  );
});

test('a stream out of step is given up, and random bytes never throw', () => {
  const read = createStreamFrameReader();
  assert.equal(read(Buffer.from('ffffffff00', 'hex')), undefined);
  assert.equal(read(encodeStreamFrame(Buffer.alloc(60))), undefined);
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => void createStreamFrameReader()(Buffer.from(bytes))));
});

test('a capture is the bytes that the format has', () => {
  assert.equal(encodePcapHeader().toString('hex'), 'd4c3b2a1020004000000000000000000' + '0000010001000000');
  const packet = encodePcapPacket(Buffer.from('0102030405', 'hex'), 1_700_000_000_250, 3);
  assert.equal(packet.toString('hex'), '00f15365' + '90d00300' + '03000000' + '05000000' + '010203');
});

test('an announcement is the bytes of 802.1AB, padded to a frame', () => {
  const frame = encodeLldp({
    chassisMac: '52:54:00:01:00:01',
    portId: 'Ethernet1/7',
    portDescription: 'm',
    systemName: 'leaf-1',
    timeToLiveSeconds: 120,
  });
  assert.equal(
    frame.toString('hex'),
    '0180c200000e52540001000188cc' +
      '020704525400010001' +
      '040c0545746865726e6574312f37' +
      '06020078' +
      '08016d' +
      '0a066c6561662d31' +
      '00'.repeat(8),
  );
  assert.equal(frame.length, 60);
});
