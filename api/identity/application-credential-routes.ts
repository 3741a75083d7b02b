import { z } from 'zod';
import type { ApplicationCredentialRecord } from '../../identity/application-credential-record.ts';
import { findApplicationCredential } from '../../identity/application-credential-record.ts';
import {
  createApplicationCredential,
  deleteAccessRule,
  deleteApplicationCredential,
  listAccessRules,
  listApplicationCredentials,
  mustFindAccessRule,
  mustFindApplicationCredential,
} from '../../identity/application-credential-service.ts';
import { badRequest, forbidden, unauthorized } from '../../identity/identity-error.ts';
import { readSelection } from '../../identity/list-query-policy.ts';
import { readRoleTree } from '../../identity/role-record.ts';
import { findUser } from '../../identity/user-record.ts';
import { listAnswer } from './collection-view.ts';
import { created, noContent, ok, refuseDelegation, type Answer, type Call, type IdentityRoute } from './identity-route.ts';
import { expiryOf, roleIdsOf, roleList } from './role-reference.ts';
import { id, nullableDescription, text } from './shapes.ts';

const PATH = '/users/:user_id/application_credentials';
const RULES = '/users/:user_id/access_rules';

const shape = z.looseObject({
  name: text(255),
  description: nullableDescription.optional(),
  secret: z.string().nullable().optional(),
  expires_at: z.string().nullable().optional(),
  unrestricted: z.boolean().optional(),
  roles: roleList.optional(),
  access_rules: z
    .array(
      z.strictObject({
        id: id.optional(),
        path: z.string().regex(/^\//, 'must begin with a slash').max(225).optional(),
        method: z.enum(['POST', 'GET', 'HEAD', 'PATCH', 'PUT', 'DELETE']).optional(),
        service: id.optional(),
      }),
    )
    .optional(),
});

async function view(call: Call, record: ApplicationCredentialRecord, more: object = {}): Promise<object> {
  const { byId } = await readRoleTree(call.identity.db);
  const roles = record.role_ids.flatMap((roleId) => byId.get(roleId) ?? []);
  return {
    id: record.id,
    name: record.name,
    description: record.description,
    project_id: record.project_id,
    expires_at: record.expires_text,
    unrestricted: record.unrestricted,
    roles: roles.map(({ id: roleId, name, domain_id: domainId }) => ({ id: roleId, name, domain_id: domainId })),
    ...(record.accessRules.length === 0
      ? {}
      : { access_rules: record.accessRules.map(({ id: ruleId, service, path, method }) => ({ id: ruleId, service, path, method })) }),
    ...more,
    links: { self: `${call.base}/users/${record.user_id}/application_credentials/${record.id}` },
  };
}

/** A program may not make itself another password, unless its user said that it may. */
function refuseRestricted(call: Call): void {
  const source = call.token?.subject.applicationCredential;
  if (source !== undefined && !source.unrestricted)
    throw forbidden(
      "You are not authorized to perform the requested action: Using method 'application_credential' is not allowed for managing additional application credentials.",
    );
}

async function create(call: Call): Promise<Answer> {
  call.require('identity:create_application_credential');
  const request = call.read('application_credential', shape);
  refuseDelegation(call, 'managing application credentials');
  refuseRestricted(call);
  const { token } = call;
  if (token === undefined || call.actor.projectId === null) throw unauthorized('A project-scoped token is required.');
  const held = token.subject.roles.map((role) => role.id);
  const roleIds = request.roles === undefined || request.roles.length === 0 ? held : await roleIdsOf(call.identity.db, request.roles);
  if (!roleIds.every((roleId) => held.includes(roleId)))
    throw badRequest('Invalid application credential: Cannot create an application credential with unassigned role');
  const owner = { userId: call.params['user_id']!, projectId: call.actor.projectId };
  const expiresAt = expiryOf(request.expires_at);
  const { record, secret } = await createApplicationCredential(call.identity, owner, {
    ...request,
    roleIds,
    expiresAt,
    access_rules: request.access_rules as never,
  });
  return created({ application_credential: await view(call, record, { secret }) });
}

async function list(call: Call): Promise<Answer> {
  call.require('identity:list_application_credentials');
  refuseDelegation(call, 'managing application credentials');
  const selection = readSelection(call.query, { name: 'text' });
  const found = await listApplicationCredentials(call.identity.db, call.params['user_id']!, selection);
  return listAnswer(call, 'application_credentials', await Promise.all(found.map((record) => view(call, record))), selection);
}

/** Whose it really is counts, not whose the path says. */
async function requireFor(call: Call, rule: string): Promise<void> {
  const found = await findApplicationCredential(call.identity.db, { id: call.params['application_credential_id'] });
  const verdict = call.policy.authorize(call.actor, rule, { user_id: found?.user_id ?? call.params['user_id'] });
  if (!verdict.allowed) throw forbidden(`You are not authorized to perform the requested action: ${rule}.`);
  refuseDelegation(call, 'managing application credentials');
}

async function userTarget(call: Call) {
  const user = await findUser(call.identity.db, call.params['user_id']!);
  return user === undefined ? {} : { user };
}

const ruleView = (call: Call, { id: ruleId, service, path, method }: { id: string; service: string; path: string; method: string }) => ({
  id: ruleId,
  service,
  path,
  method,
  links: { self: `${call.base}/users/${call.params['user_id']}/access_rules/${ruleId}` },
});

export const applicationCredentialRoutes: readonly IdentityRoute[] = [
  { method: 'GET', path: PATH, handle: list },
  { method: 'POST', path: PATH, handle: create },
  {
    method: 'GET',
    path: `${PATH}/:application_credential_id`,
    handle: async (call) => {
      await requireFor(call, 'identity:get_application_credential');
      const record = await mustFindApplicationCredential(call.identity.db, call.params['application_credential_id']!);
      return ok({ application_credential: await view(call, record) });
    },
  },
  {
    method: 'DELETE',
    path: `${PATH}/:application_credential_id`,
    handle: async (call) => {
      await requireFor(call, 'identity:delete_application_credential');
      refuseRestricted(call);
      await deleteApplicationCredential(call.identity, call.params['application_credential_id']!);
      return noContent;
    },
  },
  {
    method: 'GET',
    path: RULES,
    handle: async (call) => {
      call.require('identity:list_access_rules', await userTarget(call));
      refuseDelegation(call, 'managing application credentials');
      const selection = readSelection(call.query, { service: 'text', path: 'text', method: 'text' });
      const found = await listAccessRules(call.identity.db, call.params['user_id']!, selection);
      return listAnswer(
        call,
        'access_rules',
        found.map((rule) => ruleView(call, rule)),
        selection,
      );
    },
  },
  {
    method: 'GET',
    path: `${RULES}/:access_rule_id`,
    handle: async (call) => {
      call.require('identity:get_access_rule', await userTarget(call));
      refuseDelegation(call, 'managing application credentials');
      return ok({
        access_rule: ruleView(call, await mustFindAccessRule(call.identity.db, call.params['user_id']!, call.params['access_rule_id']!)),
      });
    },
  },
  {
    method: 'DELETE',
    path: `${RULES}/:access_rule_id`,
    handle: async (call) => {
      call.require('identity:delete_access_rule', await userTarget(call));
      refuseDelegation(call, 'managing application credentials');
      await deleteAccessRule(call.identity, call.params['user_id']!, call.params['access_rule_id']!);
      return noContent;
    },
  },
];
