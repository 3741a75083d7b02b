import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { decodeMachineUuid, decodeUserClasses, encodeAddresses } from './dhcp-option-codec.ts';

for (const [what, hex, expected] of [
  ['bare text, as iPXE sends it', Buffer.from('iPXE').toString('hex'), ['iPXE']],
  ['one class with its length (RFC 3004)', '0469505845', ['iPXE']],
  ['two classes', '02616204695058 45'.replace(' ', ''), ['ab', 'iPXE']],
  ['a length that runs over the end', '0961', ['?a']],
  ['nothing', '', []],
] as const)
  test(`user class: ${what}`, () => assert.deepEqual(decodeUserClasses(Buffer.from(hex, 'hex')), expected));

test('a machine UUID needs type 0 and sixteen bytes', () => {
  assert.equal(decodeMachineUuid(Buffer.from('0044332211665588779900aabbccddeeff', 'hex')), '11223344-5566-7788-9900-aabbccddeeff');
  assert.equal(decodeMachineUuid(Buffer.from('01', 'hex')), undefined);
});

test('what is not an address is left out', () => {
  assert.equal(encodeAddresses(['10.0.0.1', 'nonsense', '10.0.0.2']).toString('hex'), '0a0000010a000002');
});

test('no bytes make a decoder throw', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
      const value = Buffer.from(bytes);
      decodeUserClasses(value);
      decodeMachineUuid(value);
    }),
  );
});
