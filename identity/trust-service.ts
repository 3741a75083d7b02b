import { sql } from 'kysely';
import { effectiveRoles, groupIdsOf } from './assignment-service.ts';
import { badRequest, forbidden, notFound, unauthorized } from './identity-error.ts';
import { newId } from './identity-id.ts';
import type { IdentityContext, Reader } from './identity-context.ts';
import type { ExactTime } from './iso-time.ts';
import { mustFindProject } from './project-record.ts';
import { revoke } from './revocation-service.ts';
import { resolveScope } from './token/subject.ts';
import { findTrust, isTrustOver, trusts, type TrustRecord } from './trust-record.ts';
import { mustFindUser } from './user-record.ts';

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

export interface TrustRequest {
  readonly trustor_user_id: string;
  readonly trustee_user_id: string;
  readonly project_id?: string | null | undefined;
  readonly impersonation: boolean;
  readonly expiresAt?: ExactTime | undefined;
  readonly remaining_uses?: number | null | undefined;
  readonly allow_redelegation?: boolean | null | undefined;
  readonly redelegation_count?: number | null | undefined;
  readonly roleIds: readonly string[];
  readonly extra: Record<string, unknown>;
}

/** @throws IdentityError 400, 403, 404 */
export async function createTrust(
  context: IdentityContext,
  request: TrustRequest,
  redelegatedFrom: string | undefined,
): Promise<TrustRecord> {
  const { db, clock, settings } = context;
  if (request.expiresAt !== undefined && request.expiresAt.ms <= clock.nowMs())
    throw badRequest("The 'expires_at' must not be before now. The server could not comply with the request.");
  await mustFindUser(db, request.trustee_user_id);
  if (request.project_id != null && request.roleIds.length === 0) throw forbidden('At least one role should be specified');
  const source = redelegatedFrom === undefined ? undefined : await mustFindTrust(db, redelegatedFrom);
  const origin = source === undefined ? request.trustor_user_id : await firstTrustor(db, source);
  await requireTrustorRoles(context, origin, request);
  const count = request.redelegation_count ?? settings.max_trust_redelegation;
  if (count > settings.max_trust_redelegation)
    throw forbidden(`Requested redelegation depth of ${count} is greater than allowed ${settings.max_trust_redelegation}.`);
  if (source !== undefined) checkRedelegation(source, request);
  const id = newId();
  await context.write((trx) =>
    trusts.insert(trx, {
      id,
      trustor_user_id: request.trustor_user_id,
      trustee_user_id: request.trustee_user_id,
      project_id: request.project_id ?? null,
      impersonation: request.impersonation,
      expires_at: request.expiresAt?.text ?? null,
      remaining_uses: request.remaining_uses ?? null,
      redelegated_trust_id: source?.id ?? null,
      redelegation_count: request.allow_redelegation ? Math.min(count, source === undefined ? count : source.redelegation_count - 1) : 0,
      allow_redelegation: request.allow_redelegation ?? false,
      role_ids: [...request.roleIds],
      extra: request.extra,
    }),
  );
  return mustFindTrust(db, id);
}

async function firstTrustor(db: Reader, trust: TrustRecord): Promise<string> {
  let first = trust;
  while (first.redelegated_trust_id !== null) first = await mustFindTrust(db, first.redelegated_trust_id);
  return first.trustor_user_id;
}

/** Nobody gives what they do not have. */
async function requireTrustorRoles(context: IdentityContext, trustorId: string, request: TrustRequest): Promise<void> {
  if (request.project_id == null) return;
  await mustFindProject(context.db, request.project_id);
  const scope = await resolveScope(context, { kind: 'project', id: request.project_id }).catch(() => undefined);
  if (scope === undefined) throw forbidden('The project is disabled.');
  const held = await effectiveRoles(context.db, trustorId, await groupIdsOf(context.db, trustorId), scope);
  const missing = request.roleIds.find((id) => !held.some((role) => role.id === id));
  if (missing !== undefined) throw notFound('role', missing);
}

function checkRedelegation(source: TrustRecord, request: TrustRequest): void {
  if (!source.allow_redelegation || source.redelegation_count <= 0) throw forbidden('Redelegation is not allowed by this trust.');
  if (request.remaining_uses != null) throw forbidden('Remaining uses must not be set for a redelegated trust.');
  if (source.expires_at !== null && (request.expiresAt === undefined || request.expiresAt.ms > source.expires_at.getTime()))
    throw forbidden('Requested expiration time is more than redelegated trust can provide.');
  if (!request.roleIds.every((id) => source.role_ids.includes(id)))
    throw forbidden('Some of requested roles are not in redelegated trust.');
  if (!source.impersonation && request.impersonation)
    throw forbidden('Impersonation is not allowed because redelegated trust does not specify impersonation.');
}

export async function mustFindTrust(db: Reader, id: string): Promise<TrustRecord> {
  const trust = await findTrust(db, id);
  if (trust === undefined) throw notFound('trust', id);
  return trust;
}

export const listTrusts = (db: Reader, where: Record<string, unknown>) => trusts.list<TrustRecord>(db, { ...where, deleted_at: null });

/** With all that were handed on from it. Tokens made from it end. */
export async function deleteTrust(context: IdentityContext, id: string): Promise<void> {
  await context.write(async (trx) => {
    await mustFindTrust(trx, id);
    for (let ids = [id]; ids.length > 0;) {
      for (const one of ids) {
        await trusts.update(trx, { id: one }, { deleted_at: new Date(context.clock.nowMs()) });
        await revoke(context, trx, { trust_id: one });
      }
      ids = (await trusts.list<TrustRecord>(trx, { redelegated_trust_id: ids, deleted_at: null })).map((trust) => trust.id);
    }
  });
}
