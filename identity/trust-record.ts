import { sql, type Selectable } from 'kysely';
import type { IdentityTables } from '../core/database/identity-tables.ts';
import type { Reader } from './identity-context.ts';
import { recordStore } from './store/record-store.ts';

/** One user lets another act for them in a project, with some of their roles. */
export type TrustRecord = Selectable<IdentityTables['identity_trust']> & { readonly expires_text: string | null };

/** A time keeps the microseconds that its maker gave it, which a Date does not. */
export const trusts = recordStore(
  'identity_trust',
  ['extra'],
  sql`(select *, to_char(expires_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as expires_text from identity_trust) as identity_trust`,
);

/** Deleted trusts stay for the record of who delegated what, but are no longer there for anyone. */
export const findTrust = (db: Reader, id: string) => trusts.find<TrustRecord>(db, { id, deleted_at: null });

export const isTrustOver = (trust: TrustRecord, nowMs: number): boolean =>
  (trust.expires_at !== null && trust.expires_at.getTime() <= nowMs) || trust.remaining_uses === 0;
