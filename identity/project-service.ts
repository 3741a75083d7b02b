import { dropDanglingAssignments } from './assignment-service.ts';
import { sql } from 'kysely';
import { badRequest, conflict, forbidden, IdentityError } from './identity-error.ts';
import { DEFAULT_DOMAIN_ID, newId } from './identity-id.ts';
import type { IdentityContext, Reader, Writer } from './identity-context.ts';
import { mergeExtra, refuseImmutable } from './extra-policy.ts';
import { ancestorsOf, findDomain, mustFindDomain, mustFindProject, projects, type ProjectRecord } from './project-record.ts';
import { onUnique } from './store/unique-violation.ts';
import { revoke } from './revocation-service.ts';

/** Projects and domains: the tree that everything else hangs on. */
export interface ProjectRequest {
  readonly name?: string | undefined;
  readonly domain_id?: string | null | undefined;
  readonly parent_id?: string | null | undefined;
  readonly is_domain?: boolean | undefined;
  readonly enabled?: boolean | undefined;
  readonly description?: string | null | undefined;
  readonly tags?: string[] | undefined;
  readonly options?: Record<string, unknown> | undefined;
  readonly [extra: string]: unknown;
}

const OWN = [
  'id',
  'name',
  'domain_id',
  'parent_id',
  'is_domain',
  'enabled',
  'description',
  'tags',
  'options',
  'links',
  'explicit_domain_id',
];
const NAME_EXISTS = (name: string) => () =>
  conflict('project', `it is not permitted to have two projects with the same name in the same domain : ${name}`);

export async function createProject(context: IdentityContext, request: ProjectRequest, id: string = newId()): Promise<ProjectRecord> {
  const name = request.name!;
  return context.write(async (trx) => {
    const place = request.is_domain ? { domain_id: null, parent_id: null } : await placeOf(context, trx, request);
    const row = {
      id,
      name,
      is_domain: request.is_domain ?? false,
      ...place,
      enabled: request.enabled ?? true,
      description: request.description ?? '',
      tags: request.tags ?? [],
      options: request.options ?? {},
      extra: mergeExtra({}, request, OWN),
    };
    await onUnique(projects.insert(trx, row), NAME_EXISTS(name));
    return mustFindProject(trx, row.id);
  });
}

async function placeOf(context: IdentityContext, db: Reader, request: ProjectRequest): Promise<{ domain_id: string; parent_id: string }> {
  const parentId = request.parent_id ?? request.domain_id ?? DEFAULT_DOMAIN_ID;
  const parent = await projects.find<ProjectRecord>(db, { id: parentId });
  if (parent === undefined) throw badRequest(`Could not find project: ${parentId}.`);
  const domainId = parent.is_domain ? parent.id : parent.domain_id!;
  if (request.domain_id != null && request.domain_id !== domainId) {
    throw (await findDomain(db, request.domain_id)) === undefined
      ? badRequest(`Could not find domain: ${request.domain_id}.`)
      : badRequest(`The domain of the parent ${parentId} is ${domainId}, not ${request.domain_id}.`);
  }
  const depth = (await ancestorsOf(db, parent)).length + 1;
  if (depth > context.settings.max_project_tree_depth) throw forbidden(`Max hierarchy depth reached for ${parentId} branch.`);
  if (!parent.enabled) throw forbidden(`Cannot create project in a branch containing a disabled project: ${parent.id}.`);
  return { domain_id: domainId, parent_id: parentId };
}

export async function updateProject(context: IdentityContext, id: string, request: ProjectRequest): Promise<ProjectRecord> {
  return context.write(async (trx) => {
    const before = await mustFindProject(trx, id);
    refuseImmutable(before.is_domain ? 'domain' : 'project', before, request.options);
    refuseMove(before, request);
    if (request.enabled === false && before.enabled) await disable(context, trx, before);
    if (request.enabled === true && !before.enabled) await refuseDisabledParent(trx, before);
    const change = {
      name: request.name,
      enabled: request.enabled,
      description: request.description === null ? '' : request.description,
      tags: request.tags,
      options: request.options === undefined ? undefined : mergeOptions(before.options, request.options),
      extra: mergeExtra(before.extra, request, OWN),
    };
    await onUnique(projects.update(trx, { id }, change), NAME_EXISTS(request.name ?? before.name));
    return mustFindProject(trx, id);
  });
}

