import type { IdentityContext } from '../../identity/identity-context.ts';
import { badRequest } from '../../identity/identity-error.ts';
import type { Query } from '../../identity/list-query-policy.ts';
import { federatedUserIds } from '../../identity/user-service.ts';

/** Filters of the user list that no column answers alone. */
const COMPARE: Readonly<Record<string, (at: number, limit: number) => boolean>> = {
  lt: (at, limit) => at < limit,
  lte: (at, limit) => at <= limit,
  gt: (at, limit) => at > limit,
  gte: (at, limit) => at >= limit,
  eq: (at, limit) => at === limit,
  neq: (at, limit) => at !== limit,
};

/** `password_expires_at=lt:2026-01-01T00:00:00Z`, also repeated for a span. @throws IdentityError 400 */
export function expiryFilter(query: Query): (expires: Date | null) => boolean {
  const given = query['password_expires_at'];
  if (given === undefined) return () => true;
  const conditions = (Array.isArray(given) ? given : [given]).map((text: string) => {
    const [, operator = 'eq', time = ''] = /^(?:([a-z]+):)?(\d{4}-.*)$/.exec(text) ?? [];
    const compare = COMPARE[operator];
    const limit = Date.parse(time);
    if (compare === undefined || !text.includes(':') || Number.isNaN(limit))
      throw badRequest(`Invalid password_expires_at filter: ${text}. It is OPERATOR:TIME with one of ${Object.keys(COMPARE).join(', ')}.`);
    return (at: number) => compare(at, limit);
  });
  return (expires) => expires !== null && conditions.every((holds) => holds(expires.getTime()));
}

/** Users known to an identity provider. Undefined when it was not asked for. */
export async function federationFilter(db: IdentityContext['db'], query: Query): Promise<string[] | undefined> {
  const where = { provider_id: query['idp_id'], protocol_id: query['protocol_id'], unique_id: query['unique_id'] };
  if (Object.values(where).every((value) => value === undefined)) return undefined;
  return federatedUserIds(db, where);
}
