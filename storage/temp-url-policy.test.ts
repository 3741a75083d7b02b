import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import { allowsTempUrl, isSigned, readTempUrl, type TempUrl } from './temp-url-policy.ts';

const PATH = '/v1/AUTH_p/c/o';
const NOW_MS = 1_000_000_000;
const EXPIRES = 1_000_100;
const sign = (words: readonly (string | number)[], digest = 'sha256', key = 'k') =>
  createHmac(digest, key).update(words.join('\n')).digest('hex');
const request = { method: 'GET', path: PATH, nowMs: NOW_MS, address: '10.0.0.7', keys: ['other', 'k'] };
const allows = (url: Partial<TempUrl>, changes: Partial<typeof request> = {}) =>
  allowsTempUrl({ signature: sign(['GET', EXPIRES, PATH]), expires: EXPIRES, ...url }, { ...request, ...changes });

test('a signature is for a method, a path and a time', () => {
  assert.ok(allows({}));
  assert.ok(allows({}, { method: 'HEAD' }));
  for (const digest of ['sha1', 'sha512']) assert.ok(allows({ signature: sign(['GET', EXPIRES, PATH], digest) }));
  assert.ok(allows({ signature: `sha256:${Buffer.from(sign(['GET', EXPIRES, PATH]), 'hex').toString('base64')}` }));
  assert.ok(!allows({}, { method: 'PUT' }));
  assert.ok(!allows({}, { method: 'COPY' }));
  assert.ok(!allows({}, { path: '/v1/AUTH_p/c/other' }));
  assert.ok(!allows({}, { nowMs: EXPIRES * 1000 }));
  assert.ok(!allows({ expires: EXPIRES + 1 }));
  assert.ok(!allows({}, { keys: [] }));
  for (const signature of ['', 'zz', 'abcd', 'sha256:abcd', 'md5:abcd']) assert.ok(!allows({ signature }), signature);
});

test('a prefix opens what begins with it, in its container', () => {
  const prefixed = { prefix: 'fo', signature: sign(['GET', EXPIRES, 'prefix:/v1/AUTH_p/c/fo']) };
  assert.ok(allows(prefixed, { path: '/v1/AUTH_p/c/folder/x' }));
  assert.ok(!allows(prefixed, { path: '/v1/AUTH_p/c/bar' }));
  assert.ok(!allows(prefixed, { path: '/v1/AUTH_p/d/folder' }));
});

test('addresses, one or a prefix of them', () => {
  const from = (ipRange: string) => ({ ipRange, signature: sign([`ip=${ipRange}`, 'GET', EXPIRES, PATH]) });
  assert.ok(allows(from('10.0.0.7')));
  assert.ok(allows(from('10.0.0.0/24'), { address: '::ffff:10.0.0.9' }));
  assert.ok(allows(from('fd00::/8'), { address: 'fd00::1' }));
  assert.ok(!allows(from('10.0.1.0/24')));
  assert.ok(!allows(from('nowhere')));
  assert.ok(!allows({ ipRange: '10.0.0.7' }), 'the range is signed too');
});

test('times in seconds or ISO 8601', () => {
  const read = (text: string) => readTempUrl(new URLSearchParams(text));
  assert.equal(read('prefix=x'), undefined);
  assert.deepEqual(read('temp_url_sig=ab&temp_url_expires=5'), { signature: 'ab', expires: 5 });
  assert.deepEqual(read('temp_url_sig=ab&temp_url_expires=1970-01-01T00:01:00Z'), { signature: 'ab', expires: 60 });
  assert.deepEqual(read('temp_url_sig=ab&temp_url_expires=1970-01-01T01:01:00%2B0100'), { signature: 'ab', expires: 60 });
  for (const bad of ['temp_url_sig=ab', 'temp_url_expires=5', 'temp_url_sig=ab&temp_url_expires=soon', 'temp_url_sig=&temp_url_expires=5'])
    assert.equal(read(bad), 'invalid', bad);
});

test('forms are signed alike', () => {
  assert.ok(isSigned(['a', '', 'b'], sign(['a', '', 'b'], 'sha1'), ['k']));
  assert.ok(!isSigned(['a', 'b'], sign(['a', '', 'b'], 'sha1'), ['k']));
});
