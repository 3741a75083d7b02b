import { descendantsOf, findProject, projects, type ProjectRecord } from './project-record.ts';
import { listAssignments, type AssignmentRecord } from './assignment-service.ts';
import type { Reader } from './identity-context.ts';
import { readRoleTree, type RoleTree } from './role-record.ts';
import { recordStore } from './store/record-store.ts';

/*
 * The list of role assignments, as they stand or effective: groups replaced by their members, inheritance by the projects
 * below, roles by what they imply. Each says what it came from, so that one can find the assignment to take away.
 */
export interface ListedAssignment extends AssignmentRecord {
  /** The group that the user is in. */
  readonly viaGroup?: string;
  /** The domain or project from above. */
  readonly viaTarget?: { readonly kind: 'project' | 'domain'; readonly id: string };
  /** The role that implies this one. */
  readonly viaRole?: string;
}

export interface AssignmentQuery {
  readonly roleId?: string | undefined;
  readonly userId?: string | undefined;
  readonly groupId?: string | undefined;
  readonly projectId?: string | undefined;
  readonly domainId?: string | undefined;
  readonly system?: boolean | undefined;
  readonly inherited?: boolean | undefined;
  readonly effective: boolean;
  /** Also what is below the project. */
  readonly subtree: boolean;
}

const defined = <T extends object>(values: T) => Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));

export async function queryAssignments(db: Reader, query: AssignmentQuery): Promise<ListedAssignment[]> {
  const subtree = query.projectId !== undefined && query.subtree ? (await descendantsOf(db, query.projectId)).map(({ id }) => id) : [];
  const projectIds = query.projectId === undefined ? undefined : [query.projectId, ...subtree];
  const all: ListedAssignment[] = query.effective ? await effectiveList(db, query) : await plainList(db, query, projectIds);
  return all.filter(
    (one) =>
      (query.roleId === undefined || one.role_id === query.roleId) &&
      (query.userId === undefined || (one.actor_kind === 'user' && one.actor_id === query.userId)) &&
      (projectIds === undefined || (one.target_kind === 'project' && projectIds.includes(one.target_id))) &&
      (query.domainId === undefined || (one.target_kind === 'domain' && one.target_id === query.domainId)) &&
      (query.system === undefined || one.target_kind === 'system') &&
      (query.inherited === undefined || (query.effective ? one.viaTarget !== undefined : one.inherited) === query.inherited),
  );
}

const plainList = (db: Reader, query: AssignmentQuery, projectIds: readonly string[] | undefined) =>
  listAssignments(
    db,
    defined({
      role_id: query.roleId,
      actor_kind: query.userId !== undefined ? 'user' : query.groupId !== undefined ? 'group' : undefined,
      actor_id: query.userId ?? query.groupId,
      target_id: projectIds ?? query.domainId,
    }),
  );

async function effectiveList(db: Reader, query: AssignmentQuery): Promise<ListedAssignment[]> {
  const links = await recordStore('identity_group_member').list<{ group_id: string; user_id: string; expires_at: Date | null }>(
    db,
    defined({ user_id: query.userId }),
  );
  const actors = query.userId === undefined ? undefined : [query.userId, ...links.map((link) => link.group_id)];
  const rows = await listAssignments(db, defined({ actor_id: actors }));
  const tree = await readRoleTree(db);
  const users = rows.flatMap((row): ListedAssignment[] => {
    if (row.actor_kind === 'user') return [row];
    const memberships = links.filter(
      (link) => link.group_id === row.actor_id && (link.expires_at === null || link.expires_at.getTime() > Date.now()),
    );
    return memberships.map((link) => ({ ...row, actor_kind: 'user', actor_id: link.user_id, viaGroup: row.actor_id }));
  });
  const spread: ListedAssignment[] = [];
  for (const one of users) spread.push(...(one.inherited ? await inheritors(db, one) : [one]));
  const implied = spread.flatMap((one) => [one, ...impliedOf(tree, one)]);
  return implied.filter((one) => tree.byId.get(one.role_id)?.domain_id === null);
}

async function inheritors(db: Reader, one: ListedAssignment): Promise<ListedAssignment[]> {
  const via = { kind: one.target_kind as 'project' | 'domain', id: one.target_id };
  const below =
    one.target_kind === 'domain'
      ? await projects.list<ProjectRecord>(db, { domain_id: one.target_id })
      : (await findProject(db, one.target_id)) === undefined
        ? []
        : await descendantsOf(db, one.target_id);
  return below.map((project) => ({ ...one, target_kind: 'project', target_id: project.id, inherited: false, viaTarget: via }));
}

/** Through all levels; each names its immediate prior. */
function impliedOf(tree: RoleTree, one: ListedAssignment, seen: ReadonlySet<string> = new Set([one.role_id])): ListedAssignment[] {
  return (tree.implied.get(one.role_id) ?? []).flatMap((roleId) => {
    if (seen.has(roleId)) return [];
    const next: ListedAssignment = { ...one, role_id: roleId, viaRole: one.role_id };
    return [next, ...impliedOf(tree, next, new Set([...seen, roleId]))];
  });
}
