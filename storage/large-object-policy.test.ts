import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { etagPart, lengthOf, readManifest, slicePieces, usedBytes, type Piece } from './large-object-policy.ts';

/** What the pieces read from a file whose byte at each place is the place. */
const bytesOf = (pieces: readonly Piece[]) =>
  pieces.flatMap(({ blobId, first, last }) => Array.from({ length: last - first + 1 }, (_, at) => `${blobId}${first + at}`));

test('any slice of pieces is the slice of their bytes', () => {
  const piece = fc.record({ blobId: fc.constantFrom('a', 'b'), first: fc.nat(5), more: fc.nat(5) });
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 6 }), fc.nat(40), fc.nat(40), (drawn, start, length) => {
      const pieces = drawn.map(({ blobId, first, more }) => ({ blobId, first, last: first + more }));
      const whole = bytesOf(pieces);
      assert.equal(lengthOf(pieces), whole.length);
      assert.deepEqual(bytesOf(slicePieces(pieces, start, start + length)), whole.slice(start, start + length + 1));
    }),
  );
});

test('manifests as clients write them, and what is none', () => {
  const read = (value: unknown) => readManifest(JSON.stringify(value), '/c/self', 3);
  assert.deepEqual(read([{ path: 'c/o', etag: '"abc"', size_bytes: 5, range: '1-2' }, { data: 'YWJj' }]), {
    segments: [{ path: '/c/o', etag: 'abc', bytes: 5, range: '1-2' }, { data: 'YWJj' }],
  });
  for (const [value, why] of [
    [{}, /must be a list/],
    [[], /at least one segment/],
    [[7], /Index 0: not a JSON object/],
    [[{ path: '/c' }], /does not refer to an object/],
    [[{ path: '/c/self' }], /must not include itself/],
    [[{ path: '/c/o' }, { path: '/c/o', size: 3 }], /Index 1: extraneous keys "size"/],
    [[{ path: '/c/o', size_bytes: 0 }], /too small/],
    [[{ path: '/c/o', size_bytes: 'many' }], /invalid size_bytes/],
    [[{ path: '/c/o', range: '5' }], /invalid range/],
    [[{ path: '/c/o', etag: 7 }], /etag must be a string/],
    [[{ path: '/c/o', data: 'YQ==' }], /both/],
    [[{}], /expected keys/],
    [[{ data: '!' }, { path: '/c/o' }], /base64/],
    [[{ data: 'YQ==' }], /at least one object-backed/],
    [[1, 2, 3, 4].map((at) => ({ path: `/c/${at}` })), /must be <= 3/],
  ] as const) {
    const result = read(value);
    assert.ok('errors' in result && why.test(result.errors.join('\n')), `${JSON.stringify(value)}: ${JSON.stringify(result)}`);
  }
  assert.ok('errors' in readManifest('{', '/c/self', 3));
});

test('a range is part of the ETag and of the length', () => {
  const segment = { path: '/c/o', etag: 'abc', bytes: 10 };
  assert.deepEqual([etagPart(segment), usedBytes(segment)], ['abc', 10]);
  assert.deepEqual([etagPart({ ...segment, range: [2, 4] }), usedBytes({ ...segment, range: [2, 4] })], ['abc:2-4;', 3]);
});
