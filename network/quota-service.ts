import { badRequest } from './network-error.ts';
import { QUOTA_DEFAULTS } from './quota-defaults.ts';
import { InvalidValue } from './resource.ts';
import { integer } from './mechanism/attribute-types.ts';
import type { Db } from './mechanism/row-read.ts';
import { query } from './mechanism/statement.ts';
import { RESOURCES } from './resources.ts';

/** What projects may have, beside the defaults. */
export type Quota = Readonly<Record<string, number>>;
const MOST = integer(-1);

export async function quotaOf(db: Db, projectId: string): Promise<Quota> {
  const rows = await query<{ resource: string; most: number }>(db, 'select resource, most from network_quota where project_id = $1', [
    projectId,
  ]);
  return { ...QUOTA_DEFAULTS, ...Object.fromEntries(rows.map(({ resource, most }) => [resource, most])) };
}

/** Projects with a quota of their own. */
export async function listQuotas(db: Db): Promise<(Quota & { project_id: string; tenant_id: string })[]> {
  const rows = await query<{ project_id: string }>(db, 'select distinct project_id from network_quota order by project_id');
  return Promise.all(
    rows.map(
      async ({ project_id: id }) =>
        ({ ...(await quotaOf(db, id)), project_id: id, tenant_id: id }) as Quota & { project_id: string; tenant_id: string },
    ),
  );
}

/** @throws NetworkError 400 */
export function readQuota(given: Readonly<Record<string, unknown>>): Quota {
  const { project_id: _project, tenant_id: _tenant, force: _force, check_limit: _check, ...limits } = given;
  return Object.fromEntries(
    Object.entries(limits).map(([name, value]) => {
      if (!(name in QUOTA_DEFAULTS)) throw badRequest(`Unrecognized attribute(s) '${name}'`);
      try {
        return [name, MOST.read(value) as number];
      } catch (error) {
        if (error instanceof InvalidValue) throw badRequest(`Invalid input for ${name}. Reason: ${error.message}.`);
        throw error;
      }
    }),
  );
}

export async function writeQuota(db: Db, projectId: string, quota: Quota): Promise<void> {
  await query(
    db,
    `insert into network_quota (project_id, resource, most) select $1, unnest($2::text[]), unnest($3::integer[])
     on conflict (project_id, resource) do update set most = excluded.most`,
    [projectId, Object.keys(quota), Object.values(quota)],
  );
}

export const deleteQuota = (db: Db, projectId: string) =>
  query<{ project_id: string }>(db, 'delete from network_quota where project_id = $1 returning project_id', [projectId]);

/** How much of each is used; nothing is ever reserved, since claims last as long as their transaction. */
export async function quotaDetails(db: Db, projectId: string): Promise<Record<string, { limit: number; used: number; reserved: number }>> {
  const quota = await quotaOf(db, projectId);
  const counted = RESOURCES.filter((resource) => resource.quota !== undefined);
  const counts = await query<{ quota: string; used: number }>(
    db,
    counted
      .map((resource) => `select '${resource.quota}' as quota, count(*) as used from ${resource.table} where project_id = $1`)
      .join(' union all '),
    [projectId],
  );
  const usedOf = new Map(counts.map(({ quota: name, used }) => [name, used]));
  return Object.fromEntries(Object.entries(quota).map(([name, limit]) => [name, { limit, used: usedOf.get(name) ?? 0, reserved: 0 }]));
}
