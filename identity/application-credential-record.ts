import { sql, type Selectable } from 'kysely';
import type { IdentityTables } from '../core/database/identity-tables.ts';
import type { Reader } from './identity-context.ts';
import { recordStore } from './store/record-store.ts';

export interface AccessRule {
  readonly id: string;
  readonly service: string;
  readonly path: string;
  readonly method: string;
}

/** A password of a program: what it may do is what its user gave it. The secret's hash stays in the service. */
export type ApplicationCredentialRecord = Omit<Selectable<IdentityTables['identity_application_credential']>, 'secret_hash'> & {
  readonly expires_text: string | null;
  readonly accessRules: readonly AccessRule[];
};

/** A time keeps the microseconds that its maker gave it, which a Date does not. */
export const applicationCredentials = recordStore(
  'identity_application_credential',
  [],
  sql`(
    select *, to_char(expires_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US') as expires_text from identity_application_credential
  ) as identity_application_credential`,
);
export const accessRules = recordStore('identity_access_rule');
export const credentialRules = recordStore('identity_application_credential_rule');

export async function rulesOf(db: Reader, credentialId: string): Promise<AccessRule[]> {
  const links = await credentialRules.list<{ access_rule_id: string }>(db, { application_credential_id: credentialId });
  if (links.length === 0) return [];
  return accessRules.list<AccessRule>(db, { id: links.map((link) => link.access_rule_id) });
}

export async function findApplicationCredential(
  db: Reader,
  where: Record<string, unknown>,
): Promise<ApplicationCredentialRecord | undefined> {
  const found = await applicationCredentials.find<
    Selectable<IdentityTables['identity_application_credential']> & { expires_text: string | null }
  >(db, where);
  if (found === undefined) return undefined;
  const { secret_hash: _hidden, ...record } = found;
  return { ...record, accessRules: await rulesOf(db, record.id) };
}
