import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Actor } from '../core/base/actor.ts';
import { createPolicyEngine, type PolicyRule } from './policy-engine.ts';
import { parseCheck, printCheck, type Check } from './policy/check-codec.ts';

const member: Actor = {
  userId: 'u1',
  userName: 'ann',
  userDomainId: 'default',
  projectId: 'p1',
  projectDomainId: 'default',
  domainId: null,
  systemScope: false,
  roles: ['member', 'reader'],
};
const systemReader: Actor = { ...member, projectId: null, projectDomainId: null, systemScope: true, roles: ['reader'] };

const decide = (check: string, actor: Actor, target: object = {}, more: readonly PolicyRule[] = []) =>
  createPolicyEngine({ rules: [{ name: 'x', check }, ...more], enforceScope: true }).authorize(actor, 'x', target as never).allowed;

for (const [check, target, wanted] of [
  ['', {}, true],
  ['@', {}, true],
  ['!', {}, false],
  ['role:member', {}, true],
  ['role:Member', {}, true],
  ['role:admin or role:member', {}, true],
  ['role:admin and role:member', {}, false],
  ['not role:admin', {}, true],
  ['not (role:admin or role:member)', {}, false],
  ['role:admin or role:member and role:reader', {}, true],
  ['user_id:%(target.user.id)s', { target: { user: { id: 'u1' } } }, true],
  ['user_id:%(target.user.id)s', { 'target.user.id': 'u1' }, true],
  ['user_id:%(target.user.id)s', {}, false],
  ['project_id:%(node.owner)s', { node: { owner: null } }, false],
  ['None:%(target.role.domain_id)s', { target: { role: { domain_id: null } } }, true],
  ['not None:%(target.project_id)s', { target: { project_id: 'p' } }, true],
  ["'public':%(visibility)s", { visibility: 'public' }, true],
  ['True:%(is_public_api)s', { is_public_api: true }, true],
  ['token.project.domain.id:%(d)s', { d: 'default' }, true],
  ['domain_id:%(d)s', { d: null }, false],
  ['system_scope:all', {}, false],
] as const) {
  test(`"${check}" for a member, target ${JSON.stringify(target)}: ${wanted}`, () => assert.equal(decide(check, member, target), wanted));
}

test('a rule names others; one that is not there or names itself denies', () => {
  assert.equal(decide('rule:part', member, {}, [{ name: 'part', check: 'role:member' }]), true);
  assert.equal(decide('rule:nobody', member), false);
  assert.equal(decide('rule:x', member), false);
});

test('the older check holds until scope is enforced; then the token must have the scope', () => {
  const rules: PolicyRule[] = [{ name: 'x', check: 'role:reader and system_scope:all', deprecated: 'role:member', scopes: ['system'] }];
  const today = createPolicyEngine({ rules, enforceScope: false });
  const strict = createPolicyEngine({ rules, enforceScope: true });
  assert.equal(today.authorize(member, 'x').allowed, true);
  assert.deepEqual(strict.authorize(member, 'x'), { allowed: false, rule: 'x', wanted: 'a token with system scope' });
  assert.equal(strict.authorize(systemReader, 'x').allowed, true);
});

test("the operator's YAML replaces a rule, wholly", () => {
  const rules: PolicyRule[] = [{ name: 'x', check: 'role:reader', deprecated: 'role:member' }];
  const engine = createPolicyEngine({ rules, overridesYaml: 'x: "role:admin"\n', enforceScope: false });
  assert.deepEqual(engine.authorize(member, 'x'), { allowed: false, rule: 'x', wanted: 'role:admin' });
  assert.throws(() => createPolicyEngine({ rules, overridesYaml: 'x: "role:admin or"', enforceScope: false }), /rule x can not be read/);
  assert.throws(() => createPolicyEngine({ rules, overridesYaml: '[]', enforceScope: false }), /NAME: RULE/);
});

const anyCheck: fc.Arbitrary<Check> = fc.letrec<{ check: Check }>((tie) => ({
  check: fc.oneof(
    { depthSize: 'small' },
    fc.constant<Check>({ kind: 'allow' }),
    fc.constant<Check>({ kind: 'deny' }),
    fc.record({ kind: fc.constant('match' as const), left: fc.constantFrom('role', 'user_id'), right: fc.constantFrom('a', '%(b.c)s') }),
    fc.record({ kind: fc.constant('not' as const), check: tie('check') }),
    fc.record({ kind: fc.constantFrom('and' as const, 'or' as const), checks: fc.array(tie('check'), { minLength: 2, maxLength: 3 }) }),
  ),
})).check;

test('what is printed reads back the same', () => {
  fc.assert(fc.property(anyCheck, (check) => assert.deepEqual(parseCheck(printCheck(check)), structuredClone(check))));
});
