import { sql } from 'kysely';
import { badRequest, forbidden } from './compute-error.ts';
import { QUOTA_DEFAULTS, quotaRefusal, type QuotaName, type Quotas, type Use } from './compute-quota-policy.ts';
import type { Db, Trx } from './placement-provider-service.ts';

/** Quotas: the project's, else the default class's, else the built-in ones. A user in a project can have less. */
export const DEFAULT_CLASS = 'default';
const NO_USER = '';

export async function classQuotas(db: Db, name: string): Promise<Quotas> {
  const rows = await db.selectFrom('compute_quota_class').select(['resource', 'most']).where('name', '=', name).execute();
  return { ...QUOTA_DEFAULTS, ...Object.fromEntries(rows.map((row) => [row.resource, row.most])) };
}

export async function projectQuotas(db: Db, projectId: string, userId = NO_USER): Promise<Quotas> {
  const defaults = await classQuotas(db, DEFAULT_CLASS);
  const rows = await db
    .selectFrom('compute_quota')
    .select(['resource', 'most'])
    .where('project_id', '=', projectId)
    .where('user_id', 'in', [NO_USER, userId])
    .orderBy('user_id')
    .execute();
  return { ...defaults, ...Object.fromEntries(rows.map((row) => [row.resource, row.most])) };
}

export interface QuotaChange {
  readonly projectId: string;
  readonly userId: string | undefined;
  readonly most: Partial<Record<QuotaName, number>>;
  /** Below what is used is allowed. */
  readonly force: boolean;
}

/** @throws ComputeError 400 for less than is used, and for a user with more than the project */
export async function changeQuotas(db: Db, { projectId, userId = NO_USER, most, force }: QuotaChange): Promise<void> {
  await db.transaction().execute(async (trx) => {
    await lockQuota(trx, projectId);
    const used = await usedBy(trx, projectId, userId === NO_USER ? undefined : userId);
    const project = await projectQuotas(trx, projectId);
    for (const [resource, wanted] of Object.entries(most) as [QuotaName, number][]) {
      const inUse = resource in used ? used[resource as keyof Use] : 0;
      if (!force && wanted >= 0 && wanted < inUse)
        throw badRequest(`Quota limit ${wanted} for ${resource} must be greater than or equal to already used and reserved ${inUse}.`);
      if (userId !== NO_USER && project[resource] >= 0 && (wanted < 0 || wanted > project[resource]))
        throw badRequest(`Quota limit ${wanted} for ${resource} must be less than or equal to ${project[resource]}.`);
      await trx
        .insertInto('compute_quota')
        .values({ project_id: projectId, user_id: userId, resource, most: wanted })
        .onConflict((on) => on.columns(['project_id', 'user_id', 'resource']).doUpdateSet({ most: wanted }))
        .execute();
    }
  });
}

export async function changeClassQuotas(db: Db, name: string, most: Partial<Record<QuotaName, number>>): Promise<void> {
  for (const [resource, wanted] of Object.entries(most))
    await db
      .insertInto('compute_quota_class')
      .values({ name, resource, most: wanted })
      .onConflict((on) => on.columns(['name', 'resource']).doUpdateSet({ most: wanted }))
      .execute();
}

export async function dropQuotas(db: Db, projectId: string, userId: string | undefined): Promise<void> {
  let query = db.deleteFrom('compute_quota').where('project_id', '=', projectId);
  if (userId !== undefined) query = query.where('user_id', '=', userId);
  await query.execute();
}

/** What the servers of a project, or of a user in it, take. */
export async function usedBy(db: Db, projectId: string, userId?: string): Promise<Use> {
  const { rows } = await sql<Use>`
    select count(*)::int as instances, coalesce(sum((flavor ->> 'vcpus')::int), 0)::int as cores,
      coalesce(sum((flavor ->> 'ram')::int), 0)::int as ram
    from server where project_id = ${projectId} and deleted_at is null ${userId === undefined ? sql`` : sql`and user_id = ${userId}`}`.execute(
    db,
  );
  return rows[0]!;
}

/** One creator of a project counts at a time. */
export const lockQuota = (trx: Trx, projectId: string) =>
  sql`select pg_advisory_xact_lock(hashtextextended(${`compute quota of ${projectId}`}, 0))`.execute(trx);

/** In the transaction that makes the servers. @throws ComputeError 403 */
export async function claimQuota(trx: Trx, owner: { projectId: string; userId: string }, wanted: Use): Promise<void> {
  await lockQuota(trx, owner.projectId);
  const refusal =
    quotaRefusal(await projectQuotas(trx, owner.projectId), await usedBy(trx, owner.projectId), wanted) ??
    quotaRefusal(await projectQuotas(trx, owner.projectId, owner.userId), await usedBy(trx, owner.projectId, owner.userId), wanted);
  if (refusal !== undefined) throw forbidden(refusal);
}
