import { sql } from 'kysely';
import { badRequest, unauthorized } from './identity-error.ts';
import type { IdentityContext, Reader, Writer } from './identity-context.ts';
import { hashPassword, verifyPassword } from './password-hash.ts';
import { revoke } from './revocation-service.ts';
import { mustFindUser, users, type UserRecord } from './user-record.ts';

/** Passwords: setting, checking, history, age, lockout. The hashes never leave this file. */
const DAY_MS = 86_400_000;
/** Longer ones are cut by no algorithm here, but hashing a megabyte is work for whoever sends it. */
const PASSWORD_CHARACTERS_MAX = 4096;
/** What an unknown user's password is compared with, so that the answer takes as long. Made once, of nothing. */
let nobody: Promise<string> | undefined;

interface PasswordRow {
  readonly id: number;
  readonly hash: string;
  readonly created_at: Date;
  readonly expires_at: Date | null;
  readonly self_service: boolean;
}

async function history(db: Reader, userId: string): Promise<PasswordRow[]> {
  const { rows } = await sql<PasswordRow>`
    select id, hash, created_at, expires_at, self_service from identity_password where user_id = ${userId} order by id desc`.execute(db);
  return rows;
}

const ignores = (user: UserRecord, option: string) => (user.options as Record<string, unknown>)[option] === true;

/** @throws IdentityError 400 when it is too long, or not as the operator asks. */
export function refuseWeakPassword(context: IdentityContext, password: string): void {
  if (password.length > PASSWORD_CHARACTERS_MAX)
    throw badRequest(`Password validation error: The password length must be less than or equal to ${PASSWORD_CHARACTERS_MAX}.`);
  const { password_regex: regex, password_regex_description: why } = context.settings;
  if (regex !== undefined && !new RegExp(regex).test(password))
    throw badRequest(`Password validation error: The password does not match the requirements: ${why ?? regex}.`);
}

/** Hashing takes tens of milliseconds: it is done before the transaction begins. */
export async function preparePassword(context: IdentityContext, password: string): Promise<string> {
  refuseWeakPassword(context, password);
  return hashPassword(password);
}

export async function storePassword(
  context: IdentityContext,
  trx: Writer,
  user: UserRecord,
  hash: string,
  selfService: boolean,
): Promise<void> {
  const { settings, clock } = context;
  const firstUse = settings.change_password_upon_first_use && !selfService && !ignores(user, 'ignore_change_password_upon_first_use');
  const days = ignores(user, 'ignore_password_expiry') ? 0 : settings.password_expires_days;
  const expires = firstUse ? clock.nowMs() : days > 0 ? clock.nowMs() + days * DAY_MS : undefined;
  await sql`
    insert into identity_password (user_id, hash, created_at, expires_at, self_service)
    values (${user.id}, ${hash}, ${new Date(clock.nowMs())}, ${expires === undefined ? null : new Date(expires)}, ${selfService})`.execute(
    trx,
  );
  const kept = Math.max(1, settings.unique_last_password_count);
  await sql`
    delete from identity_password where user_id = ${user.id}
      and id not in (select id from identity_password where user_id = ${user.id} order by id desc limit ${kept})`.execute(trx);
  await sql`update identity_user set failed_logins = 0, failed_login_at = null where id = ${user.id}`.execute(trx);
}

/** A user changes their own, knowing the old one. @throws IdentityError 400, 401 */
export async function changePassword(context: IdentityContext, userId: string, original: string, password: string): Promise<void> {
  const user = await mustFindUser(context.db, userId).catch(() => {
    throw unauthorized();
  });
  await verifyUserPassword(context, user, original, { expiredIsFine: true });
  if (ignores(user, 'lock_password'))
    throw badRequest(
      'Password validation error: You cannot change your password at this time due to password policy disallowing password changes.',
    );
  refuseWeakPassword(context, password);
  await refuseReuse(context, user, password);
  const hash = await hashPassword(password);
  await context.write(async (trx) => {
    await storePassword(context, trx, user, hash, true);
    await revoke(context, trx, { user_id: userId });
  });
}

async function refuseReuse(context: IdentityContext, user: UserRecord, password: string): Promise<void> {
  const { settings, clock } = context;
  const past = await history(context.db, user.id);
  const age = clock.nowMs() - (past[0]?.created_at.getTime() ?? 0);
  const firstUse = past[0] !== undefined && past[0].expires_at !== null && past[0].expires_at.getTime() <= clock.nowMs();
  if (settings.minimum_password_age_days > 0 && age < settings.minimum_password_age_days * DAY_MS && past[0]?.self_service && !firstUse)
    throw badRequest(
      `Password validation error: You cannot change your password at this time. It must be ${settings.minimum_password_age_days} day(s) old.`,
    );
  for (const { hash } of past.slice(0, settings.unique_last_password_count)) {
    if (await verifyPassword(password, hash))
      throw badRequest(
        `Password validation error: The new password cannot be identical to a previous password. The total number which includes the new password must be unique is ${settings.unique_last_password_count}.`,
      );
  }
}

/**
 * Right, not locked out, not expired: else 401. A user of nothing takes as long as one of the cloud.
 * @throws IdentityError 401
 */
export async function verifyUserPassword(
  context: IdentityContext,
  user: UserRecord | undefined,
  password: string,
  options: { readonly expiredIsFine?: boolean } = {},
): Promise<void> {
  const current = user === undefined ? undefined : (await history(context.db, user.id))[0];
  // A paused user is told nothing and takes as long, too: who guesses shall not learn who there is (CVE-2021-38155).
  if (user === undefined || current === undefined || isLockedOut(context, user)) {
    await verifyPassword(password, await (nobody ??= hashPassword('')));
    throw unauthorized();
  }
  if (password.length > PASSWORD_CHARACTERS_MAX || !(await verifyPassword(password, current.hash))) {
    await countFailure(context, user);
    throw unauthorized();
  }
  if (user.failed_logins > 0) await users.update(context.db, { id: user.id }, { failed_logins: 0, failed_login_at: null });
  if (!options.expiredIsFine && current.expires_at !== null && current.expires_at.getTime() <= context.clock.nowMs())
    throw unauthorized(`The password is expired and needs to be changed for user: ${user.id}.`);
}

function isLockedOut(context: IdentityContext, user: UserRecord): boolean {
  const { lockout_failure_attempts: attempts, lockout_duration_seconds: seconds } = context.settings;
  if (attempts === 0 || user.failed_logins < attempts || ignores(user, 'ignore_lockout_failure_attempts')) return false;
  return user.failed_login_at !== null && context.clock.nowMs() < user.failed_login_at.getTime() + seconds * 1000;
}

async function countFailure(context: IdentityContext, user: UserRecord): Promise<void> {
  const { lockout_failure_attempts: attempts, lockout_duration_seconds: seconds } = context.settings;
  if (attempts === 0 || ignores(user, 'ignore_lockout_failure_attempts')) return;
  const lapsed = new Date(context.clock.nowMs() - seconds * 1000);
  // Not by `write`: a wrong password changes nobody's rights, and must not make every process forget what it knows.
  // A pause that is over starts the count anew.
  await sql`
    update identity_user set failed_login_at = ${new Date(context.clock.nowMs())}, failed_logins =
      case when failed_logins >= ${attempts} and failed_login_at <= ${lapsed} then 1 else failed_logins + 1 end
    where id = ${user.id}`.execute(context.db);
}
