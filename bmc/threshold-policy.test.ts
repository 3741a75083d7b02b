import assert from 'node:assert/strict';
import { test } from 'node:test';
import { disorderOf } from './threshold-policy.ts';

test('thresholds stand in their order', () => {
  assert.equal(disorderOf({}), undefined);
  assert.equal(disorderOf({ lowerCritical: 5, upperCaution: 80, upperCritical: 90 }), undefined);
  assert.equal(disorderOf({ upperCaution: 90, upperCritical: 90 }), undefined);
  assert.equal(disorderOf({ upperCaution: 95, upperCritical: 90 }), 'upperCritical (90) would be below upperCaution (95)');
  assert.equal(disorderOf({ lowerFatal: 50, upperFatal: 10 }), 'upperFatal (10) would be below lowerFatal (50)');
});
