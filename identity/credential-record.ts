import type { Selectable } from 'kysely';
import type { IdentityTables } from '../core/database/identity-tables.ts';
import type { IdentityContext } from './identity-context.ts';
import type { Selection } from './list-query-policy.ts';
import { recordStore } from './store/record-store.ts';

/** A secret that a user keeps here: an EC2 key pair, a TOTP seed, a certificate. Opened only when it is asked for. */
export type CredentialRecord = Omit<Selectable<IdentityTables['identity_credential']>, 'sealed_blob' | 'access_hash'> & {
  readonly blob: string;
};

export const credentials = recordStore('identity_credential');

export async function readSealedCredentials(
  context: IdentityContext,
  where: Record<string, unknown>,
  selection?: Selection,
): Promise<CredentialRecord[]> {
  const rows = await credentials.list<Selectable<IdentityTables['identity_credential']>>(context.db, where, selection);
  return rows.map(({ sealed_blob: sealed, access_hash: _hash, ...row }) => ({ ...row, blob: context.sealer.open(sealed) }));
}
