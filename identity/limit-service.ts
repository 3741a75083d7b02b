import type { Selectable } from 'kysely';
import type { IdentityTables } from '../core/database/identity-tables.ts';
import { badRequest, conflict, forbidden, IdentityError } from './identity-error.ts';
import { newId } from './identity-id.ts';
import type { IdentityContext, Reader, Writer } from './identity-context.ts';
import type { Selection } from './list-query-policy.ts';
import { findDomain, findProject, projects, type ProjectRecord } from './project-record.ts';
import { recordStore } from './store/record-store.ts';
import { onForeignKey, onUnique } from './store/unique-violation.ts';

/*
 * Unified limits: what a service allows by default (registered), and for one project or domain instead. Two models: flat, and
 * strict two-level, in which a project at the top bounds the sum of none but the size of each of its children.
 */
export type RegisteredLimitRecord = Selectable<IdentityTables['identity_registered_limit']>;
type LimitRow = Selectable<IdentityTables['identity_limit']>;
export type LimitRecord = LimitRow & Pick<RegisteredLimitRecord, 'service_id' | 'region_id' | 'resource_name'>;

export interface RegisteredLimitRequest {
  readonly service_id: string;
  readonly region_id?: string | null | undefined;
  readonly resource_name: string;
  readonly default_limit: number;
  readonly description?: string | null | undefined;
}

export interface LimitRequest {
  readonly project_id?: string | undefined;
  readonly domain_id?: string | undefined;
  readonly service_id: string;
  readonly region_id?: string | null | undefined;
  readonly resource_name: string;
  readonly resource_limit: number;
  readonly description?: string | null | undefined;
}

const registered = recordStore('identity_registered_limit');
const limits = recordStore('identity_limit');
const services = recordStore('identity_service');
const regions = recordStore('identity_region');

/** Keystone's words for the two models. */
export const LIMIT_MODELS = {
  flat: 'Limit enforcement and validation does not take project hierarchy into consideration.',
  strict_two_level: "This model requires project hierarchy never exceeds a depth of two, and no child's limit exceeds its parent's.",
} as const;

const notThere = (noun: string, id: string) => new IdentityError(404, `Could not find ${noun} for ${id}.`);

export async function mustFindRegisteredLimit(db: Reader, id: string): Promise<RegisteredLimitRecord> {
  const found = await registered.find<RegisteredLimitRecord>(db, { id });
  if (found === undefined) throw notThere('registered limit', id);
  return found;
}

export const listRegisteredLimits = (db: Reader, selection: Selection) => registered.list<RegisteredLimitRecord>(db, {}, selection);

const registeredExists = () => conflict('registered limit', 'there is one for this service, region and resource');

async function checkPlace(
  db: Reader,
  request: { readonly service_id?: string | undefined; readonly region_id?: string | null | undefined },
): Promise<void> {
  if (request.service_id !== undefined && (await services.find(db, { id: request.service_id })) === undefined)
    throw badRequest(`Could not find service: ${request.service_id}.`);
  if (request.region_id != null && (await regions.find(db, { id: request.region_id })) === undefined)
    throw badRequest(`Could not find region: ${request.region_id}.`);
}

/** All or none. */
export async function createRegisteredLimits(
  context: IdentityContext,
  requests: readonly RegisteredLimitRequest[],
): Promise<RegisteredLimitRecord[]> {
  return context.write(async (trx) => {
    const ids: string[] = [];
    for (const request of requests) {
      await checkPlace(trx, request);
      const id = newId();
      await onUnique(
        registered.insert(trx, { id, ...request, region_id: request.region_id ?? null, description: request.description ?? null }),
        registeredExists,
      );
      ids.push(id);
    }
    return Promise.all(ids.map((id) => mustFindRegisteredLimit(trx, id)));
  });
}

const inUse = (id: string) => () =>
  forbidden(`Unable to update or delete registered limit ${id} because there are project limits associated with it.`);

export async function updateRegisteredLimit(
  context: IdentityContext,
  id: string,
  request: Partial<RegisteredLimitRequest>,
): Promise<RegisteredLimitRecord> {
  return context.write(async (trx) => {
    const before = await mustFindRegisteredLimit(trx, id);
    await checkPlace(trx, request);
    const moved = (['service_id', 'region_id', 'resource_name'] as const).some(
      (name) => request[name] !== undefined && request[name] !== before[name],
    );
    if (moved && (await limits.find(trx, { registered_limit_id: id })) !== undefined) throw inUse(id)();
    await onUnique(registered.update(trx, { id }, { ...request }), registeredExists);
    return mustFindRegisteredLimit(trx, id);
  });
}

