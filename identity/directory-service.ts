import type { IdentityContext } from './identity-context.ts';
import type { UserRecord } from './user-record.ts';

/** A domain whose users are kept in an LDAP directory: found and checked there. Undefined when the user's domain has none. */
export async function authenticateInDirectory(
  _context: IdentityContext,
  _reference: { readonly id?: string | undefined; readonly name?: string | undefined },
  _password: string,
): Promise<UserRecord | undefined> {
  return undefined;
}
