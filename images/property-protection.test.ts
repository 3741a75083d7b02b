import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodePropertyProtections, type PropertyProtections } from './property-protection-codec.ts';
import { forbiddenProperty, mayTouch, readableProperties } from './property-protection-policy.ts';

const ROLES = `
# the first section that fits counts
[^x_owner_.*]
create = admin,member
read = admin, member
update = admin,member
delete = admin,member
[^x_none_[a-z]+$]
create = !
read = @
update = !
delete = !
[.*]
create = admin
read = @
update = admin
delete = admin
`;
const read = (text: string, format: 'roles' | 'policies' = 'roles') => decodePropertyProtections(text, format) as PropertyProtections;
const who = (...roles: string[]) => ({ roles, allowsPolicy: (name: string) => roles.includes(name) });

test('the first section that fits a property says who may what', () => {
  const protections = read(ROLES);
  for (const [name, action, role, wanted] of [
    ['x_owner_a', 'read', 'member', true],
    ['x_owner_a', 'read', 'reader', false],
    ['x_owner_a', 'delete', 'member', true],
    ['x_none_a', 'create', 'admin', false],
    ['x_none_a', 'read', 'nobody', true],
    ['x_none_1', 'create', 'admin', true],
    ['other', 'update', 'member', false],
    ['other', 'read', 'reader', true],
    ['os_glance_failed_import', 'read', 'nobody', true],
  ] as const)
    assert.equal(mayTouch(protections, name, action, who(role)), wanted, `${role} may ${action} ${name}`);
  assert.equal(mayTouch(read('[^a$]\ncreate=@\nread=@\nupdate=@\ndelete=@\n'), 'b', 'read', who('admin')), false, 'what no section names');
  assert.equal(mayTouch(undefined, 'b', 'create', who()), true);
  const policies = read('[.*]\ncreate = may_label\nread = @\nupdate = !\ndelete = may_label\n', 'policies');
  assert.deepEqual([mayTouch(policies, 'a', 'create', who('may_label')), mayTouch(policies, 'a', 'create', who())], [true, false]);
});

test('a change is looked at property by property, and what one can not read is not there', () => {
  const protections = read(ROLES);
  const [member, reader] = [who('member'), who('reader')];
  assert.deepEqual(readableProperties(protections, { x_owner_a: '1', b: '2' }, reader), { b: '2' });
  assert.equal(forbiddenProperty(protections, { b: '2' }, { b: '2', x_owner_a: '1' }, member), undefined);
  assert.equal(forbiddenProperty(protections, { b: '2' }, { b: '3' }, member), 'b');
  assert.equal(forbiddenProperty(protections, { b: '2' }, {}, member), 'b');
  assert.equal(forbiddenProperty(protections, {}, { c: '1' }, member), 'c');
});

test('mistakes of the file are told, all at once', () => {
  const { mistakes } = decodePropertyProtections('x = 1\n[(]\ncreate = @,!\nread = a\nupdate = a\n', 'roles') as { mistakes: string[] };
  assert.deepEqual(
    mistakes.map((one) => one.replace(/:.*/, '')),
    [
      'line 1 is neither a section nor NAME = VALUE in one',
      '[(] is no regular expression',
      '[(] create has both @ and !',
      '[(] does not say who may delete',
    ],
  );
  const several = decodePropertyProtections('[a]\ncreate = a,b\nread = a\nupdate = a\ndelete = a\n', 'policies');
  assert.deepEqual(several, { mistakes: ['[a] create names more than one policy'] });
  fc.assert(fc.property(fc.string(), (text) => void decodePropertyProtections(text, 'roles')));
});
