import { checkGrant, grantRole, listGrantedRoles, revokeRole, SYSTEM_TARGET, type Grant } from '../../identity/assignment-service.ts';
import { findGroup, mustFindGroup } from '../../identity/group-service.ts';
import { mustFindDomain, mustFindProject } from '../../identity/project-record.ts';
import { mustFindRole } from '../../identity/role-record.ts';
import { findUser, mustFindUser } from '../../identity/user-record.ts';
import { listAnswer, withLink } from './collection-view.ts';
import { noContent, type Answer, type Call, type IdentityRoute } from './identity-route.ts';
import { projectTarget } from './project-routes.ts';
import { roleView } from './role-view.ts';

/** Grants: a user or a group, a project, a domain or the system, once or inherited below (OS-INHERIT). */
interface Place {
  readonly actor: 'user' | 'group';
  readonly target: 'project' | 'domain' | 'system';
  readonly inherited: boolean;
}

function grantOf(call: Call, { actor, target, inherited }: Place): Grant {
  const actorId = call.params[`${actor}_id`]!;
  const where = target === 'system' ? SYSTEM_TARGET : { target_kind: target, target_id: call.params[`${target}_id`]! };
  return { actor_kind: actor, actor_id: actorId, ...where, inherited };
}

/**
 * What the rules look at; all of it must be there. A revocation may name an actor that is gone.
 * @throws IdentityError 404
 */
async function policyTarget(call: Call, place: Place, mayBeGone: boolean): Promise<object> {
  const { db } = call.identity;
  const { role_id: roleId, user_id: userId, group_id: groupId, project_id: projectId, domain_id: domainId } = call.params;
  const found: Record<string, unknown> = {};
  if (roleId !== undefined) found['role'] = await mustFindRole(db, roleId);
  if (place.actor === 'user') found['user'] = mayBeGone ? await findUser(db, userId!) : await mustFindUser(db, userId!);
  else found['group'] = mayBeGone ? await findGroup(db, groupId!) : await mustFindGroup(db, groupId!);
  if (place.target === 'domain') found['domain'] = await mustFindDomain(db, domainId!);
  if (place.target === 'project') Object.assign(found, projectTarget(await mustFindProject(db, projectId!)));
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined));
}

type Verb = 'check' | 'create' | 'revoke' | 'list';

/** Who may not look at all learns nothing from what is there: without the right to it, a missing thing is a refusal too. */
async function requireFor(call: Call, place: Place, verb: Verb): Promise<void> {
  const rule =
    place.target === 'system'
      ? `identity:${verb}_system_grant${verb === 'list' ? 's' : ''}_for_${place.actor}`
      : `identity:${verb}_grant${verb === 'list' ? 's' : ''}`;
  let target: object;
  try {
    target = place.target === 'system' ? {} : await policyTarget(call, place, verb === 'revoke');
  } catch (missing) {
    call.require(rule);
    throw missing;
  }
  call.require(rule, target);
}

function routesFor(place: Place): IdentityRoute[] {
  const base =
    place.target === 'system'
      ? `/system/${place.actor}s/:${place.actor}_id/roles`
      : `${place.inherited ? '/OS-INHERIT' : ''}/${place.target}s/:${place.target}_id/${place.actor}s/:${place.actor}_id/roles`;
  const end = place.inherited ? '/inherited_to_projects' : '';
  const one = (
    method: IdentityRoute['method'],
    verb: Verb,
    work: (call: Call, grant: Grant, roleId: string) => Promise<void>,
  ): IdentityRoute => ({
    method,
    path: `${base}/:role_id${end}`,
    handle: async (call) => {
      await requireFor(call, place, verb);
      const roleId = call.params['role_id']!;
      if (place.target === 'system' && verb !== 'revoke') await mustBeThere(call, place, roleId);
      await work(call, grantOf(call, place), roleId);
      return noContent;
    },
  });
  const check = (call: Call, grant: Grant, roleId: string) => checkGrant(call.identity.db, grant, roleId);
  return [
    { method: 'GET', path: `${base}${end}`, handle: (call) => list(call, place) },
    one('PUT', 'create', (call, grant, roleId) => grantRole(call.identity, grant, roleId)),
    one('GET', 'check', check),
    one('HEAD', 'check', check),
    one('DELETE', 'revoke', (call, grant, roleId) => revokeRole(call.identity, grant, roleId)),
  ];
}

async function mustBeThere(call: Call, place: Place, roleId: string): Promise<void> {
  await mustFindRole(call.identity.db, roleId);
  if (place.actor === 'user') await mustFindUser(call.identity.db, call.params['user_id']!);
  else await mustFindGroup(call.identity.db, call.params['group_id']!);
}

async function list(call: Call, place: Place): Promise<Answer> {
  await requireFor(call, place, 'list');
  const roles = await listGrantedRoles(call.identity.db, grantOf(call, place));
  return listAnswer(
    call,
    'roles',
    roles.map((role) => withLink(call, 'roles', roleView(role))),
  );
}

export const grantRoutes: readonly IdentityRoute[] = (['user', 'group'] as const).flatMap((actor) => [
  ...(['project', 'domain'] as const).flatMap((target) => [false, true].flatMap((inherited) => routesFor({ actor, target, inherited }))),
  ...routesFor({ actor, target: 'system', inherited: false }),
]);
