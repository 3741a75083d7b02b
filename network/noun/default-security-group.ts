import { query } from '../mechanism/statement.ts';
import type { Trx } from '../resource.ts';

/** Every project has one group that its ports are in when nobody says otherwise; made when it is first needed. */
export async function ensureDefaultGroup(trx: Trx, projectId: string): Promise<string> {
  const found = await query<{ id: string }>(trx, 'select id from network_security_group where project_id = $1 and is_default', [projectId]);
  if (found[0] !== undefined) return found[0].id;
  const made = await query<{ id: string }>(
    trx,
    `insert into network_security_group (project_id, name, description, is_default) values ($1, 'default', 'Default security group', true)
     on conflict do nothing returning id`,
    [projectId],
  );
  // Somebody else made it just now.
  if (made[0] === undefined) return ensureDefaultGroup(trx, projectId);
  await addTemplateRules(trx, made[0].id, projectId, 'used_in_default_sg');
  return made[0].id;
}

/** The rules that a new group begins with; `PARENT` names the group itself. */
export async function addTemplateRules(
  trx: Trx,
  groupId: string,
  projectId: string,
  used: 'used_in_default_sg' | 'used_in_non_default_sg',
): Promise<void> {
  await query(
    trx,
    `insert into network_security_group_rule (security_group_id, project_id, description, direction, ethertype, protocol, port_range_min,
       port_range_max, remote_ip_prefix, normalized_cidr, remote_group_id, remote_address_group_id)
     select $1, $2, description, direction, ethertype, protocol, port_range_min, port_range_max, remote_ip_prefix, normalized_cidr,
       case remote_group_id when 'PARENT' then $1 else remote_group_id::uuid end, remote_address_group_id
     from network_default_security_group_rule where ${used} on conflict do nothing`,
    [groupId, projectId],
  );
}
