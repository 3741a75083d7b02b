import assert from 'node:assert/strict';
import { test } from 'node:test';
import { explainOutage } from './outage-policy.ts';

const failure = (code: string | undefined, message = 'failed') => Object.assign(new Error(message), code === undefined ? {} : { code });

for (const [code, expected] of [
  ['53100', /full.*Make room/],
  ['ENOSPC', /full.*Make room/],
  ['53300', /connections/],
  ['57P01', /restarting/],
  ['57P03', /restarting/],
  ['08006', /restarting/],
  ['ECONNREFUSED', /does not answer/],
  ['25006', /primary/],
] as const)
  test(`an outage is explained: ${code}`, () => assert.match(explainOutage(failure(code))!, expected));

test('a connection that ended is an outage, whatever the driver calls it', () => {
  assert.match(explainOutage(failure(undefined, 'Connection terminated unexpectedly'))!, /broke/);
  assert.match(explainOutage(failure(undefined, 'timeout exceeded when trying to connect'))!, /broke/);
});

test('refusals of the data and bugs are none', () => {
  for (const error of [failure('23505'), failure('22P02'), failure('42601'), new TypeError('x is undefined'), 'text', null, undefined])
    assert.equal(explainOutage(error), undefined);
});
