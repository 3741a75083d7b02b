import assert from 'node:assert/strict';
import { test } from 'node:test';
import { acceptedPasscodes, decodeBase32, totpAt } from './totp-codec.ts';

/** RFC 6238 appendix B, SHA-1, cut to six digits. */
const SECRET = Buffer.from('12345678901234567890');
for (const [seconds, code] of [
  [59, '287082'],
  [1111111109, '081804'],
  [1111111111, '050471'],
  [1234567890, '005924'],
  [2000000000, '279037'],
  [20000000000, '353130'],
] as const) {
  test(`at ${seconds} s the passcode is ${code}`, () => assert.equal(totpAt(SECRET, seconds * 1000), code));
}

test('base32 as RFC 4648 has it, with what authenticators add', () => {
  assert.equal(decodeBase32('GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ')?.toString(), SECRET.toString());
  assert.equal(decodeBase32('gezd gnbv gy3t qojq')?.toString(), '1234567890');
  assert.equal(decodeBase32('MZXW6===')?.toString(), 'foo');
  assert.equal(decodeBase32('018'), undefined);
});

test('the step before is accepted, the one after is not', () => {
  const now = 1234567890_000;
  assert.deepEqual(acceptedPasscodes(SECRET, now), [totpAt(SECRET, now), totpAt(SECRET, now - 30_000)]);
  assert.ok(!acceptedPasscodes(SECRET, now).includes(totpAt(SECRET, now + 30_000)));
});
