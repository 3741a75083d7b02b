import { queryAssignments, type ListedAssignment } from '../../identity/assignment-list.ts';
import { findGroup } from '../../identity/group-service.ts';
import type { IdentityContext } from '../../identity/identity-context.ts';
import { badRequest } from '../../identity/identity-error.ts';
import { isSet } from '../../identity/list-query-policy.ts';
import { findProject, mustFindProject } from '../../identity/project-record.ts';
import { findRole } from '../../identity/role-record.ts';
import { findUser } from '../../identity/user-record.ts';
import { listAnswer } from './collection-view.ts';
import type { Answer, Call, IdentityRoute } from './identity-route.ts';
import { domainOfCall } from './user-routes.ts';

/** `GET /v3/role_assignments`. */
const INHERITED = 'OS-INHERIT:inherited_to';

function refuseContradictions(call: Call, effective: boolean): void {
  const given = (name: string) => Boolean(call.query[name]);
  const [domain, project, system] = [given('scope.domain.id'), given('scope.project.id'), given('scope.system')];
  if ([domain, project, system].filter(Boolean).length > 1) throw badRequest('Specify one of domain, project or system, not several');
  if (given('user.id') && given('group.id')) throw badRequest('Specify a user or group, not both');
  if (effective && given('group.id')) throw badRequest('Combining effective and group filter will always result in an empty list.');
  if (effective && domain && call.query[`scope.${INHERITED}`] === 'projects')
    throw badRequest('Combining effective, domain and inherited filters will always result in an empty list.');
}

async function list(call: Call): Promise<Answer> {
  const text = (name: string) => (call.query[name] ? String(call.query[name]) : undefined);
  const subtree = isSet(call.query, 'include_subtree');
  const projectId = text('scope.project.id');
  const project = subtree && projectId !== undefined ? await findProject(call.identity.db, projectId) : undefined;
  const domainId = call.actor.domainId ?? (subtree ? project?.domain_id : domainOfCall(call));
  call.require(subtree ? 'identity:list_role_assignments_for_tree' : 'identity:list_role_assignments', { domain_id: domainId });
  if (subtree && projectId === undefined) throw badRequest('scope.project.id must be specified if include_subtree is also specified');
  if (subtree) await mustFindProject(call.identity.db, projectId!);
  const effective = isSet(call.query, 'effective');
  refuseContradictions(call, effective);
  const found = await queryAssignments(call.identity.db, {
    roleId: text('role.id'),
    userId: text('user.id'),
    groupId: text('group.id'),
    projectId,
    domainId: text('scope.domain.id'),
    system: text('scope.system') === undefined ? undefined : true,
    inherited: text(`scope.${INHERITED}`) === undefined ? undefined : text(`scope.${INHERITED}`) === 'projects',
    effective,
    subtree,
  });
  const visible = await ofDomain(call, found);
  const names = isSet(call.query, 'include_names') ? createNames(call.identity) : undefined;
  const views: object[] = [];
  for (const one of visible) views.push(await view(call, one, names));
  return listAnswer(call, 'role_assignments', views);
}

/** A domain's own administrators see their domain. */
async function ofDomain(call: Call, all: readonly ListedAssignment[]): Promise<readonly ListedAssignment[]> {
  const { domainId } = call.actor;
  if (domainId === null) return all;
  const kept: ListedAssignment[] = [];
  for (const one of all) {
    const domain =
      one.target_kind === 'domain'
        ? one.target_id
        : one.target_kind === 'project'
          ? (await findProject(call.identity.db, one.target_id))?.domain_id
          : null;
    if (domain === domainId) kept.push(one);
  }
  return kept;
}

interface Names {
  named(kind: 'user' | 'group' | 'project' | 'domain' | 'role', id: string): Promise<object>;
}

/** `include_names`: each thing once, with its domain. */
function createNames({ db }: IdentityContext): Names {
  const known = new Map<string, Promise<object>>();
  const find = { user: findUser, group: findGroup, project: findProject, domain: findProject, role: findRole } as const;
  const load = async (kind: keyof typeof find, id: string): Promise<object> => {
    const found = await find[kind](db, id);
    if (found === undefined) return { id };
    const domain = kind === 'domain' || found.domain_id === null ? undefined : await findProject(db, found.domain_id);
    return { id, name: found.name, ...(domain === undefined ? {} : { domain: { id: domain.id, name: domain.name } }) };
  };
  return {
    named(kind, id) {
      const key = `${kind}:${id}`;
      const found = known.get(key) ?? load(kind, id);
      known.set(key, found);
      return found;
    },
  };
}

async function view(call: Call, one: ListedAssignment, names: Names | undefined): Promise<object> {
  const named = async (kind: Parameters<Names['named']>[0], id: string) => names?.named(kind, id) ?? { id };
  const scope =
    one.target_kind === 'system' ? { system: { all: true } } : { [one.target_kind]: await named(one.target_kind, one.target_id) };
  const source = one.viaTarget ?? { kind: one.target_kind, id: one.target_id };
  const inherited = one.inherited || one.viaTarget !== undefined;
  const place = source.kind === 'system' ? '/system' : `/${source.kind}s/${source.id}`;
  const actor = one.viaGroup === undefined ? `/${one.actor_kind}s/${one.actor_id}` : `/groups/${one.viaGroup}`;
  const role = `/roles/${one.viaRole ?? one.role_id}`;
  const link = inherited ? `/OS-INHERIT${place}${actor}${role}/inherited_to_projects` : `${place}${actor}${role}`;
  return {
    scope: { ...scope, ...(inherited ? { [INHERITED]: 'projects' } : {}) },
    [one.actor_kind]: await named(one.actor_kind, one.actor_id),
    role: await named('role', one.role_id),
    links: {
      assignment: `${call.base}${link}`,
      ...(one.viaGroup === undefined ? {} : { membership: `${call.base}/groups/${one.viaGroup}/users/${one.actor_id}` }),
      ...(one.viaRole === undefined ? {} : { prior_role: `${call.base}/prior_role/${one.viaRole}/implies/${one.role_id}` }),
    },
  };
}

export const assignmentRoutes: readonly IdentityRoute[] = [{ method: 'GET', path: '/role_assignments', handle: list }];