export const mergeOptions = (before: object, given: Readonly<Record<string, unknown>>) =>
  Object.fromEntries(Object.entries({ ...before, ...given }).filter(([, value]) => value !== null));

function refuseMove(before: ProjectRecord, request: ProjectRequest): void {
  if (request.domain_id !== undefined && request.domain_id !== before.domain_id) throw badRequest('Cannot change Domain ID');
  if (request.parent_id !== undefined && request.parent_id !== before.parent_id) throw forbidden('Update of `parent_id` is not allowed.');
  if (request.is_domain !== undefined && request.is_domain !== before.is_domain) throw badRequest('Update of `is_domain` is not allowed.');
}

async function refuseDisabledParent(db: Reader, project: ProjectRecord): Promise<void> {
  const disabled = (await ancestorsOf(db, project)).find((one) => !one.enabled && !one.is_domain);
  if (disabled) throw forbidden(`Cannot enable project ${project.id} since it has disabled parents.`);
}

async function disable(context: IdentityContext, trx: Writer, project: ProjectRecord): Promise<void> {
  if (!project.is_domain) {
    const children = await projects.list<ProjectRecord>(trx, { parent_id: project.id, is_domain: false });
    if (children.some((child) => child.enabled))
      throw forbidden(`Cannot disable project ${project.id} since its subtree contains enabled projects.`);
  }
  await revoke(context, trx, project.is_domain ? { domain_id: project.id } : { project_id: project.id });
}

export async function deleteProject(context: IdentityContext, id: string): Promise<void> {
  await context.write(async (trx) => {
    const project = await mustFindProject(trx, id);
    if (project.is_domain) return removeDomain(trx, project);
    refuseImmutable('project', project);
    if ((await projects.find(trx, { parent_id: id })) !== undefined)
      throw forbidden(`Cannot delete the project ${id} since it is not a leaf in the hierarchy.`);
    await revoke(context, trx, { project_id: id });
    await remove(trx, id);
    await sql`update identity_user set default_project_id = null where default_project_id = ${id}`.execute(trx);
  });
}

async function remove(trx: Writer, id: string): Promise<void> {
  await projects.remove(trx, { id });
  await dropDanglingAssignments(trx);
  await sql`
    delete from identity_credential where
      (project_id is not null and not exists (select from identity_project where id = project_id))
      or not exists (select from identity_user where id = user_id)`.execute(trx);
}

export async function deleteDomain(context: IdentityContext, id: string): Promise<void> {
  await context.write(async (trx) => removeDomain(trx, await mustFindDomain(trx, id)));
}

/** With everything in it: users, groups, roles, projects. */
async function removeDomain(trx: Writer, domain: ProjectRecord): Promise<void> {
  refuseImmutable('domain', domain);
  if (domain.id === DEFAULT_DOMAIN_ID) throw new IdentityError(403, 'Cannot delete the default domain, or the default domain is disabled.');
  if (domain.enabled) throw forbidden('Cannot delete a domain that is enabled, please disable it first.');
  await remove(trx, domain.id);
}

/** @throws IdentityError 404 when the project does not have it. */
export async function mustHaveTag(db: Reader, id: string, tag: string): Promise<void> {
  const project = await mustFindProject(db, id);
  if (!project.tags.includes(tag)) throw new IdentityError(404, `Could not find project tag: ${tag}.`);
}

export async function setTags(context: IdentityContext, id: string, tags: readonly string[]): Promise<ProjectRecord> {
  return context.write(async (trx) => {
    await mustFindProject(trx, id);
    await projects.update(trx, { id }, { tags: [...new Set(tags)] });
    return mustFindProject(trx, id);
  });
}
