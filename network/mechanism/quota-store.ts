import { NetworkError } from '../network-error.ts';
import { QUOTA_DEFAULTS } from '../quota-defaults.ts';
import type { Resource, Trx, Values } from '../resource.ts';
import { query } from './statement.ts';

/**
 * Quotas are claimed in the transaction that creates: `network_quota_exceeded` lets one creator of a project count at a time.
 * @throws NetworkError 409
 */
export async function claimQuota(trx: Trx, resource: Resource, asked: readonly Values[]): Promise<void> {
  for (const [projectId, wanted] of Map.groupBy(asked, (values) => String(values['project_id'])))
    await claim(trx, resource.quota!, resource.table, projectId, wanted.length);
}

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
