import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cleanAcl, isGranted, parseAcl, referrerAllowed, type Grantee } from './object-acl-policy.ts';

test('lists as they are kept, and lists that are none', () => {
  for (const [given, kept] of [
    ['.r:*, .rlistings', '.r:*,.rlistings'],
    ['.referrer:*.example.com', '.r:.example.com'],
    ['.ref : - bad.example.com', '.r:-bad.example.com'],
    [' p:u ,, *:* , member', 'p:u,*:*,member'],
  ] as const)
    assert.equal(cleanAcl('X-Container-Read', given), kept);
  for (const [header, given, why] of [
    ['X-Container-Read', '.x:y', /Unknown designator/],
    ['X-Container-Read', '.r:', /No host/],
    ['X-Container-Read', '.r:*.', /No host/],
    ['X-Container-Write', '.r:*', /Referrers not allowed/],
  ] as const)
    assert.throws(() => cleanAcl(header, given), why);
});

test('the last pattern that fits the referrer counts', () => {
  for (const [list, referrer, allowed] of [
    ['.r:*', undefined, true],
    ['.r:*,.r:-a.example', 'http://a.example/x', false],
    ['.r:-a.example,.r:*', 'http://a.example/x', true],
    ['.r:.example', 'https://user@deep.A.example:8080/x?y', true],
    ['.r:.example', 'https://example/x', false],
    ['.r:a.example', 'ftp://a.example', false],
    ['', 'http://a.example', false],
  ] as const)
    assert.equal(referrerAllowed(parseAcl(list), referrer), allowed, list);
});

const anna: Grantee = { userId: 'u1', userName: 'anna', projectId: 'p1', projectName: 'sea', mayUseNames: true, roles: ['Member'] };

test('grants by id, by name where names are unambiguous, by role', () => {
  for (const [list, granted] of [
    ['p1:u1', true],
    ['*:u1', true],
    ['p1:*', true],
    ['*:*', true],
    ['sea:anna', true],
    ['p1:anna', true],
    ['member', true],
    ['p2:u1', false],
    ['p1:u2', false],
    ['p1', false],
    ['u1', false],
    ['.r:*', false],
    ['', false],
  ] as const)
    assert.equal(isGranted(parseAcl(list), anna), granted, list);
  assert.equal(isGranted(parseAcl('sea:anna'), { ...anna, mayUseNames: false }), false);
  assert.equal(isGranted(parseAcl('null:u1'), { ...anna, projectId: null }), false);
});
