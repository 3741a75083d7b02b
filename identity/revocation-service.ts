import { sql, type Selectable } from 'kysely';
import type { IdentityTables } from '../core/database/identity-tables.ts';
import type { IdentityContext, Reader, Writer } from './identity-context.ts';
import { recordStore } from './store/record-store.ts';

/*
 * Tokens are not stored, so what ends one early is: an event says which tokens, made until when. All live events are
 * remembered, found by audit id or by user, so that a check costs the same with one as with ten thousand.
 */
export type RevocationRecord = Selectable<IdentityTables['identity_revocation']>;
export type RevocationPattern = Partial<Omit<RevocationRecord, 'id' | 'issued_before' | 'revoked_at' | 'expires_at'>>;

/** The token's side of the comparison. */
export interface RevocableToken {
  readonly auditIds: readonly string[];
  readonly userId: string;
  readonly trustorId?: string | null;
  readonly projectId: string | null;
  readonly domainIds: readonly string[];
  readonly trustId: string | null;
  readonly consumerId?: string | null;
  readonly accessTokenId: string | null;
  readonly roleIds: readonly string[];
  readonly issuedAtMs: number;
}

const revocations = recordStore('identity_revocation');

/** Tokens carry whole seconds: one of this very second can not be told from one before, so it ends too. */
export async function revoke(context: IdentityContext, trx: Writer, pattern: RevocationPattern): Promise<void> {
  const now = context.clock.nowMs();
  const second = new Date(Math.floor(now / 1000) * 1000);
  const keptMs = (context.settings.token_expiration_seconds + context.settings.allow_expired_window_seconds) * 1000;
  await sql`delete from identity_revocation where revoked_at < ${new Date(now - keptMs)}`.execute(trx);
  await revocations.insert(trx, { ...pattern, issued_before: second, revoked_at: new Date(now) });
}

export interface RevocationIndex {
  readonly all: readonly RevocationRecord[];
  readonly byAuditId: ReadonlyMap<string, readonly RevocationRecord[]>;
  readonly byUser: ReadonlyMap<string, readonly RevocationRecord[]>;
  /** Those of neither: of a whole project, domain, trust, role; few. */
  readonly others: readonly RevocationRecord[];
}

export async function readRevocations(db: Reader): Promise<RevocationIndex> {
  const all = await revocations.list<RevocationRecord>(db);
  const byAuditId = new Map<string, RevocationRecord[]>();
  const byUser = new Map<string, RevocationRecord[]>();
  const put = (map: Map<string, RevocationRecord[]>, key: string, event: RevocationRecord) => {
    const list = map.get(key);
    if (list) list.push(event);
    else map.set(key, [event]);
  };
  for (const event of all) {
    const audit = event.audit_id ?? event.audit_chain_id;
    if (audit !== null) put(byAuditId, audit, event);
    else if (event.user_id !== null) put(byUser, event.user_id, event);
  }
  const others = all.filter((event) => event.audit_id === null && event.audit_chain_id === null && event.user_id === null);
  return { all, byAuditId, byUser, others };
}

export function isRevoked(index: RevocationIndex, token: RevocableToken): boolean {
  if (index.all.length === 0) return false;
  const candidates = [
    ...token.auditIds.flatMap((id) => index.byAuditId.get(id) ?? []),
    ...[token.userId, token.trustorId ?? ''].flatMap((id) => index.byUser.get(id) ?? []),
    ...index.others,
  ];
  return candidates.some((event) => matches(event, token));
}

function matches(event: RevocationRecord, token: RevocableToken): boolean {
  const [auditId, chainId] = [token.auditIds[0], token.auditIds.at(-1)];
  const agree = (wanted: string | null, ...found: readonly (string | null | undefined)[]) => wanted === null || found.includes(wanted);
  return (
    token.issuedAtMs <= event.issued_before.getTime() &&
    agree(event.audit_id, auditId) &&
    agree(event.audit_chain_id, chainId) &&
    agree(event.user_id, token.userId, token.trustorId) &&
    agree(event.project_id, token.projectId) &&
    agree(event.domain_id, ...token.domainIds) &&
    agree(event.trust_id, token.trustId) &&
    agree(event.consumer_id, token.consumerId) &&
    agree(event.access_token_id, token.accessTokenId) &&
    agree(event.role_id, ...token.roleIds)
  );
}
