import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fleetAddress } from './bmc-fleet.ts';

test('addresses are consecutive, carry over octets and leave out .0 and .255', () => {
  const last = (count: number) => fleetAddress('127.9.0.1', count - 1);
  assert.equal(last(1), '127.9.0.1');
  assert.equal(last(254), '127.9.0.254');
  assert.equal(last(255), '127.9.1.1');
  assert.equal(last(3500), '127.9.13.198');
  assert.equal(fleetAddress('127.9.255.250', 5), '127.10.0.1');
  assert.throws(() => fleetAddress('not an address', 0), RangeError);
  const all = new Set(Array.from({ length: 3500 }, (_each, index) => fleetAddress('127.9.0.1', index)));
  assert.equal(all.size, 3500);
});
