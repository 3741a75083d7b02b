import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { isMalformed } from '../../core/base/malformed.ts';
import { decodeDhcp6Packet, decodeIpv6, type Dhcp6Packet, encodeDhcp6Packet, encodeIpv6 } from './dhcp6-message-codec.ts';
import {
  decodeIaNa,
  decodeLinkLayerAddress,
  decodeUserClasses6,
  decodeVendorClass6,
  encodeDomainName,
  encodeIaNa,
  encodeNtpServers,
  encodeTexts,
  encodeVendorClass6,
  macOfDuid,
  macOfEui64,
} from './dhcp6-option-codec.ts';

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');

test('a SOLICIT in the envelopes of two relays, byte for byte', () => {
  const solicit = '01abcdef 0001000a 00030001525400770001 0003000c 00000001 00000000 00000000';
  const inner = `0c00 fd000078000000000000000000000001 fe800000000000005054 00fffe780001 0012 0004 65746830 004f 0008 0001525400780001 0009 ${'0022'} ${solicit}`;
  const bytes = hex(inner);
  const outer = Buffer.concat([
    hex('0c01 00000000000000000000000000000000 fd000078000000000000000000000001 0009'),
    hex(bytes.length.toString(16).padStart(4, '0')),
    bytes,
  ]);
  const packet = decodeDhcp6Packet(outer);
  assert.ok(!isMalformed(packet), JSON.stringify(packet));
  assert.deepEqual(
    packet.relays.map(({ hops, link, peer }) => [hops, link, peer]),
    [
      [1, '::', 'fd00:78::1'],
      [0, 'fd00:78::1', 'fe80::5054:ff:fe78:1'],
    ],
  );
  assert.equal(packet.message.transaction, 0xabcdef);
  assert.equal(decodeLinkLayerAddress(packet.relays[1]!.options[1]![1]), '52:54:00:78:00:01');
  assert.equal(macOfDuid(packet.message.options[0]![1]), '52:54:00:77:00:01');
  assert.deepEqual(encodeDhcp6Packet(packet), outer);
});

for (const [what, text, reason] of [
  ['an empty packet', '', /shorter than a DHCPv6 header/],
  ['three bytes', '01abcd', /shorter/],
  ['an option without a length', '01abcdef 0001', /without a length/],
  ['an option that runs over the end', '01abcdef 0001ffff 00', /option 1 is cut short/],
  ['a relay header cut short', '0c00fd00', /relay header/],
  ['a relay without a message', `0c00${'00'.repeat(32)}`, /0 relayed messages/],
  ['a reply inside of a request', `0c00${'00'.repeat(32)}00090002 0d00`, /relayed reply/],
] as const)
  test(`${what} is a value, not an exception`, () => {
    const decoded = decodeDhcp6Packet(hex(text));
    assert.ok(isMalformed(decoded));
    assert.match(decoded.reason, reason);
  });

const relay = { hops: 0, link: '::', peer: 'fe80::1', options: [] };
const relayed = (count: number): Dhcp6Packet => ({
  relays: Array.from({ length: count }, (_, hops) => ({ ...relay, hops: count - 1 - hops })),
  envelope: 'forward',
  message: { type: 1, transaction: 1, options: [] },
});

test('nine envelopes are the hop limit, a tenth is one too many', () => {
  assert.ok(!isMalformed(decodeDhcp6Packet(encodeDhcp6Packet(relayed(9)))));
  assert.match((decodeDhcp6Packet(encodeDhcp6Packet(relayed(10))) as { reason: string }).reason, /more than 9 times/);
});

const PLAIN = { noNullPrototype: true } as const;
const address = fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => decodeIpv6(Buffer.from(bytes)));
const options = fc.array(
  fc.tuple(
    fc.integer({ min: 0, max: 0xffff }).filter((code) => code !== 9),
    fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
  ),
  { maxLength: 6 },
);

test('what is encoded is decoded to the same packet', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ hops: fc.nat(255), link: address, peer: address, options }, PLAIN), { maxLength: 9 }),
      fc.record({ type: fc.integer({ min: 1, max: 11 }), transaction: fc.nat(0xffffff), options }, PLAIN),
      fc.constantFrom('forward' as const, 'reply' as const),
      (relays, message, envelope) => {
        const packet: Dhcp6Packet = relays.length === 0 ? { relays, message } : { relays, envelope, message };
        assert.deepEqual(decodeDhcp6Packet(encodeDhcp6Packet(packet)), packet);
      },
    ),
  );
  fc.assert(fc.property(address, (text) => assert.equal(decodeIpv6(encodeIpv6(text)), text)));
  fc.assert(
    fc.property(fc.nat(0xffffffff), address, fc.nat(0xffffffff), (iaid, ip, seconds) => {
      const association = { iaid, t1: 1, t2: 2, addresses: [{ address: ip, preferredSeconds: seconds, validSeconds: seconds }] };
      assert.deepEqual(decodeIaNa(encodeIaNa(association)), association);
    }),
  );
});

test('identifiers, classes and names', () => {
  assert.equal(macOfDuid(hex('0001 0001 12345678 525400770001')), '52:54:00:77:00:01');
  assert.equal(macOfDuid(hex('0004 00112233445566778899aabbccddeeff')), undefined);
  assert.equal(macOfDuid(hex('0003 0020 525400770001')), undefined, 'InfiniBand');
  assert.equal(macOfEui64('fe80::5054:ff:fe77:1'), '52:54:00:77:00:01');
  assert.equal(macOfEui64('fe80::1'), undefined);
  assert.deepEqual(decodeUserClasses6(hex('0004 69505845')), ['iPXE']);
  assert.deepEqual(decodeUserClasses6(Buffer.from('iPXE')), ['iPXE']);
  const pxe = 'PXEClient:Arch:00007:UNDI:003001';
  assert.equal(decodeVendorClass6(encodeVendorClass6(343, pxe)), pxe);
  assert.deepEqual(encodeTexts(['a', 'bc']), hex('0001 61 0002 6263'));
  assert.deepEqual(encodeDomainName('rack.test'), hex('04 7261636b 04 74657374 00'));
  assert.equal(encodeDomainName('a..b'), undefined);
  assert.deepEqual(encodeNtpServers(['fd00::1']), hex('0001 0010 fd000000000000000000000000000001'));
});
