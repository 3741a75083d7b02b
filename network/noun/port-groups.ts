import { isUuid } from '../mechanism/attribute-types.ts';
import { isAmong, query, statement } from '../mechanism/statement.ts';
import type { Trx, Work } from '../resource.ts';
import { ensureDefaultGroup } from './default-security-group.ts';
import { groupNotFound, GROUP_SCOPE } from './security-group-scope.ts';

/** Which security groups a port is in. */
export async function requireGroupsSeen({ trx, actor }: Work, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  const at = statement(actor.projectId);
  const asked = ids.filter(isUuid);
  const found = await at.run<{ id: string }>(
    trx,
    `select t.id from network_security_group t where ${isAmong('t.id', asked, at.bind)}${actor.seesAll ? '' : ` and ${at.fill(GROUP_SCOPE)}`}`,
  );
  const missing = ids.find((id) => !found.some((group) => group.id === id));
  if (missing !== undefined) throw groupNotFound(missing);
}

export async function putIntoGroups(trx: Trx, portId: string, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  await query(trx, 'insert into network_port_security_group (port_id, security_group_id) select $1, unnest($2::uuid[])', [portId, ids]);
}

export const defaultGroupOf = (trx: Trx, projectId: string): Promise<string> => ensureDefaultGroup(trx, projectId);
