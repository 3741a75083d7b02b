import assert from 'node:assert/strict';
import { test } from 'node:test';
import { jsonHome, relationOf } from './json-home.ts';
import { identityRoutes } from './identity-server.ts';

const CORE = 'https://docs.openstack.org/api/openstack-identity/3/rel';
const EXTENSION = 'https://docs.openstack.org/api/openstack-identity/3/ext';

for (const [path, relation] of [
  ['/users', `${CORE}/users`],
  ['/users/:user_id', `${CORE}/user`],
  ['/policies/:policy_id', `${CORE}/policy`],
  ['/projects/:project_id/users/:user_id/roles/:role_id', `${CORE}/project_user_role`],
  ['/roles/:prior_role_id/implies/:implied_role_id', `${CORE}/implied_role`],
  ['/OS-TRUST/trusts/:trust_id/roles', `${EXTENSION}/OS-TRUST/1.0/rel/trust_roles`],
  ['/users/:user_id/credentials/OS-EC2/:credential_id', `${EXTENSION}/OS-EC2/1.0/rel/user_credential`],
  [
    '/OS-INHERIT/domains/:domain_id/users/:user_id/roles/:role_id/inherited_to_projects',
    `${EXTENSION}/OS-INHERIT/1.0/rel/domain_user_role_inherited_to_projects`,
  ],
] as const) {
  test(`${path} is ${relation.slice(relation.lastIndexOf('/') + 1)}`, () => assert.equal(relationOf(path), relation));
}

test('every path has a relation of its own', () => {
  const paths = new Set(identityRoutes.map((route) => route.path));
  assert.equal(Object.keys(jsonHome(identityRoutes).resources).length, paths.size);
});
