import assert from 'node:assert/strict';
import { test } from 'node:test';
import { guessContentType, readExpiry, whyBadMetadata } from './object-metadata-policy.ts';

const latin1 = (text: string) => Buffer.from(text).toString('latin1');

test('metadata that fits, and why the rest does not', () => {
  assert.equal(whyBadMetadata('object', { 'x-object-meta-a': latin1('ä'), 'content-type': 'x'.repeat(1000) }), undefined);
  for (const [headers, why] of [
    [{ 'x-object-meta-': 'v' }, /cannot be empty/],
    [{ [`x-object-meta-${'n'.repeat(129)}`]: 'v' }, /name too long: X-Object-Meta-Nnn/],
    [{ 'x-object-meta-a': 'v'.repeat(257) }, /value longer than 256: X-Object-Meta-A/],
    [{ 'x-object-meta-a': '\u00ff' }, /valid UTF-8/],
    [Object.fromEntries(Array.from({ length: 91 }, (_, at) => [`x-object-meta-${at}`, 'v'])), /Too many metadata items; max 90/],
    [
      Object.fromEntries(Array.from({ length: 17 }, (_, at) => [`x-object-meta-${at}`, 'v'.repeat(250)])),
      /Total metadata too large; max 4096/,
    ],
  ] as const)
    assert.match(whyBadMetadata('object', headers) ?? '', why);
});

test('when an object is to go', () => {
  const read = (headers: Record<string, string>) => readExpiry(headers, 1_000_500);
  assert.deepEqual(read({}), { at: null });
  assert.deepEqual(read({ 'x-delete-at': '1001' }), { at: 1001 });
  assert.deepEqual(read({ 'x-delete-after': '5', 'x-delete-at': '9999' }), { at: 1005 });
  for (const headers of [{ 'x-delete-at': '1000' }, { 'x-delete-at': 'soon' }, { 'x-delete-after': '-1' }, { 'x-delete-after': '1.5' }])
    assert.ok('error' in read(headers as Record<string, string>), JSON.stringify(headers));
});

test('types by the end of a name', () => {
  assert.deepEqual(['a.TXT', 'dir.png/x', 'x.tar.gz', 'x', '.json'].map(guessContentType), [
    'text/plain',
    'application/octet-stream',
    'application/gzip',
    'application/octet-stream',
    'application/json',
  ]);
});
