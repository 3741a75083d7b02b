import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeFactors, encodeFactors, toReading, unitOf, type AnalogFormat } from './sensor-conversion-codec.ts';

const plain = { m: 1, b: 0, bExponent: 0, rExponent: 0 };

const cases: readonly [string, number, AnalogFormat, typeof plain, number, number | undefined][] = [
  ['as it is', 24, 'unsigned', plain, 0, 24],
  ['a 12 V rail', 0xf5, 'unsigned', { m: 49, b: 0, bExponent: 0, rExponent: -3 }, 0, 12.005],
  ['a fan in hundreds', 62, 'unsigned', { m: 100, b: 0, bExponent: 0, rExponent: 0 }, 0, 6200],
  ['an offset with its own exponent', 10, 'unsigned', { m: 2, b: -5, bExponent: 1, rExponent: 0 }, 0, -30],
  ['below zero, two’s complement', 0xf6, 'twos-complement', plain, 0, -10],
  ['below zero, one’s complement', 0xf5, 'ones-complement', plain, 0, -10],
  ['1/x', 4, 'unsigned', plain, 7, 0.25],
  ['1/x of nothing', 0, 'unsigned', plain, 7, undefined],
  ['square', 9, 'unsigned', plain, 8, 81],
  ['square root', 81, 'unsigned', plain, 10, 9],
  ['cube root', 27, 'unsigned', plain, 11, 3],
  ['2 to the power', 5, 'unsigned', plain, 6, 32],
  ['logarithm', 100, 'unsigned', plain, 2, 2],
  ['states only', 1, 'none', plain, 0, undefined],
];
for (const [story, raw, format, factors, linearization, value] of cases)
  test(`${story}: ${value}`, () => assert.equal(toReading(raw, format, factors, linearization), value));

test('factors are 10-bit and 4-bit two’s complement', () => {
  assert.deepEqual(decodeFactors([0x31, 0x00, 0x00, 0x00, 0x00, 0xd0]), { m: 49, b: 0, bExponent: 0, rExponent: -3 });
  assert.deepEqual(decodeFactors([0xff, 0xc0, 0x00, 0x80, 0x00, 0x1f]), { m: -1, b: -512, bExponent: -1, rExponent: 1 });
  const exponent = fc.integer({ min: -8, max: 7 });
  const ten = fc.integer({ min: -512, max: 511 });
  fc.assert(
    fc.property(ten, ten, exponent, exponent, (m, b, bExponent, rExponent) => {
      assert.deepEqual(decodeFactors(encodeFactors({ m, b, bExponent, rExponent })), { m, b, bExponent, rExponent });
    }),
  );
});

test('units', () => {
  assert.deepEqual([unitOf(0, 1), unitOf(0, 18), unitOf(1, 0), unitOf(0, 0)], ['Cel', 'RPM', '%', undefined]);
});
