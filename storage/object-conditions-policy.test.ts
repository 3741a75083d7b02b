import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rangeHolds, unmetCondition, type Conditions } from './object-conditions-policy.ts';

/** One and a half seconds after the first minute of 2026. */
const MODIFIED_US = Date.parse('2026-01-01T00:01:01.500Z') * 1000;
const SAME = 'Thu, 01 Jan 2026 00:01:02 GMT';
const BEFORE = 'Thu, 01 Jan 2026 00:01:01 GMT';
const TABLE: readonly (readonly [Conditions, 304 | 412 | undefined])[] = [
  [{}, undefined],
  [{ ifMatch: 'tag' }, undefined],
  [{ ifMatch: '"other", "tag"' }, undefined],
  [{ ifMatch: '*' }, undefined],
  [{ ifMatch: 'other' }, 412],
  [{ ifNoneMatch: 'W/"tag"' }, 304],
  [{ ifNoneMatch: '*' }, 304],
  [{ ifNoneMatch: 'other', ifModifiedSince: SAME }, undefined],
  [{ ifModifiedSince: SAME }, 304],
  [{ ifModifiedSince: BEFORE }, undefined],
  [{ ifModifiedSince: 'never' }, undefined],
  [{ ifUnmodifiedSince: SAME }, undefined],
  [{ ifUnmodifiedSince: BEFORE }, 412],
  [{ ifMatch: 'tag', ifUnmodifiedSince: BEFORE }, undefined],
];

test('conditions, with dates of whole seconds', () => {
  for (const [conditions, verdict] of TABLE)
    assert.equal(unmetCondition(conditions, 'tag', MODIFIED_US), verdict, JSON.stringify(conditions));
});

test('a range is of what the client has the rest of', () => {
  for (const [ifRange, holds] of [
    [undefined, true],
    ['"tag"', true],
    ['other', false],
    [SAME, true],
    [BEFORE, false],
  ] as const)
    assert.equal(rangeHolds(ifRange, 'tag', MODIFIED_US), holds, String(ifRange));
});
