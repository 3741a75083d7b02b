import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { answerFileRequest, type ConditionHeaders, parseRange } from './http-conditions-policy.ts';

const file = { sizeBytes: 1000, modifiedMs: Date.UTC(2026, 0, 2, 3, 4, 5, 678), etag: '"abc"' };
const date = new Date(file.modifiedMs).toUTCString();
const older = new Date(file.modifiedMs - 60_000).toUTCString();
const whole = { status: 200, start: 0, length: 1000 };
for (const [headers, answer] of [
  [{}, whole],
  [{ range: 'bytes=0-99' }, { status: 206, start: 0, length: 100 }],
  [{ range: 'bytes=900-' }, { status: 206, start: 900, length: 100 }],
  [{ range: 'bytes=-1' }, { status: 206, start: 999, length: 1 }],
  [{ range: 'bytes=990-5000' }, { status: 206, start: 990, length: 10 }],
  [{ range: 'bytes=1000-' }, { status: 416 }],
  [{ range: 'bytes=-0' }, { status: 416 }],
  [{ range: 'bytes=5-4' }, whole],
  [{ range: 'bytes=0-1,5-6' }, whole],
  [{ range: 'lines=1-2' }, whole],
  [{ ifNoneMatch: '"abc"' }, { status: 304 }],
  [{ ifNoneMatch: 'W/"abc", "x"' }, { status: 304 }],
  [{ ifNoneMatch: '"x"', ifModifiedSince: date }, whole],
  [{ ifModifiedSince: date }, { status: 304 }],
  [{ ifModifiedSince: older }, whole],
  [{ ifModifiedSince: 'yesterday' }, whole],
  [{ ifMatch: '"x"' }, { status: 412 }],
  [
    { range: 'bytes=0-9', ifRange: '"abc"' },
    { status: 206, start: 0, length: 10 },
  ],
  [{ range: 'bytes=0-9', ifRange: '"old"' }, whole],
  [
    { range: 'bytes=0-9', ifRange: date },
    { status: 206, start: 0, length: 10 },
  ],
  [{ range: 'bytes=0-9', ifRange: older }, whole],
] as [ConditionHeaders, object][])
  test(`${JSON.stringify(headers)} -> ${JSON.stringify(answer)}`, () => assert.deepEqual(answerFileRequest(headers, file), answer));

test('an empty file has no satisfiable range', () => assert.equal(parseRange('bytes=0-', 0), 'unsatisfiable'));

test('a range never reaches outside the file', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.tuple(fc.nat(), fc.nat()).map(([a, b]) => `bytes=${a}-${b}`),
      ),
      fc.nat({ max: 5000 }),
      (header, size) => {
        const range = parseRange(header, size);
        if (typeof range === 'string') return;
        assert.ok(range.start >= 0 && range.length > 0 && range.start + range.length <= size);
      },
    ),
  );
});
