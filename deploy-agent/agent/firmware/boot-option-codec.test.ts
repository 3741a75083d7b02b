import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isMalformed } from '../../../core/base/malformed.ts';
import { bootOptionName, decodeBootOption, decodeBootOrder, encodeBootOrder, encodeLoaderOption } from './boot-option-codec.ts';

const partition = { number: 2, firstLba: 4096, blocks: 32768, guid: 'c12a7328-f81f-11d2-ba4b-00a0c93ec93b' };

test("a loader option in the specification's bytes", () => {
  const bytes = encodeLoaderOption({ description: 'OS', loader: '\\E', partition });
  assert.equal(
    bytes.toString('hex'),
    '01000000' +
      '3800' +
      '4f0053000000' +
      '04012a00' +
      '02000000' +
      '0010000000000000' +
      '0080000000000000' +
      '28732ac11ff8d211ba4b00a0c93ec93b' +
      '0202' +
      '04040a00' +
      '5c0045000000' +
      '7fff0400',
  );
});

test('descriptions read back, orders read back', () => {
  fc.assert(
    fc.property(
      fc.string({ maxLength: 40 }).filter((text) => !text.includes('\0')),
      fc.array(fc.nat(0xffff)),
      (description, order) => {
        const option = decodeBootOption(encodeLoaderOption({ description, loader: '\\EFI\\BOOT\\BOOTX64.EFI', partition }));
        assert.ok(!isMalformed(option));
        assert.equal(option.description, description);
        assert.deepEqual(decodeBootOrder(encodeBootOrder(order)), order);
      },
    ),
  );
  assert.equal(bootOptionName(10), 'Boot000A');
});

test('random bytes never throw', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      decodeBootOption(Buffer.from(bytes));
    }),
  );
});
