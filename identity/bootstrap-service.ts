import { SYSTEM_TARGET } from './assignment-service.ts';
import { DEFAULT_DOMAIN_ID, newId } from './identity-id.ts';
import type { IdentityContext, Writer } from './identity-context.ts';
import { hashPassword } from './password-hash.ts';
import { projects, type ProjectRecord } from './project-record.ts';
import { implications, roles, type RoleRecord } from './role-record.ts';
import { recordStore } from './store/record-store.ts';
import { findUserByName, users } from './user-record.ts';
import { sql } from 'kysely';

/** Each implies the next. */
const ROLE_CHAIN = ['admin', 'manager', 'member', 'reader'] as const;
const ADMINISTRATOR = 'admin';

/** What a cloud begins with: a domain, a project and a user `admin`, the default roles. Safe to call at every start. */
export async function bootstrapIdentity(
  context: IdentityContext,
  administrator: { readonly username: string; readonly password: string },
): Promise<void> {
  const { db } = context;
  if ((await findUserByName(db, DEFAULT_DOMAIN_ID, administrator.username)) !== undefined) return;
  const hash = await hashPassword(administrator.password);
  await context.write(async (trx) => {
    await sql`select pg_advisory_xact_lock(hashtext('identity-bootstrap'))`.execute(trx);
    if ((await findUserByName(trx, DEFAULT_DOMAIN_ID, administrator.username)) !== undefined) return;
    const description = 'The default domain';
    const none = { options: {}, extra: {} };
    await projects.insertOnce(trx, { id: DEFAULT_DOMAIN_ID, name: 'Default', is_domain: true, enabled: true, description, ...none });
    const projectId = await makeProject(trx);
    const adminRole = await makeRoles(trx);
    const userId = newId();
    // Nobody may lock the administrator out by guessing; the password is 144 random bits.
    const options = { ignore_lockout_failure_attempts: true };
    await users.insert(trx, { id: userId, domain_id: DEFAULT_DOMAIN_ID, name: administrator.username, enabled: true, options, extra: {} });
    await sql`insert into identity_password (user_id, hash) values (${userId}, ${hash})`.execute(trx);
    const grants = recordStore('identity_assignment');
    for (const target of [{ target_kind: 'project', target_id: projectId }, SYSTEM_TARGET])
      await grants.insertOnce(trx, { actor_kind: 'user', actor_id: userId, ...target, role_id: adminRole, inherited: false });
  });
}

async function makeProject(trx: Writer): Promise<string> {
  const where = { domain_id: DEFAULT_DOMAIN_ID, name: ADMINISTRATOR };
  const id = newId();
  const row = { ...where, id, is_domain: false, parent_id: DEFAULT_DOMAIN_ID, enabled: true, description: 'The first project', extra: {} };
  await projects.insertOnce(trx, row);
  return (await projects.find<ProjectRecord>(trx, where))!.id;
}

async function makeRoles(trx: Writer): Promise<string> {
  const ids: string[] = [];
  for (const name of [...ROLE_CHAIN, 'service']) {
    await roles.insertOnce(trx, { id: newId(), name, domain_id: null, description: null, options: {}, extra: {} });
    ids.push((await roles.find<RoleRecord>(trx, { name, domain_id: null }))!.id);
  }
  for (let at = 1; at < ROLE_CHAIN.length; at += 1)
    await implications.insertOnce(trx, { prior_role_id: ids[at - 1]!, implied_role_id: ids[at]! });
  return ids[0]!;
}
