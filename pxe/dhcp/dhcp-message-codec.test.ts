import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { isMalformed } from '../../core/base/malformed.ts';
import { decodeDhcpMessage, type DhcpMessage, encodeDhcpMessage } from './dhcp-message-codec.ts';

const message = (options: [number, Buffer][], over: Partial<DhcpMessage> = {}): DhcpMessage => ({
  op: 1,
  htype: 1,
  hops: 0,
  xid: 0x12345678,
  secs: 4,
  flags: 0x8000,
  ciaddr: 0,
  yiaddr: 0x0a4d0032,
  siaddr: 1,
  giaddr: 2,
  chaddr: Buffer.from('525400770001', 'hex'),
  sname: 'boot',
  file: 'undionly.kpxe',
  options: new Map(options),
  ...over,
});

const decode = (bytes: Buffer): DhcpMessage => {
  const decoded = decodeDhcpMessage(bytes);
  assert.ok(!isMalformed(decoded), JSON.stringify(decoded));
  return decoded;
};

test('a message comes back as it was sent', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.tuple(
          fc.integer({ min: 1, max: 254 }).filter((c) => c !== 52),
          fc.uint8Array({ maxLength: 700 }),
        ),
        { maxLength: 8 },
      ),
      fc.integer({ min: 0, max: 0xffffffff }),
      (options, xid) => {
        const sent = message(
          options.map(([code, value]) => [code, Buffer.from(value)]),
          { xid },
        );
        const { bytes, omitted } = encodeDhcpMessage(sent, 65_000);
        const got = decode(bytes);
        assert.deepEqual(omitted, []);
        assert.equal(got.xid, xid);
        assert.equal(got.file, 'undionly.kpxe');
        assert.deepEqual([...got.options], [...sent.options]);
        assert.deepEqual(Buffer.from(got.chaddr), sent.chaddr);
      },
    ),
  );
});

test('an option longer than 255 bytes is split, and joined again (RFC 3396)', () => {
  const long = Buffer.alloc(600, 7);
  const { bytes } = encodeDhcpMessage(message([[43, long]]), 2000);
  assert.deepEqual(
    [bytes[240], bytes[241], bytes[240 + 257], bytes[240 + 258], bytes[240 + 514], bytes[240 + 515]],
    [43, 255, 43, 255, 43, 90],
  );
  assert.deepEqual(decode(bytes).options.get(43), long);
});

test('options go on in file and then in sname when option 52 says so', () => {
  const { bytes } = encodeDhcpMessage(
    message(
      [
        [53, Buffer.from([1])],
        [52, Buffer.from([3])],
        [77, Buffer.from('a')],
      ],
      { sname: '', file: '' },
    ),
    600,
  );
  Buffer.from([77, 1, 0x62, 255]).copy(bytes, 108);
  Buffer.from([77, 1, 0x63, 12, 2, 0x68, 0x69, 255]).copy(bytes, 44);
  const got = decode(bytes);
  assert.equal(got.options.get(77)?.toString(), 'abc');
  assert.equal(got.options.get(12)?.toString(), 'hi');
  assert.deepEqual([got.file, got.sname], ['', '']);
});

test('what does not fit is left out and named, the rest stays whole', () => {
  const { bytes, omitted } = encodeDhcpMessage(
    message([
      [53, Buffer.from([2])],
      [43, Buffer.alloc(400)],
      [61, Buffer.alloc(7)],
    ]),
    548,
  );
  assert.deepEqual(omitted, [43]);
  assert.ok(bytes.length <= 548);
  assert.equal(decode(bytes).options.get(61)?.length, 7);
});

test('a reply is never shorter than BOOTP relays want', () => {
  assert.equal(encodeDhcpMessage(message([[53, Buffer.from([2])]]), 548).bytes.length, 300);
});

const base = encodeDhcpMessage(message([[53, Buffer.from([1])]]), 548).bytes;
const changed = (...edits: [number, number][]) => {
  const bytes = Buffer.from(base);
  for (const [offset, value] of edits) bytes[offset] = value;
  return bytes;
};
for (const [what, bytes, reason] of [
  ['an empty packet', Buffer.alloc(0), /shorter/],
  ['239 bytes', base.subarray(0, 239), /shorter/],
  ['a wrong cookie', changed([236, 0]), /cookie/],
  ['a hardware address of 17 bytes', changed([2, 17]), /hardware address/],
  ['an option that runs over the end', changed([243, 43], [244, 250]), /option 43 is cut short/],
] as const)
  test(`${what} is a value, not an exception`, () => {
    const decoded = decodeDhcpMessage(bytes);
    assert.ok(isMalformed(decoded));
    assert.match(decoded.reason, reason);
  });

test('no bytes at all make the decoder throw', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => void decodeDhcpMessage(Buffer.from(bytes))));
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 1, maxLength: 400 }),
      (tail) => void decodeDhcpMessage(Buffer.concat([base.subarray(0, 240), tail])),
    ),
  );
  for (let length = 0; length < base.length; length += 1) decodeDhcpMessage(base.subarray(0, length));
});
