import assert from 'node:assert/strict';
import test from 'node:test';
import { isMalformed } from '../core/base/malformed.ts';
import { encodeTypedOption, isFreeOptionCode, type TypedOption } from './typed-option-codec.ts';

for (const [what, option, hex] of [
  ['text', { text: 'rack' }, '7261636b'],
  ['hex', { hex: '00FF' }, '00ff'],
  ['addresses', { addresses: ['10.0.0.1', '10.0.0.2'] }, '0a0000010a000002'],
  ['numbers', { uint16: 1500 }, '05dc'],
  ['a flag', { flag: true }, '01'],
  // The example of RFC 3397 §2.
  [
    'domains, compressed',
    { domains: ['eng.apple.com', 'marketing.apple.com'] },
    '03656e67056170706c6503636f6d00' + '096d61726b6574696e67c004',
  ],
  // The table of RFC 3442.
  [
    'routes, as short as they can be',
    {
      routes: [
        { to: '0.0.0.0/0', via: '10.0.0.1' },
        { to: '10.0.0.0/8', via: '10.0.0.1' },
        { to: '10.17.0.0/16', via: '10.0.0.1' },
        { to: '10.198.122.47/32', via: '10.0.0.1' },
      ],
    },
    '000a000001' + '080a0a000001' + '100a110a000001' + '200ac67a2f0a000001',
  ],
] as [string, TypedOption, string][])
  test(`an option of ${what}`, () => {
    const value = encodeTypedOption(option);
    assert.equal(Buffer.isBuffer(value) ? value.toString('hex') : value.reason, hex);
  });

for (const option of [
  { hex: '0' },
  { addresses: ['10.0.0'] },
  { uint8: 256 },
  { uint16: -1 },
  { uint32: 1.5 },
  { domains: ['a..b'] },
  { routes: [{ to: '10.0.0.0', via: '10.0.0.1' }] },
  { text: 'x'.repeat(1025) },
] as TypedOption[])
  test(`${JSON.stringify(option).slice(0, 60)} is refused`, () => assert.ok(isMalformed(encodeTypedOption(option))));

test('what a reply says of itself is not for configuration', () => {
  for (const code of [53, 54, 51, 82, 61, 0, 255, 300, 1.5]) assert.ok(!isFreeOptionCode(code), String(code));
  for (const code of [3, 42, 43, 66, 67, 150, 254]) assert.ok(isFreeOptionCode(code), String(code));
});
