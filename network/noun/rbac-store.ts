import type { Trx } from '../resource.ts';
import { query } from '../mechanism/statement.ts';
import { requireNotNeeded } from './rbac-use.ts';

export const SHARED = 'access_as_shared';
export const EXTERNAL = 'access_as_external';

export type SharedKind = 'network' | 'qos_policy' | 'security_group' | 'address_scope' | 'subnetpool' | 'address_group';

export async function share(trx: Trx, kind: SharedKind, id: string, projectId: string, action: string, target: string): Promise<void> {
  await query(
    trx,
    `insert into network_rbac (project_id, object_type, object_id, action, target_project) values ($1, $2, $3, $4, $5)
     on conflict (object_id, action, target_project) do nothing`,
    [projectId, kind, id, action, target],
  );
}

/** @throws 409 while somebody who may only by this uses it */
export async function unshare(trx: Trx, kind: SharedKind, id: string, owner: string, action: string, target: string): Promise<void> {
  await query(trx, 'delete from network_rbac where object_id = $1 and action = $2 and target_project = $3', [id, action, target]);
  await requireNotNeeded(trx, { kind, id, owner, action, target });
}

/** With the object goes what was said about it. */
export const forget = (trx: Trx, id: string) => query(trx, 'delete from network_rbac where object_id = $1', [id]);
