import assert from 'node:assert/strict';
import { test } from 'node:test';
import { canonicalUuid, isLogicalName, isUuidLike, toBoolean, toIdent, toInteger, toList, toMacAddress, toUuid } from './query-values.ts';

test('booleans are many words', () => {
  for (const word of ['1', 't', 'True', 'ON', 'y', 'yes', true]) assert.equal(toBoolean('x', word), true);
  for (const word of ['0', 'f', 'False', 'off', 'N', 'no', false]) assert.equal(toBoolean('x', word), false);
  for (const nothing of [undefined, null]) assert.equal(toBoolean('x', nothing), undefined);
  for (const word of ['', '2', 'maybe', {}, []]) assert.throws(() => toBoolean('x', word), /Invalid x/);
});

test('a UUID with or without hyphens is one UUID', () => {
  const uuid = '3f1c7e0a-2b0f-4f6e-9d5d-0a6f2f7a1c11';
  for (const written of [uuid, uuid.toUpperCase(), uuid.replaceAll('-', '')]) {
    assert.ok(isUuidLike(written));
    assert.equal(canonicalUuid(written), uuid);
    assert.deepEqual(toIdent('node', written), { uuid });
  }
  for (const wrong of ['', 'x', uuid.slice(1), `${uuid}0`, 5]) assert.throws(() => toUuid('x', wrong), /Expected UUID for x/);
});

test('names: host names until 1.9, what a URL need not escape from 1.10', () => {
  for (const name of ['node-1', 'a.b.c', '7']) for (const minor of [5, 10]) assert.ok(isLogicalName(name, minor), name);
  for (const name of ['a_b', 'A~b', '-x', 'x.']) assert.ok(!isLogicalName(name, 9) && isLogicalName(name, 10), name);
  for (const name of ['', 'a b', 'ä', 'a/b', 'x'.repeat(256)]) for (const minor of [5, 82]) assert.ok(!isLogicalName(name, minor), name);
});

test('integers, lists and MAC addresses', () => {
  assert.equal(toInteger('n', ' 12 '), 12);
  for (const wrong of ['1.5', 'x', '', '99999999999', NaN]) assert.throws(() => toInteger('n', wrong), /Expected an integer for n/);
  assert.deepEqual(toList('a, B,a,,'), ['a', 'b']);
  assert.equal(toMacAddress('mac', '52-54-00-AA-bb-01'), '52:54:00:aa:bb:01');
  for (const wrong of ['52:54:00', '52:54:00-aa:bb:01', 'x'.repeat(17)])
    assert.throws(() => toMacAddress('mac', wrong), /Expected valid MAC address/);
});
