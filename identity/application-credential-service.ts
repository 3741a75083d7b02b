import { randomBytes } from 'node:crypto';
import {
  accessRules,
  applicationCredentials,
  credentialRules,
  findApplicationCredential,
  type AccessRule,
  type ApplicationCredentialRecord,
} from './application-credential-record.ts';
import { badRequest, conflict, forbidden, notFound } from './identity-error.ts';
import { newId } from './identity-id.ts';
import type { IdentityContext, Reader, Writer } from './identity-context.ts';
import type { ExactTime } from './iso-time.ts';
import type { Selection } from './list-query-policy.ts';
import { hashPassword } from './password-hash.ts';
import { onForeignKey, onUnique } from './store/unique-violation.ts';

/** Passwords of programs, with no more than their user's roles in one project, and perhaps only for some calls. */
export interface ApplicationCredentialRequest {
  readonly name: string;
  readonly secret?: string | null | undefined;
  readonly description?: string | null | undefined;
  readonly expiresAt?: ExactTime | undefined;
  readonly unrestricted?: boolean | undefined;
  readonly roleIds: readonly string[];
  readonly access_rules?: readonly Partial<AccessRule>[] | undefined;
}

/** As long as Keystone's. */
const SECRET_BYTES = 64;

/** The secret is told once: only its hash stays. */
export async function createApplicationCredential(
  context: IdentityContext,
  owner: { readonly userId: string; readonly projectId: string },
  request: ApplicationCredentialRequest,
): Promise<{ record: ApplicationCredentialRecord; secret: string }> {
  const secret = request.secret ?? randomBytes(SECRET_BYTES).toString('base64url');
  const secretHash = await hashPassword(secret);
  if (request.expiresAt !== undefined && request.expiresAt.ms <= context.clock.nowMs())
    throw badRequest("The 'expires_at' must not be before now.");
  const id = newId();
  await context.write(async (trx) => {
    const row = {
      id,
      user_id: owner.userId,
      project_id: owner.projectId,
      name: request.name,
      secret_hash: secretHash,
      description: request.description ?? null,
      expires_at: request.expiresAt?.text ?? null,
      unrestricted: request.unrestricted ?? false,
      role_ids: [...request.roleIds],
    };
    await onUnique(applicationCredentials.insert(trx, row), () =>
      conflict('application_credential', `Duplicate entry found with name ${request.name}`),
    );
    for (const rule of request.access_rules ?? []) {
      const ruleId = await ruleIdFor(trx, owner.userId, rule);
      await credentialRules.insertOnce(trx, { application_credential_id: id, access_rule_id: ruleId });
    }
  });
  return { record: await mustFindApplicationCredential(context.db, id), secret };
}

/** By id, or the same rule made before, or a new one. */
async function ruleIdFor(trx: Writer, userId: string, rule: Partial<AccessRule>): Promise<string> {
  if (rule.id !== undefined && rule.service === undefined) {
    if ((await accessRules.find(trx, { id: rule.id, user_id: userId })) === undefined) throw notFound('Access Rule', rule.id);
    return rule.id;
  }
  const { service, path, method } = rule;
  if (service === undefined || path === undefined || method === undefined)
    throw badRequest('Invalid application credential: an access rule needs service, path and method, or an id.');
  await accessRules.insertOnce(trx, { id: newId(), user_id: userId, service, path, method });
  return (await accessRules.find<AccessRule>(trx, { user_id: userId, service, path, method }))!.id;
}

export async function mustFindApplicationCredential(db: Reader, id: string): Promise<ApplicationCredentialRecord> {
  const found = await findApplicationCredential(db, { id });
  if (found === undefined) throw notFound('Application Credential', id);
  return found;
}

export async function listApplicationCredentials(db: Reader, userId: string, selection: Selection): Promise<ApplicationCredentialRecord[]> {
  const rows = await applicationCredentials.list<{ id: string }>(db, { user_id: userId }, selection);
  return Promise.all(rows.map((row) => mustFindApplicationCredential(db, row.id)));
}

export async function deleteApplicationCredential(context: IdentityContext, id: string): Promise<void> {
  await context.write(async (trx) => {
    if ((await applicationCredentials.remove(trx, { id })) === 0) throw notFound('Application Credential', id);
  });
}

export const listAccessRules = (db: Reader, userId: string, selection: Selection) =>
  accessRules.list<AccessRule>(db, { user_id: userId }, selection);

export async function mustFindAccessRule(db: Reader, userId: string, id: string): Promise<AccessRule> {
  const found = await accessRules.find<AccessRule>(db, { id, user_id: userId });
  if (found === undefined) throw notFound('Access Rule', id);
  return found;
}

export async function deleteAccessRule(context: IdentityContext, userId: string, id: string): Promise<void> {
  await context.write(async (trx) => {
    await mustFindAccessRule(trx, userId, id);
    await onForeignKey(accessRules.remove(trx, { id }), () => forbidden(`The access rule ${id} is used by an application credential.`));
  });
}
