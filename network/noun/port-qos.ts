import { conflict } from '../network-error.ts';
import { query } from '../mechanism/statement.ts';
import type { Work } from '../resource.ts';
import { requirePolicySeen } from './qos-use.ts';

/** A guaranteed bandwidth is one of a wire: a network of tunnels has none. @throws NetworkError 404, 409 */
export async function requirePolicyFits(work: Work, policyId: unknown, networkId: string): Promise<void> {
  if (policyId === null || policyId === undefined) return;
  await requirePolicySeen(work, policyId);
  const rows = await query(
    work.trx,
    `select from network_qos_rule r where r.qos_policy_id = $1 and r.kind = 'minimum_bandwidth'
       and not exists (select from network_segment s where s.network_id = $2 and s.physical_network is not null) limit 1`,
    [policyId, networkId],
  );
  if (rows.length > 0) throw conflict('QosRuleNotSupported', `Rule minimum_bandwidth is not supported by network ${networkId}`);
}
