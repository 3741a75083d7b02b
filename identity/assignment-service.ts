import { sql, type Selectable } from 'kysely';
import type { IdentityTables } from '../core/database/identity-tables.ts';
import { forbidden, IdentityError } from './identity-error.ts';
import type { IdentityContext, Reader, Writer } from './identity-context.ts';
import { ancestorsOf, projects, type ProjectRecord } from './project-record.ts';
import { mustFindRole, readRoleTree, withImplied, type RoleRecord } from './role-record.ts';
import { recordStore } from './store/record-store.ts';

/** Who has which role where: granting, revoking, and what follows from it by groups, inheritance and implied roles. */
export type AssignmentRecord = Selectable<IdentityTables['identity_assignment']>;
export type Grant = Omit<AssignmentRecord, 'role_id'>;

const assignments = recordStore('identity_assignment');
export const listAssignments = (db: Reader, where: Partial<Record<keyof AssignmentRecord, unknown>>) =>
  assignments.list<AssignmentRecord>(db, where);

/** The target of a grant on the whole deployment. */
export const SYSTEM_TARGET = { target_kind: 'system', target_id: 'system' } as const;

export async function grantRole(context: IdentityContext, grant: Grant, roleId: string): Promise<void> {
  await context.write(async (trx) => {
    await checkDomainRole(trx, grant, await mustFindRole(trx, roleId));
    await assignments.insertOnce(trx, { ...grant, role_id: roleId });
  });
}

async function checkDomainRole(db: Reader, grant: Grant, role: RoleRecord): Promise<void> {
  if (role.domain_id === null) return;
  if (grant.target_kind === 'system') throw forbidden(`The role ${role.id} belongs to a domain and can not be granted on the system.`);
  const target = await projects.find<ProjectRecord>(db, { id: grant.target_id });
  const domain = target?.is_domain ? target.id : target?.domain_id;
  if (domain !== role.domain_id) {
    throw forbidden(`Project ${grant.target_id} must be in the same domain as the role ${role.id} being assigned.`);
  }
}

const describe = (grant: Grant, roleId: string) =>
  `role assignment with role: ${roleId}, ${grant.actor_kind}: ${grant.actor_id}, ${grant.target_kind}: ${grant.target_id}`;

export async function checkGrant(db: Reader, grant: Grant, roleId: string): Promise<void> {
  if ((await assignments.find(db, { ...grant, role_id: roleId })) === undefined)
    throw new IdentityError(404, `Could not find ${describe(grant, roleId)}.`);
}

export async function revokeRole(context: IdentityContext, grant: Grant, roleId: string): Promise<void> {
  await context.write(async (trx) => {
    if ((await assignments.remove(trx, { ...grant, role_id: roleId })) === 0)
      throw new IdentityError(404, `Could not find ${describe(grant, roleId)}.`);
    if (grant.actor_kind === 'user' && grant.target_kind === 'project')
      await dropApplicationCredentials(trx, grant.actor_id, grant.target_id);
  });
}

/** An application credential gives what its user had in the project: with a role taken away it is gone, as in Keystone. */
export async function dropApplicationCredentials(trx: Writer, userId: string, projectId: string): Promise<void> {
  await sql`delete from identity_application_credential where user_id = ${userId} and project_id = ${projectId}`.execute(trx);
}

export async function listGrantedRoles(db: Reader, grant: Grant): Promise<RoleRecord[]> {
  const { byId } = await readRoleTree(db);
  return (await assignments.list<AssignmentRecord>(db, { ...grant })).flatMap((row) => byId.get(row.role_id) ?? []);
}

export async function groupIdsOf(db: Reader, userId: string): Promise<string[]> {
  const { rows } = await sql<{ group_id: string }>`
    select group_id from identity_group_member where user_id = ${userId} and (expires_at is null or expires_at > now())`.execute(db);
  return rows.map((row) => row.group_id);
}

export type Scope =
  | { readonly kind: 'unscoped' }
  | { readonly kind: 'system' }
  | { readonly kind: 'domain'; readonly domain: ProjectRecord }
  | { readonly kind: 'project'; readonly project: ProjectRecord; readonly domain: ProjectRecord };

/** What a user (and groups besides) may do in a scope: roles of the cloud only, implied ones included. */
export async function effectiveRoles(db: Reader, userId: string, groupIds: readonly string[], scope: Scope): Promise<RoleRecord[]> {
  if (scope.kind === 'unscoped') return [];
  const rows = await directRoleIds(db, userId, groupIds, scope);
  const tree = await readRoleTree(db);
  return withImplied(tree, rows)
    .flatMap((id) => tree.byId.get(id) ?? [])
    .filter((role) => role.domain_id === null);
}

async function directRoleIds(
  db: Reader,
  userId: string,
  groupIds: readonly string[],
  scope: Exclude<Scope, { kind: 'unscoped' }>,
): Promise<string[]> {
  const targets: [kind: string, ids: string[], inherited: boolean][] =
    scope.kind === 'system'
      ? [['system', [SYSTEM_TARGET.target_id], false]]
      : scope.kind === 'domain'
        ? [['domain', [scope.domain.id], false]]
        : [
            // A domain that is used as a project: its own roles are those on the domain.
            [scope.project.is_domain ? 'domain' : 'project', [scope.project.id], false],
            ['project', (await ancestorsOf(db, scope.project)).map(({ id }) => id), true],
            ['domain', [scope.domain.id], true],
          ];
  const where = targets.map(
    ([kind, ids, inherited]) => sql`(target_kind = ${kind} and target_id = any(${ids}) and inherited = ${inherited})`,
  );
  const { rows } = await sql<{ role_id: string }>`
    select distinct role_id from identity_assignment
    where ((actor_kind = 'user' and actor_id = ${userId}) or (actor_kind = 'group' and actor_id = any(${[...groupIds]})))
      and (${sql.join(where, sql` or `)})`.execute(db);
  return rows.map((row) => row.role_id);
}

/** Projects or domains in which a user or the groups have any role. */
export async function reachableTargets(
  db: Reader,
  userId: string | null,
  groupIds: readonly string[],
): Promise<{ projects: ProjectRecord[]; domains: ProjectRecord[] }> {
  const { rows } = await sql<AssignmentRecord>`
    select * from identity_assignment
    where (actor_kind = 'user' and actor_id = ${userId}) or (actor_kind = 'group' and actor_id = any(${[...groupIds]}))`.execute(db);
  const direct = (kind: string, inherited: boolean) =>
    rows.filter((row) => row.target_kind === kind && row.inherited === inherited).map((row) => row.target_id);
  const { rows: found } = await sql<ProjectRecord>`
    with recursive below as (
      select id from identity_project where not is_domain and parent_id = any(${direct('project', true)})
      union
      select child.id from identity_project child join below on child.parent_id = below.id
    )
    select * from identity_project project
    where (not is_domain and (id = any(${direct('project', false)}) or domain_id = any(${direct('domain', true)}) or id in (select id from below)))
      or (is_domain and id = any(${direct('domain', false)}))
    order by id`.execute(db);
  return { projects: found.filter((one) => !one.is_domain), domains: found.filter((one) => one.is_domain) };
}

/** Actors and targets have no foreign keys: whoever deletes one calls this in the same transaction. */
export async function dropDanglingAssignments(trx: Writer): Promise<void> {
  await sql`
    delete from identity_assignment where
      (actor_kind = 'user' and not exists (select from identity_user where id = actor_id))
      or (actor_kind = 'group' and not exists (select from identity_group where id = actor_id))
      or (target_kind <> 'system' and not exists (select from identity_project where id = target_id))`.execute(trx);
}
