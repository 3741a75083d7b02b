import { NetworkError } from '../network-error.ts';
import { QUOTA_DEFAULTS } from '../quota-defaults.ts';
import type { Resource, Trx, Values } from '../resource.ts';
import { query } from './statement.ts';

/**
 * Quotas are looked at in the transaction that creates, best when its rows are there: `network_quota_exceeded` lets one creator of a
 * project count at a time, and the next has to wait until this transaction ends.
 * @throws NetworkError 409
 */
export async function requireQuota(trx: Trx, resource: Resource, rows: readonly Values[], when: 'before' | 'after'): Promise<void> {
  for (const [projectId, { length }] of Map.groupBy(rows, (values) => String(values['project_id'])))
    await claim(trx, resource.quota!, resource.table, projectId, when === 'before' ? length : 0);
}

/** Room for rows that are still to come. @throws NetworkError 409 */
export async function claim(trx: Trx, quota: string, table: string, projectId: string, wanted: number): Promise<void> {
  const rows = await query<{ most: number | null }>(trx, 'select network_quota_exceeded($1, $2, $3::regclass, $4, $5) as most', [
    projectId,
    quota,
    table,
    wanted,
    QUOTA_DEFAULTS[quota]!,
  ]);
  if (rows[0]!.most !== null) throw new NetworkError(409, 'OverQuota', `Quota exceeded for resources: ['${quota}'].`);
}
