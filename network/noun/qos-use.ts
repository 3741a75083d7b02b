import { NetworkError, notFound } from '../network-error.ts';
import { query, statement } from '../mechanism/statement.ts';
import { ownedOrShared } from '../mechanism/standard-attributes.ts';
import type { Work } from '../resource.ts';

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
