import { sql, type Selectable } from 'kysely';
import type { IdentityTables } from '../core/database/identity-tables.ts';
import { notFound } from './identity-error.ts';
import type { Reader } from './identity-context.ts';
import type { Selection } from './list-query-policy.ts';
import { recordStore } from './store/record-store.ts';

/** A user as the services see it: the password itself never leaves `password-service.ts`. */
export type UserRecord = Selectable<IdentityTables['identity_user']> & { readonly password_expires_at: Date | null };

export const users = recordStore('identity_user');

/** With when the password ends; the last row of a user is the password that counts. */
const readers = recordStore(
  'identity_user',
  [],
  sql`(
    select identity_user.*, password.expires_at as password_expires_at from identity_user
    left join lateral (select expires_at from identity_password where user_id = identity_user.id order by id desc limit 1) password on true
  ) as identity_user`,
);

export const findUser = (db: Reader, id: string) => readers.find<UserRecord>(db, { id });
export const findUserByName = (db: Reader, domainId: string, name: string) => readers.find<UserRecord>(db, { domain_id: domainId, name });
export const listUsers = (db: Reader, where: Record<string, unknown>, selection?: Selection) =>
  readers.list<UserRecord>(db, where, selection);

export async function mustFindUser(db: Reader, id: string): Promise<UserRecord> {
  const user = await findUser(db, id);
  if (user === undefined) throw notFound('user', id);
  return user;
}
