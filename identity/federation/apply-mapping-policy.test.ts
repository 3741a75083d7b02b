import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mappingShape } from '../mapping-policy.ts';
import { applyMapping, type Mapped } from './apply-mapping-policy.ts';

const lea = { UserName: ['lea'], Email: ['lea@example.org'], orgPersonType: ['Employee'], groups: ['ops', 'dev', 'all'] };
const rules = (...given: object[]) => mappingShape.parse({ rules: given }).rules;
const user = (name: string): Partial<Mapped> => ({ user: { name, type: 'ephemeral' } });

for (const [what, given, wanted] of [
  [
    'a name by its place',
    rules({ local: [{ user: { name: '{0} <{1}>' } }], remote: [{ type: 'UserName' }, { type: 'Email' }] }),
    user('lea <lea@example.org>'),
  ],
  ['an attribute that is missing', rules({ local: [{ user: { name: '{0}' } }], remote: [{ type: 'Nobody' }] }), undefined],
  [
    'a condition hands nothing on',
    rules({
      local: [{ user: { name: '{0}' } }],
      remote: [{ type: 'orgPersonType', any_one_of: ['Employee', 'Guest'] }, { type: 'UserName' }],
    }),
    user('lea'),
  ],
  [
    'not any of',
    rules({ local: [{ user: { name: '{0}' } }], remote: [{ type: 'UserName' }, { type: 'orgPersonType', not_any_of: ['Employee'] }] }),
    undefined,
  ],
  [
    'an expression',
    rules({
      local: [{ user: { name: '{0}' } }],
      remote: [{ type: 'UserName' }, { type: 'Email', any_one_of: ['.*@example\\.org$'], regex: true }],
    }),
    user('lea'),
  ],
  [
    'a broken expression fits nothing',
    rules({ local: [{ user: { name: '{0}' } }], remote: [{ type: 'UserName' }, { type: 'Email', any_one_of: ['('], regex: true }] }),
    undefined,
  ],
  [
    'a white list of groups',
    rules({
      local: [{ user: { name: '{0}' } }, { groups: '{1}', domain: { id: 'd' } }],
      remote: [{ type: 'UserName' }, { type: 'groups', whitelist: ['ops', 'x'] }],
    }),
    { ...user('lea'), groupNames: [{ name: 'ops', domain: { id: 'd' } }] },
  ],
  [
    'a black list of group ids',
    rules({
      local: [{ user: { name: '{0}' } }, { group_ids: '{1}' }],
      remote: [{ type: 'UserName' }, { type: 'groups', blacklist: ['all'] }],
    }),
    { ...user('lea'), groupIds: ['ops', 'dev'] },
  ],
  [
    'several rules add up; the first user counts',
    rules(
      { local: [{ user: { name: '{0}' } }], remote: [{ type: 'UserName' }] },
      { local: [{ user: { name: 'other' } }, { group: { id: 'g' } }], remote: [{ type: 'Email' }] },
      { local: [{ group: { id: 'h' } }], remote: [{ type: 'Nobody' }] },
    ),
    { ...user('lea'), groupIds: ['g'] },
  ],
  [
    'projects with roles',
    rules({
      local: [{ user: { name: '{0}' }, projects: [{ name: '{0}-home', roles: [{ name: 'member' }] }] }],
      remote: [{ type: 'UserName' }],
    }),
    { ...user('lea'), projects: [{ name: 'lea-home', roles: ['member'] }] },
  ],
] as const) {
  test(what, () => {
    const mapped = applyMapping(given, lea);
    if (wanted === undefined) return assert.equal(mapped, undefined);
    assert.deepEqual(mapped, { groupIds: [], groupNames: [], projects: [], ...wanted });
  });
}

test('a mapping without a condition, or with an attribute that is not known, is none', () => {
  assert.equal(mappingShape.safeParse({ rules: [{ local: [{ user: { name: 'x' } }], remote: [] }] }).success, false);
  assert.equal(mappingShape.safeParse({ rules: [{ local: [{ admin: true }], remote: [{ type: 'a' }] }] }).success, false);
  assert.equal(mappingShape.safeParse({ rules: [] }).success, false);
});
