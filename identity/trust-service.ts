import { sql } from 'kysely';
import { forbidden, unauthorized } from './identity-error.ts';
import type { IdentityContext } from './identity-context.ts';
import { findTrust, isTrustOver } from './trust-record.ts';

/** Trusts: made, used, handed on, ended. */
export interface TrustUse {
  readonly userId: string;
  readonly projectId: string | null;
  readonly expiresAtMs?: number;
}

/** Takes one of its uses. @throws IdentityError 401, 403 */
export async function useTrust(context: IdentityContext, trustId: string, userId: string): Promise<TrustUse> {
  const trust = await findTrust(context.db, trustId);
  if (trust === undefined) throw unauthorized();
  if (trust.trustee_user_id !== userId) throw forbidden('User is not a trustee.');
  if (isTrustOver(trust, context.clock.nowMs())) throw forbidden('The trust is over.');
  if (trust.remaining_uses !== null) {
    await context.write(async (trx) => {
      const { numAffectedRows } = await sql`
        update identity_trust set remaining_uses = remaining_uses - 1 where id = ${trustId} and remaining_uses > 0`.execute(trx);
      if (Number(numAffectedRows ?? 0) === 0) throw forbidden(`No remaining uses for trust: ${trustId}.`);
    });
  }
  return {
    userId: trust.impersonation ? trust.trustor_user_id : trust.trustee_user_id,
    projectId: trust.project_id,
    ...(trust.expires_at === null ? {} : { expiresAtMs: trust.expires_at.getTime() }),
  };
}
