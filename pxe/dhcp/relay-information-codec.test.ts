import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { isMalformed } from '../../core/base/malformed.ts';
import { decodeRelayInformation, echoRelayInformation, encodeRelayParts, identifierText } from './relay-information-codec.ts';

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');

for (const [what, bytes, expected] of [
  ['nothing', '', {}],
  ['a circuit in text and a remote identifier in bytes', '0104 65746830 0204 deadbeef', { circuitId: 'eth0', remoteId: '0xdeadbeef' }],
  ['link selection behind others (RFC 3527)', '0102 aabb 0504 0a4e0000', { circuitId: '0xaabb', link: 0x0a4e0000 }],
  ['a link selection of two bytes, which is none', '0502 aabb', {}],
  ['flags: unicast (RFC 5010)', '0a01 80', { isUnicast: true }],
  ['flags: broadcast', '0a01 00', { isUnicast: false }],
  ['the relay as the server (RFC 5107)', '0b04 0a4e0001', { serverIdentifier: 0x0a4e0001 }],
  ['a network by name (RFC 6607)', '9705 00 72656431', { network: 'red1' }],
  ['a network by VPN-ID', '9708 01 00000100000007', { network: '0x00000100000007' }],
  ['the global network', '9701 ff', { network: '' }],
] as const)
  test(`option 82: ${what}`, () => assert.deepEqual(decodeRelayInformation(hex(bytes)), expected));

for (const [what, bytes] of [
  ['a sub-option without a length', '01'],
  ['a sub-option cut short', '0104 6574'],
  ['a network of an unknown kind', '9702 0500'],
  ['a VPN-ID of six bytes', '9707 01 000001000000'],
] as const)
  test(`option 82: ${what} is malformed`, () => assert.ok(isMalformed(decodeRelayInformation(hex(bytes)))));

test('all comes back to the relay but the sub-option that says "not understood"', () => {
  assert.deepEqual(echoRelayInformation(hex('0102 aabb 9705 00 72656431')), hex('0102 aabb 9705 00 72656431'));
  assert.deepEqual(echoRelayInformation(hex('0102 aabb 9705 00 72656431 9800')), hex('0102 aabb 9705 00 72656431'));
});

test('identifiers are text where an operator can type them', () => {
  assert.equal(identifierText(Buffer.from('Ethernet1/2')), 'Ethernet1/2');
  assert.equal(identifierText(Buffer.from('0xab')), '0x30786162');
  assert.equal(identifierText(Buffer.from(' eth')), '0x20657468');
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 40 }), fc.uint8Array({ minLength: 1, maxLength: 40 }), (a, b) => {
      const same = Buffer.from(a).equals(Buffer.from(b));
      assert.equal(identifierText(Buffer.from(a)) === identifierText(Buffer.from(b)), same);
    }),
  );
});

test('no bytes make the decoder throw, and what is encoded is read', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => void decodeRelayInformation(Buffer.from(bytes))));
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 60 }), (bytes) => {
      const decoded = decodeRelayInformation(encodeRelayParts([[1, Buffer.from(bytes)]]));
      assert.deepEqual(decoded, { circuitId: identifierText(Buffer.from(bytes)) });
    }),
  );
});
