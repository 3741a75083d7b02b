import { sql } from 'kysely';
import { dropDanglingAssignments } from './assignment-service.ts';
import { refuseDirectoryChange } from './directory-service.ts';
import { mergeExtra } from './extra-policy.ts';
import { badRequest, conflict } from './identity-error.ts';
import { DEFAULT_DOMAIN_ID, newId } from './identity-id.ts';
import type { IdentityContext, Reader, Writer } from './identity-context.ts';
import { preparePassword, storePassword } from './password-service.ts';
import { findDomain, findProject } from './project-record.ts';
import { mergeOptions } from './project-service.ts';
import { revoke } from './revocation-service.ts';
import { recordStore } from './store/record-store.ts';
import { onUnique } from './store/unique-violation.ts';
import { mustFindUser, users, type UserRecord } from './user-record.ts';

/** Users: people, services, and the shadows of those whom a directory or an identity provider knows. */
export interface UserRequest {
  readonly name?: string | undefined;
  readonly domain_id?: string | undefined;
  readonly default_project_id?: string | null | undefined;
  readonly password?: string | null | undefined;
  readonly enabled?: boolean | undefined;
  readonly description?: string | null | undefined;
  readonly options?: Record<string, unknown> | undefined;
  readonly federated?: readonly FederatedIdentity[] | undefined;
  readonly [extra: string]: unknown;
}

export interface FederatedIdentity {
  readonly idp_id: string;
  readonly protocols: readonly { readonly protocol_id: string; readonly unique_id: string }[];
}

const OWN = ['id', 'name', 'domain_id', 'default_project_id', 'password', 'enabled', 'description', 'options', 'federated', 'links'];
const NEVER_STORED = ['original_password', 'password_expires_at'];
const nameExists = (name: string) => () => conflict('user', `Duplicate entry found with name ${name}`);

const federated = recordStore('identity_federated_user');

export async function createUser(context: IdentityContext, request: UserRequest, id: string = newId()): Promise<UserRecord> {
  const hash = request.password == null ? undefined : await preparePassword(context, request.password);
  await refuseDirectoryChange(context, request.domain_id ?? DEFAULT_DOMAIN_ID);
  return context.write(async (trx) => {
    const domainId = request.domain_id ?? DEFAULT_DOMAIN_ID;
    if ((await findDomain(trx, domainId)) === undefined) throw badRequest(`Could not find domain: ${domainId}.`);
    await refuseDomainAsDefaultProject(trx, request);
    const row = {
      id,
      domain_id: domainId,
      name: request.name!,
      enabled: request.enabled ?? true,
      default_project_id: request.default_project_id ?? null,
      description: request.description ?? null,
      options: mergeOptions({}, request.options ?? {}),
      extra: mergeExtra({}, request, [...OWN, ...NEVER_STORED]),
    };
    await onUnique(users.insert(trx, row), nameExists(row.name));
    const user = await mustFindUser(trx, id);
    if (hash !== undefined) await storePassword(context, trx, user, hash, false);
    if (request.federated) await linkFederated(trx, id, request.federated);
    return mustFindUser(trx, id);
  });
}

async function refuseDomainAsDefaultProject(db: Reader, request: UserRequest): Promise<void> {
  if (request.default_project_id == null) return;
  if ((await findProject(db, request.default_project_id))?.is_domain)
    throw badRequest(`User's default project ID cannot be a domain ID: ${request.default_project_id}`);
}

async function linkFederated(trx: Writer, userId: string, identities: readonly FederatedIdentity[]): Promise<void> {
  await federated.remove(trx, { user_id: userId });
  for (const { idp_id: provider, protocols } of identities) {
    for (const { protocol_id: protocol, unique_id: uniqueId } of protocols) {
      const row = { provider_id: provider, protocol_id: protocol, unique_id: uniqueId, user_id: userId, display_name: null };
      if ((await recordStore('identity_provider').find(trx, { id: provider })) === undefined)
        throw badRequest(`Could not find Identity Provider: ${provider}.`);
      await onUnique(federated.insert(trx, row), () => conflict('federated user', `${uniqueId} is linked already`));
    }
  }
}

export async function federatedOf(db: Reader, userId: string): Promise<FederatedIdentity[]> {
  const rows = await federated.list<{ provider_id: string; protocol_id: string; unique_id: string }>(db, { user_id: userId });
  return [...new Set(rows.map((row) => row.provider_id))].map((provider) => ({
    idp_id: provider,
    protocols: rows
      .filter((row) => row.provider_id === provider)
      .map((row) => ({ protocol_id: row.protocol_id, unique_id: row.unique_id })),
  }));
}

export async function updateUser(context: IdentityContext, id: string, request: UserRequest): Promise<UserRecord> {
  const hash = request.password == null ? undefined : await preparePassword(context, request.password);
  return context.write(async (trx) => {
    const before = await mustFindUser(trx, id);
    if (before.external_id !== null) await refuseDirectoryChange(context, before.domain_id);
    if (request.domain_id !== undefined && request.domain_id !== before.domain_id) throw badRequest('Cannot change Domain ID');
    await refuseDomainAsDefaultProject(trx, request);
    const change = {
      name: request.name,
      enabled: request.enabled,
      default_project_id: request.default_project_id,
      description: request.description,
      options: request.options === undefined ? undefined : mergeOptions(before.options, request.options),
      extra: mergeExtra(before.extra, request, [...OWN, ...NEVER_STORED]),
      // Enabled again by hand: the days without a login start anew.
      last_active_on: request.enabled === true ? new Date(context.clock.nowMs()).toISOString().slice(0, 10) : undefined,
    };
    await onUnique(users.update(trx, { id }, change), nameExists(request.name ?? before.name));
    if (request.federated) await linkFederated(trx, id, request.federated);
    const user = await mustFindUser(trx, id);
    if (hash !== undefined) await storePassword(context, trx, user, hash, false);
    if (hash !== undefined || request.enabled === false) await revoke(context, trx, { user_id: id });
    return mustFindUser(trx, id);
  });
}

export async function deleteUser(context: IdentityContext, id: string): Promise<void> {
  await context.write(async (trx) => {
    const user = await mustFindUser(trx, id);
    if (user.external_id !== null) await refuseDirectoryChange(context, user.domain_id);
    await users.remove(trx, { id });
    await sql`delete from identity_credential where user_id = ${id}`.execute(trx);
    await dropDanglingAssignments(trx);
    await revoke(context, trx, { user_id: id });
  });
}

/** Disabled by hand, by its domain, or by not having been used for as long as the operator allows. */
export function isUserEnabled(context: IdentityContext, user: UserRecord): boolean {
  const days = context.settings.disable_user_account_days_inactive;
  if (!user.enabled) return false;
  if (days === 0 || (user.options as Record<string, unknown>)['ignore_user_inactivity'] === true) return true;
  const since = user.last_active_on === null ? user.created_at.getTime() : Date.parse(user.last_active_on);
  return context.clock.nowMs() - since < days * 86_400_000;
}

/** Once a day at most: a login must not be a write. */
export async function noteActivity(context: IdentityContext, user: UserRecord): Promise<void> {
  const today = new Date(context.clock.nowMs()).toISOString().slice(0, 10);
  if (context.settings.disable_user_account_days_inactive === 0 || user.last_active_on === today) return;
  await users.update(context.db, { id: user.id }, { last_active_on: today });
}

export async function federatedUserIds(db: Reader, where: Readonly<Record<string, unknown>>): Promise<string[]> {
  return (await federated.list<{ user_id: string }>(db, { ...where })).map((row) => row.user_id);
}
