import { z } from 'zod';
import {
  addMember,
  createGroup,
  deleteGroup,
  findGroup,
  listGroups,
  listMembers,
  mustBeMember,
  mustFindGroup,
  removeMember,
  updateGroup,
} from '../../identity/group-service.ts';
import { refreshDirectory } from '../../identity/directory-service.ts';
import { badRequest } from '../../identity/identity-error.ts';
import { DEFAULT_DOMAIN_ID } from '../../identity/identity-id.ts';
import { readSelection } from '../../identity/list-query-policy.ts';
import { findUser } from '../../identity/user-record.ts';
import { listAnswer, withLink } from './collection-view.ts';
import { groupView } from './group-view.ts';
import { created, noContent, ok, type Answer, type Call, type IdentityRoute } from './identity-route.ts';
import { change, id, nullableDescription, text } from './shapes.ts';
import { expiryFilter } from './user-filter.ts';
import { domainOfCall } from './user-routes.ts';
import { userView } from './user-view.ts';

const shape = z.looseObject({ name: text(255), domain_id: id.optional(), description: nullableDescription.optional() });

async function target(call: Call) {
  const { group_id: groupId, user_id: userId } = call.params;
  const group = await findGroup(call.identity.db, groupId!);
  const user = userId === undefined ? undefined : await findUser(call.identity.db, userId);
  return { ...(group === undefined ? {} : { group }), ...(user === undefined ? {} : { user }) };
}

async function list(call: Call): Promise<Answer> {
  call.require('identity:list_groups', { group: { domain_id: domainOfCall(call) } });
  if (domainOfCall(call) !== undefined) await refreshDirectory(call.identity, domainOfCall(call)!);
  const selection = readSelection(call.query, { domain_id: 'text', name: 'text' });
  const where = call.actor.domainId === null ? {} : { domain_id: call.actor.domainId };
  const groups = await listGroups(call.identity.db, where, selection);
  return listAnswer(
    call,
    'groups',
    groups.map((group) => withLink(call, 'groups', groupView(group))),
    selection,
  );
}

async function create(call: Call): Promise<Answer> {
  const given = call.peek('group');
  const domainId = String(given['domain_id'] ?? call.actor.domainId ?? DEFAULT_DOMAIN_ID);
  call.require('identity:create_group', { group: { ...given, domain_id: domainId } });
  const group = await createGroup(call.identity, { ...call.read('group', shape), domain_id: domainId });
  return created({ group: withLink(call, 'groups', groupView(group)) });
}

async function update(call: Call): Promise<Answer> {
  call.require('identity:update_group', await target(call));
  const { id: groupId } = await mustFindGroup(call.identity.db, call.params['group_id']!);
  const request = call.read('group', change(shape.partial()));
  if (request['id'] !== undefined && request['id'] !== groupId) throw badRequest('Cannot change group ID');
  return ok({ group: withLink(call, 'groups', groupView(await updateGroup(call.identity, groupId, request))) });
}

async function members(call: Call): Promise<Answer> {
  call.require('identity:list_users_in_group', await target(call));
  const expiry = expiryFilter(call.query);
  const selection = readSelection(call.query, { domain_id: 'text', enabled: 'boolean', name: 'text' });
  const users = await listMembers(call.identity.db, call.params['group_id']!, selection);
  const visible = users.filter((user) => call.actor.domainId === null || user.domain_id === call.actor.domainId);
  return listAnswer(
    call,
    'users',
    visible.filter((user) => expiry(user.password_expires_at)).map((user) => withLink(call, 'users', userView(user))),
  );
}

const MEMBER = '/groups/:group_id/users/:user_id';

const member = (
  method: IdentityRoute['method'],
  rule: string,
  work: (call: Call, groupId: string, userId: string) => Promise<void>,
): IdentityRoute => ({
  method,
  path: MEMBER,
  handle: async (call) => {
    call.require(rule, await target(call));
    await work(call, call.params['group_id']!, call.params['user_id']!);
    return noContent;
  },
});

export const groupRoutes: readonly IdentityRoute[] = [
  { method: 'GET', path: '/groups', handle: list },
  { method: 'POST', path: '/groups', handle: create },
  {
    method: 'GET',
    path: '/groups/:group_id',
    handle: async (call) => {
      call.require('identity:get_group', await target(call));
      return ok({ group: withLink(call, 'groups', groupView(await mustFindGroup(call.identity.db, call.params['group_id']!))) });
    },
  },
  { method: 'PATCH', path: '/groups/:group_id', handle: update },
  {
    method: 'DELETE',
    path: '/groups/:group_id',
    handle: async (call) => {
      const group = await mustFindGroup(call.identity.db, call.params['group_id']!);
      call.require('identity:delete_group', { group });
      await deleteGroup(call.identity, call.params['group_id']!);
      return noContent;
    },
  },
  { method: 'GET', path: '/groups/:group_id/users', handle: members },
  member('PUT', 'identity:add_user_to_group', (call, group, user) => addMember(call.identity, group, user)),
  member('GET', 'identity:check_user_in_group', (call, group, user) => mustBeMember(call.identity.db, group, user)),
  member('HEAD', 'identity:check_user_in_group', (call, group, user) => mustBeMember(call.identity.db, group, user)),
  member('DELETE', 'identity:remove_user_from_group', (call, group, user) => removeMember(call.identity, group, user)),
];