export async function deleteRegisteredLimit(context: IdentityContext, id: string): Promise<void> {
  await context.write(async (trx) => {
    await mustFindRegisteredLimit(trx, id);
    await onForeignKey(registered.remove(trx, { id }), inUse(id));
  });
}

async function describe(db: Reader, rows: readonly LimitRow[]): Promise<LimitRecord[]> {
  const parents = await registered.list<RegisteredLimitRecord>(db, { id: rows.map((row) => row.registered_limit_id) });
  return rows.map((row) => {
    const { service_id, region_id, resource_name } = parents.find((parent) => parent.id === row.registered_limit_id)!;
    return { ...row, service_id, region_id, resource_name };
  });
}

export async function mustFindLimit(db: Reader, id: string): Promise<LimitRecord> {
  const found = await limits.find<LimitRow>(db, { id });
  if (found === undefined) throw notThere('limit', id);
  return (await describe(db, [found]))[0]!;
}

export const listLimits = async (db: Reader, where: Record<string, unknown>) => describe(db, await limits.list<LimitRow>(db, where));

export const limitsOfProject = (db: Reader, projectId: string) => listLimits(db, { project_id: projectId });

export async function createLimits(context: IdentityContext, requests: readonly LimitRequest[]): Promise<LimitRecord[]> {
  return context.write(async (trx) => {
    const ids: string[] = [];
    for (const request of requests) ids.push(await createLimit(context, trx, request));
    return Promise.all(ids.map((id) => mustFindLimit(trx, id)));
  });
}

async function createLimit(context: IdentityContext, trx: Writer, request: LimitRequest): Promise<string> {
  const { service_id, resource_name } = request;
  const region_id = request.region_id ?? null;
  const parent = await registered.find<RegisteredLimitRecord>(trx, { service_id, region_id, resource_name });
  if (parent === undefined) throw forbidden('Unable to create a limit that has no corresponding registered limit.');
  if (request.project_id !== undefined && (await findProject(trx, request.project_id)) === undefined)
    throw badRequest(`Could not find project: ${request.project_id}.`);
  if (request.domain_id !== undefined && (await findDomain(trx, request.domain_id)) === undefined)
    throw badRequest(`Could not find domain: ${request.domain_id}.`);
  await checkTwoLevels(context, trx, request.project_id, parent, request.resource_limit);
  const row = {
    id: newId(),
    registered_limit_id: parent.id,
    project_id: request.project_id ?? null,
    domain_id: request.domain_id ?? null,
    resource_limit: request.resource_limit,
    description: request.description ?? null,
  };
  await onUnique(limits.insert(trx, row), () => conflict('limit', 'there is one for this project or domain and resource'));
  return row.id;
}

/** No child may have more than its parent, be it by its own limit or by the default. */
async function checkTwoLevels(
  context: IdentityContext,
  trx: Writer,
  projectId: string | null | undefined,
  parent: RegisteredLimitRecord,
  wanted: number,
): Promise<void> {
  if (context.settings.limit_model !== 'strict_two_level' || projectId == null) return;
  const project = (await findProject(trx, projectId))!;
  const of = async (id: string) =>
    (await limits.find<LimitRow>(trx, { registered_limit_id: parent.id, project_id: id }))?.resource_limit ?? parent.default_limit;
  const above = project.parent_id === null ? undefined : await findProject(trx, project.parent_id);
  if (above !== undefined && !above.is_domain && isMore(wanted, await of(above.id)))
    throw forbidden(`Invalid resource limit: the limit of project ${projectId} exceeds that of its parent ${above.id}.`);
  for (const child of await projects.list<ProjectRecord>(trx, { parent_id: projectId, is_domain: false })) {
    if (isMore(await of(child.id), wanted))
      throw forbidden(`Invalid resource limit: the limit of child project ${child.id} exceeds that of project ${projectId}.`);
  }
}

/** -1 is without limit. */
const isMore = (one: number, other: number) => other !== -1 && (one === -1 || one > other);

export async function updateLimit(
  context: IdentityContext,
  id: string,
  request: { readonly resource_limit?: number | undefined; readonly description?: string | null | undefined },
): Promise<LimitRecord> {
  return context.write(async (trx) => {
    const before = await mustFindLimit(trx, id);
    const parent = await mustFindRegisteredLimit(trx, before.registered_limit_id);
    if (request.resource_limit !== undefined) await checkTwoLevels(context, trx, before.project_id, parent, request.resource_limit);
    await limits.update(trx, { id }, { ...request });
    return mustFindLimit(trx, id);
  });
}

export async function deleteLimit(context: IdentityContext, id: string): Promise<void> {
  await context.write(async (trx) => {
    if ((await limits.remove(trx, { id })) === 0) throw notThere('limit', id);
  });
}
