import { conflict, NetworkError, notFound } from '../network-error.ts';
import { query, statement } from '../mechanism/statement.ts';
import { ownedOrShared } from '../mechanism/standard-attributes.ts';
import type { Trx, Work } from '../resource.ts';
import { isCarried, type QosPlace, type QosRule } from './qos-support-policy.ts';

/** A QoS policy that is put to use has to be seen by whoever does it. */
export async function requirePolicySeen({ trx, actor }: Work, id: unknown): Promise<void> {
  if (id === null || id === undefined) return;
  const at = statement(actor.projectId);
  const where = `t.id = ${at.bind(id)}${actor.seesAll ? '' : ` and ${at.fill(ownedOrShared('qos_policy'))}`}`;
  const rows = await at.run(trx, `select from network_qos_policy t where ${where}`);
  if (rows.length === 0) throw notFound('QosPolicyNotFound', `QoS policy ${String(id)} could not be found.`);
}

/**
 * Changing the policy of something: the new one has to be seen, and so has the old one, which somebody else may have put there.
 * @throws NetworkError 403, 404
 */
export async function requirePolicyChange(work: Work, before: unknown, after: unknown): Promise<void> {
  if (after === undefined || after === before) return;
  await requirePolicySeen(work, after);
  try {
    await requirePolicySeen(work, before);
  } catch (error) {
    if (!(error instanceof NetworkError)) throw error;
    throw new NetworkError(
      403,
      'PolicyRemoveAuthorizationError',
      `Failed to remove provided policy ${String(before)} because you are not authorized.`,
    );
  }
}

/** What a project's networks get when nothing is said. */
export async function defaultPolicyOf({ trx }: Work, projectId: unknown): Promise<string | null> {
  const rows = await query<{ id: string }>(trx, 'select id from network_qos_policy where is_default and project_id = $1', [projectId]);
  return rows[0]?.id ?? null;
}

/**
 * Every rule of the policy is carried out where it is put to use: nothing is taken and forgotten.
 * @throws NetworkError 409
 */
export async function requireCarried(trx: Trx, policyId: unknown, place: QosPlace): Promise<void> {
  if (policyId === null || policyId === undefined) return;
  // A rule that comes at the same time waits, and sees where the policy is.
  await query(trx, 'select from network_qos_policy where id = $1 for share', [policyId]);
  const rules = await query<QosRule>(trx, 'select kind, direction from network_qos_rule where qos_policy_id = $1 order by created_at', [
    policyId,
  ]);
  refuseUncarried(rules, place);
}

/** The rule as it shall be, wherever its policy is in use. @throws NetworkError 409 */
export async function requireCarriedEverywhere(trx: Trx, policyId: string, rule: QosRule): Promise<void> {
  const places = await query<QosPlace>(trx, USES, [policyId]);
  for (const place of places) refuseUncarried([rule], place);
}

const HAS_WIRE = (network: string) =>
  `exists (select from network_segment s where s.network_id = ${network} and s.physical_network is not null)`;
const PORT = `select 'port' as kind, p.id, ${HAS_WIRE('p.network_id')} as "hasWire", p.vnic_type = 'baremetal' as "isMetal", p.host <> '' as "isBound"
  from network_port p`;
/** Ports on hosts that have no policy of their own. */
const HEIRS = `p.qos_policy_id is null and p.host <> '' and p.device_owner not like 'network:%'`;
const USES = `${PORT} where p.qos_policy_id = $1
  union all ${PORT} join network n on n.id = p.network_id where n.qos_policy_id = $1 and ${HEIRS}
  union all select 'network', n.id, ${HAS_WIRE('n.id')}, false, false from network n where n.qos_policy_id = $1
  union all select 'floating IP', f.id, false, false, false from network_floatingip f where f.qos_policy_id = $1
  union all select 'router', r.id, false, false, false from network_router r where r.qos_policy_id = $1`;

/** The network itself, and its ports that have no policy of their own. @throws NetworkError 409 */
export async function requireCarriedByNetwork(trx: Trx, policyId: unknown, networkId: string): Promise<void> {
  if (policyId === null || policyId === undefined) return;
  const places = await query<QosPlace>(
    trx,
    `select 'network' as kind, $1::uuid as id, ${HAS_WIRE('$1')} as "hasWire", false as "isMetal", false as "isBound"
     union all ${PORT} where p.network_id = $1 and ${HEIRS}`,
    [networkId],
  );
  for (const place of places) await requireCarried(trx, policyId, place);
}

function refuseUncarried(rules: readonly QosRule[], place: QosPlace): void {
  const rule = rules.find((each) => !isCarried(each, place));
  if (rule === undefined) return;
  const what = rule.direction === null ? rule.kind : `${rule.kind} (${rule.direction})`;
  const type = place.kind === 'network' ? 'QosRuleNotSupportedByNetwork' : 'QosRuleNotSupported';
  throw conflict(type, `Rule ${what} is not supported by ${place.kind} ${place.id}`);
}

export async function hasWire(trx: Trx, networkId: string): Promise<boolean> {
  const rows = await query<{ has: boolean }>(trx, `select ${HAS_WIRE('$1')} as has`, [networkId]);
  return rows[0]!.has;
}
