import { conflict } from '../network-error.ts';
import { query } from '../mechanism/statement.ts';
import type { Trx } from '../resource.ts';
import type { SharedKind } from './rbac-store.ts';

/** Which projects use an object that is another's: what they use may not be taken from them. */
const USERS: Readonly<Record<string, string>> = {
  'network access_as_shared': `
    select project_id from network_port where network_id = $1 and device_owner not like 'network:%'
    union select project_id from network_subnet where network_id = $1`,
  'network access_as_external': `
    select r.project_id from network_router r join network_port p on p.id = r.gateway_port_id where p.network_id = $1
    union select project_id from network_floatingip where floating_network_id = $1`,
  'qos_policy access_as_shared': `
    select project_id from network where qos_policy_id = $1 union select project_id from network_port where qos_policy_id = $1
    union select project_id from network_floatingip where qos_policy_id = $1 union select project_id from network_router where qos_policy_id = $1`,
  'security_group access_as_shared': `
    select p.project_id from network_port p join network_port_security_group g on g.port_id = p.id where g.security_group_id = $1
    union select project_id from network_security_group_rule where remote_group_id = $1`,
  'address_scope access_as_shared': 'select project_id from network_subnetpool where address_scope_id = $1',
  'subnetpool access_as_shared': 'select project_id from network_subnet where subnetpool_id = $1',
  'address_group access_as_shared': 'select project_id from network_security_group_rule where remote_address_group_id = $1',
};

export interface Withdrawn {
  readonly kind: SharedKind;
  readonly id: string;
  readonly owner: string;
  readonly action: string;
  readonly target: string;
}

/** Looked at after the policy is gone: projects that use the object and have no other right to. @throws NetworkError 409 */
export async function requireNotNeeded(trx: Trx, { kind, id, owner, action, target }: Withdrawn): Promise<void> {
  const users = USERS[`${kind} ${action}`];
  if (users === undefined) return;
  const left = await query<{ project_id: string }>(
    trx,
    `select u.project_id from (${users}) u where u.project_id not in ($2, '') and ($3 = '*' or u.project_id = $3)
       and not exists (select from network_rbac r where r.object_id = $1 and r.action = $4 and r.target_project in ('*', u.project_id))
     limit 1`,
    [id, owner, target, action],
  );
  const isDefault =
    action === 'access_as_external' &&
    target === '*' &&
    (await query(trx, 'select from network where id = $1 and is_default', [id])).length > 0;
  if (left.length === 0 && !isDefault) return;
  throw conflict('RbacPolicyInUse', `RBAC policy on object ${id} cannot be removed because other objects depend on it.`);
}
