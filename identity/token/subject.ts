import { effectiveRoles, groupIdsOf, type Scope } from '../assignment-service.ts';
import { findApplicationCredential } from '../application-credential-record.ts';
import { unauthorized } from '../identity-error.ts';
import type { IdentityContext } from '../identity-context.ts';
import { findDomain, findProject } from '../project-record.ts';
import { readRoleTree, withImplied, type RoleRecord } from '../role-record.ts';
import { recordStore } from '../store/record-store.ts';
import type { TokenSubject } from '../token-record.ts';
import { findTrust, isTrustOver, type TrustRecord } from '../trust-record.ts';
import { findUser, type UserRecord } from '../user-record.ts';
import { isUserEnabled } from '../user-service.ts';
import type { TokenPayload } from './token-payload-codec.ts';

/*
 * From a payload to the rows behind it. Everything that ends a token without an event is seen here: a user, domain or
 * project that is gone or disabled, a role that was taken away, a trust or credential that is over.
 */
const gone = (what: string) => unauthorized(`The request you have made requires authentication: ${what}.`);

export async function resolveSubject(context: IdentityContext, payload: TokenPayload): Promise<TokenSubject> {
  const { db } = context;
  const bearer = await activeUser(context, payload.userId);
  const scope = await resolveScope(context, payload.scope);
  const groupIds = [...(await groupIdsOf(db, bearer.id)), ...(payload.federated?.groupIds ?? [])];
  if (payload.trustId !== undefined) return trustSubject(context, bearer, scope, payload.trustId);
  const roles = payload.scope.kind === 'unscoped' ? [] : await effectiveRoles(db, bearer.id, groupIds, scope);
  const subject = { user: bearer, userDomain: await domainOf(context, bearer), scope };
  if (payload.applicationCredentialId !== undefined) {
    const credential = await findApplicationCredential(db, { id: payload.applicationCredentialId, user_id: bearer.id });
    if (credential === undefined || (credential.expires_at !== null && credential.expires_at.getTime() <= context.clock.nowMs()))
      throw gone('the application credential is no longer valid');
    return {
      ...subject,
      roles: mustHaveRoles(roles.filter((role) => impliedBy(credential.role_ids, role))),
      applicationCredential: credential,
    };
  }
  if (payload.accessTokenId !== undefined) {
    const stored = await recordStore('identity_access_token').find<{ id: string; consumer_id: string; role_ids: string[] }>(db, {
      id: payload.accessTokenId,
    });
    if (stored === undefined) throw gone('the access token is no longer valid');
    const { id, consumer_id } = stored;
    return {
      ...subject,
      roles: mustHaveRoles(roles.filter((role) => stored.role_ids.includes(role.id))),
      accessToken: { id, consumer_id },
    };
  }
  return { ...subject, roles: scope.kind === 'unscoped' ? [] : mustHaveRoles(roles) };
}

const impliedBy = (ids: readonly string[], role: RoleRecord) => ids.includes(role.id);

function mustHaveRoles(roles: readonly RoleRecord[]): readonly RoleRecord[] {
  if (roles.length === 0) throw gone('there is no role in that scope');
  return roles;
}

export async function activeUser(context: IdentityContext, id: string): Promise<UserRecord> {
  const user = await findUser(context.db, id);
  if (user === undefined) throw gone('there is no such user');
  if (!isUserEnabled(context, user)) throw unauthorized(`The account is disabled for user: ${id}.`);
  await domainOf(context, user);
  return user;
}

async function domainOf(context: IdentityContext, user: UserRecord) {
  const domain = await findDomain(context.db, user.domain_id);
  if (domain === undefined || !domain.enabled) throw gone('the domain of the user is disabled');
  return domain;
}

/** @throws IdentityError 401 when it is gone or disabled. */
export async function resolveScope(context: IdentityContext, scope: TokenPayload['scope']): Promise<Scope> {
  if (scope.kind === 'unscoped' || scope.kind === 'system') return scope;
  if (scope.kind === 'domain') {
    const domain = await findDomain(context.db, scope.id);
    if (domain === undefined || !domain.enabled) throw gone('the domain is disabled or not there');
    return { kind: 'domain', domain };
  }
  const project = await findProject(context.db, scope.id);
  const domain = project === undefined ? undefined : project.is_domain ? project : await findDomain(context.db, project.domain_id!);
  if (project === undefined || domain === undefined || !project.enabled || !domain.enabled)
    throw gone('the project is disabled or not there');
  return { kind: 'project', project, domain };
}

/** The trustee's token: as the trustor when the trust impersonates; never with more than the trustor has now. */
async function trustSubject(context: IdentityContext, bearer: UserRecord, scope: Scope, trustId: string): Promise<TokenSubject> {
  const { db, clock } = context;
  const trust = await findTrust(db, trustId);
  if (trust === undefined || isExpired(trust, clock.nowMs())) throw gone('the trust is no longer valid');
  const [trustor, trustee] = [await activeUser(context, trust.trustor_user_id), await activeUser(context, trust.trustee_user_id)];
  if (bearer.id !== trustor.id && bearer.id !== trustee.id) throw gone('the trust is between others');
  const held = await effectiveRoles(db, trustor.id, await groupIdsOf(db, trustor.id), scope);
  const tree = await readRoleTree(db);
  const given = withImplied(tree, trust.role_ids);
  if (!trust.role_ids.every((id) => held.some((role) => role.id === id))) throw gone('the trustor no longer has the roles');
  const user = trust.impersonation ? trustor : trustee;
  return {
    user,
    userDomain: await domainOf(context, user),
    scope,
    roles: mustHaveRoles(held.filter((role) => given.includes(role.id))),
    trust,
  };
}

/** Its uses count when a token is made from it; a token made from the last use lives on. */
const isExpired = (trust: TrustRecord, nowMs: number) => isTrustOver({ ...trust, remaining_uses: null }, nowMs);
