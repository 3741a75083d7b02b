import { z } from 'zod';
import { groupIdsOf, reachableTargets } from '../../identity/assignment-service.ts';
import { listGroups } from '../../identity/group-service.ts';
import { refreshDirectory } from '../../identity/directory-service.ts';
import { badRequest, IdentityError } from '../../identity/identity-error.ts';
import { readSelection } from '../../identity/list-query-policy.ts';
import { changePassword } from '../../identity/password-service.ts';
import { findUser, listUsers, mustFindUser, type UserRecord } from '../../identity/user-record.ts';
import { createUser, deleteUser, federatedOf, updateUser } from '../../identity/user-service.ts';
import { listAnswer, withLink } from './collection-view.ts';
import { groupView } from './group-view.ts';
import { created, noContent, ok, type Answer, type Call, type IdentityRoute } from './identity-route.ts';
import { projectView } from './project-view.ts';
import { change, id, nullableDescription, text } from './shapes.ts';
import { expiryFilter, federationFilter } from './user-filter.ts';
import { userView } from './user-view.ts';

const flag = z.boolean().nullable().optional();
const options = z.strictObject({
  ignore_change_password_upon_first_use: flag,
  ignore_password_expiry: flag,
  ignore_lockout_failure_attempts: flag,
  ignore_user_inactivity: flag,
  lock_password: flag,
  multi_factor_auth_enabled: flag,
  multi_factor_auth_rules: z.array(z.array(z.string()).min(1)).nullable().optional(),
});
const federated = z.array(
  z.looseObject({ idp_id: z.string(), protocols: z.array(z.looseObject({ protocol_id: z.string(), unique_id: z.string() })).min(1) }),
);
const shape = z.looseObject({
  name: text(255),
  domain_id: id.optional(),
  default_project_id: id.nullable().optional(),
  password: z.string().nullable().optional(),
  enabled: z.boolean().optional(),
  description: nullableDescription.optional(),
  options: options.optional(),
  federated: federated.optional(),
});

const FILTERS = { domain_id: 'text', enabled: 'boolean', name: 'text' } as const;

/** Whom the policy looks at; a user that is not there leaves it empty, and who may not look learns nothing. */
const target = async (call: Call) => {
  const user = await findUser(call.identity.db, call.params['user_id']!);
  return user === undefined ? {} : { user };
};

const show = async (call: Call, user: UserRecord) => ({
  user: withLink(call, 'users', userView(user, await federatedOf(call.identity.db, user.id))),
});

/** A domain's own administrators see their domain. */
export const domainOfCall = (call: Call): string | undefined => call.actor.domainId ?? (call.query['domain_id'] as string | undefined);

async function list(call: Call): Promise<Answer> {
  call.require('identity:list_users', { domain_id: domainOfCall(call) });
  if (domainOfCall(call) !== undefined) await refreshDirectory(call.identity, domainOfCall(call)!);
  const selection = readSelection(call.query, FILTERS);
  const expiry = expiryFilter(call.query);
  const linked = await federationFilter(call.identity.db, call.query);
  const where = {
    ...(call.actor.domainId === null ? {} : { domain_id: call.actor.domainId }),
    ...(linked === undefined ? {} : { id: linked }),
  };
  const found = (await listUsers(call.identity.db, where, selection)).filter((user) => expiry(user.password_expires_at));
  return listAnswer(
    call,
    'users',
    found.map((user) => withLink(call, 'users', userView(user))),
    selection,
  );
}

async function create(call: Call): Promise<Answer> {
  const given = call.peek('user');
  call.require('identity:create_user', { user: { ...given, domain_id: given['domain_id'] ?? call.actor.domainId ?? 'default' } });
  const request = call.read('user', shape);
  const domainId = request.domain_id ?? call.actor.domainId ?? undefined;
  return created(await show(call, await createUser(call.identity, { ...request, domain_id: domainId })));
}

async function update(call: Call): Promise<Answer> {
  call.require('identity:update_user', await target(call));
  const user = await mustFindUser(call.identity.db, call.params['user_id']!);
  const request = call.read('user', change(shape.partial()));
  if (request['id'] !== undefined && request['id'] !== user.id) throw badRequest('Cannot change user ID');
  return ok(await show(call, await updateUser(call.identity, user.id, request)));
}

const passwordChange = z.strictObject({ original_password: z.string(), password: z.string() });

async function projectsOf(call: Call): Promise<Answer> {
  call.require('identity:list_user_projects', await target(call));
  const user = await mustFindUser(call.identity.db, call.params['user_id']!);
  const { projects } = await reachableTargets(call.identity.db, user.id, await groupIdsOf(call.identity.db, user.id));
  return listAnswer(
    call,
    'projects',
    projects.map((project) => withLink(call, 'projects', projectView(project))),
  );
}

async function groupsOf(call: Call): Promise<Answer> {
  call.require('identity:list_groups_for_user', await target(call));
  const user = await mustFindUser(call.identity.db, call.params['user_id']!);
  const selection = readSelection(call.query, { name: 'text' });
  const domain = call.actor.domainId === null ? {} : { domain_id: call.actor.domainId };
  const groups = await listGroups(call.identity.db, { ...domain, id: await groupIdsOf(call.identity.db, user.id) }, selection);
  return listAnswer(
    call,
    'groups',
    groups.map((group) => withLink(call, 'groups', groupView(group))),
  );
}

export const userRoutes: readonly IdentityRoute[] = [
  { method: 'GET', path: '/users', handle: list },
  { method: 'POST', path: '/users', handle: create },
  {
    method: 'GET',
    path: '/users/:user_id',
    handle: async (call) => {
      call.require('identity:get_user', await target(call));
      return ok(await show(call, await mustFindUser(call.identity.db, call.params['user_id']!)));
    },
  },
  { method: 'PATCH', path: '/users/:user_id', handle: update },
  {
    method: 'DELETE',
    path: '/users/:user_id',
    handle: async (call) => {
      call.require('identity:delete_user', await target(call));
      await deleteUser(call.identity, call.params['user_id']!);
      return noContent;
    },
  },
  {
    method: 'GET',
    path: '/users/:user_id/password',
    open: true,
    handle: async () => {
      throw new IdentityError(405, 'The method is not allowed for the requested URL.', { allow: 'POST' });
    },
  },
  {
    // Whoever knows the old password: also a user whose password has expired and who therefore has no token.
    method: 'POST',
    path: '/users/:user_id/password',
    open: true,
    handle: async (call) => {
      const request = call.read('user', passwordChange);
      await changePassword(call.identity, call.params['user_id']!, request.original_password, request.password);
      return noContent;
    },
  },
  { method: 'GET', path: '/users/:user_id/projects', handle: projectsOf },
  { method: 'GET', path: '/users/:user_id/groups', handle: groupsOf },
];
