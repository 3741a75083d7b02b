import { badRequest, forbidden, unauthorized } from './identity-error.ts';
import type { IdentityContext } from './identity-context.ts';
import { METHODS_BY_NAME, type Method } from './authentication/methods.ts';
import { requireEnoughMethods, readReceipt } from './authentication/multi-factor.ts';
import type { Proof } from './authentication/proof.ts';
import { authRequest, type AuthRequest, type RequestedScope } from './authentication/request.ts';
import { findDomainBy, findProjectBy } from './authentication/user-reference.ts';
import { effectiveRoles, groupIdsOf } from './assignment-service.ts';
import { findUser } from './user-record.ts';
import { proveByAccessToken, type SignedCall } from './oauth1-service.ts';
import { issueToken, newAuditId } from './token-service.ts';
import type { ValidToken } from './token-record.ts';
import { METHODS, type TokenPayload } from './token/token-payload-codec.ts';
import { resolveScope } from './token/subject.ts';
import { useTrust } from './trust-service.ts';
import { noteActivity } from './user-service.ts';

/** From proofs to a token: which methods, whose, for what scope. Spec: Identity API v3, "Authentication and token management". */
export interface AuthenticateOptions {
  /** Of an earlier call whose methods were too few. */
  readonly receipt?: string | undefined;
  /** What the method `oauth1` checks: the call as it was signed. */
  readonly signedCall?: SignedCall | undefined;
}

/** @throws IdentityError 400, 401, 403 */
export async function authenticate(context: IdentityContext, body: unknown, options: AuthenticateOptions = {}): Promise<ValidToken> {
  const request = readRequest(body);
  const proof = await proveAll(context, request, options);
  return issueFor(context, proof, request.scope);
}

/** A token for what was proven, here or by an identity provider, in the asked scope. */
export async function issueFor(context: IdentityContext, proof: Proof, asked: AuthRequest['scope']): Promise<ValidToken> {
  const scope = await chooseScope(context, proof, asked);
  const trustId = typeof asked === 'object' ? asked['OS-TRUST:trust']?.id : undefined;
  const ends = context.clock.nowMs() + context.settings.token_expiration_seconds * 1000;
  const trust = trustId === undefined ? undefined : await useTrust(context, trustId, proof.userId);
  const payload: TokenPayload = {
    userId: trust?.userId ?? proof.userId,
    methods: METHODS.filter((method) => proof.methods.includes(method)),
    expiresAtMs: Math.floor(Math.min(ends, proof.expiresAtMs ?? ends, trust?.expiresAtMs ?? ends) / 1000) * 1000,
    auditIds: [newAuditId(), ...(proof.auditChainId === undefined ? [] : [proof.auditChainId])],
    scope: trust?.projectId == null ? scope : { kind: 'project', id: trust.projectId },
    ...(trustId === undefined ? {} : { trustId }),
    ...(proof.applicationCredentialId === undefined ? {} : { applicationCredentialId: proof.applicationCredentialId }),
    ...(proof.accessTokenId === undefined ? {} : { accessTokenId: proof.accessTokenId }),
    ...(proof.federated === undefined ? {} : { federated: proof.federated }),
  };
  const token = await issueToken(context, payload);
  await noteActivity(context, token.subject.user);
  return token;
}

function readRequest(body: unknown): AuthRequest {
  const result = authRequest.safeParse((body as { auth?: unknown } | null)?.auth);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  throw badRequest(`Invalid input for field '${['auth', ...issue.path].join('/')}': ${issue.message}.`);
}

async function proveAll(context: IdentityContext, request: AuthRequest, options: AuthenticateOptions): Promise<Proof> {
  const { methods } = request.identity;
  if (methods.length === 0) throw badRequest('Expecting to find a method in identity.');
  const earlier = options.receipt === undefined ? undefined : await readReceipt(context, options.receipt);
  let all: Proof | undefined = earlier;
  for (const name of new Set(methods)) {
    const method = name === 'oauth1' ? byAccessToken(options.signedCall) : METHODS_BY_NAME[name];
    if (method === undefined) throw unauthorized('Attempted to authenticate with an unsupported method.');
    if (request.identity[name] === undefined) throw badRequest(`Expecting to find ${name} in identity.`);
    const proof = await method(context, request.identity[name]);
    if (all !== undefined && all.userId !== proof.userId) throw unauthorized();
    all = { ...all, ...proof, methods: [...new Set([...(all?.methods ?? []), ...proof.methods])] };
  }
  await requireEnoughMethods(context, all!);
  return all!;
}

const byAccessToken =
  (call: SignedCall | undefined): Method =>
  (context) => {
    if (call === undefined) throw unauthorized('Expecting an OAuth Authorization header.');
    return proveByAccessToken(context, call);
  };

/** @throws IdentityError 401 for a scope that is not there: who has no right to it shall not learn whether it exists. */
async function chooseScope(context: IdentityContext, proof: Proof, asked: AuthRequest['scope']): Promise<TokenPayload['scope']> {
  if (proof.applicationCredentialId !== undefined || proof.accessTokenId !== undefined) {
    if (asked !== undefined && typeof asked === 'object' && asked.project?.id !== proof.projectId)
      throw unauthorized('An application credential can not request a scope: it has one.');
    return { kind: 'project', id: proof.projectId! };
  }
  if (asked === 'unscoped') return { kind: 'unscoped' };
  if (asked === undefined) return defaultScope(context, proof);
  const kinds = (['project', 'domain', 'system', 'OS-TRUST:trust', 'unscoped'] as const).filter((kind) => asked[kind] !== undefined);
  if (kinds.length !== 1)
    throw badRequest(`Expecting to find one of project, domain, system, OS-TRUST:trust or unscoped in scope, not ${kinds.length}.`);
  return readScope(context, proof, asked);
}

async function readScope(context: IdentityContext, proof: Proof, asked: RequestedScope): Promise<TokenPayload['scope']> {
  if (asked['OS-TRUST:trust'] !== undefined) {
    if (proof.federated !== undefined) throw forbidden('A federated user can not use a trust.');
    return { kind: 'unscoped' };
  }
  if (asked.system !== undefined) {
    if (!asked.system.all) throw badRequest('Expecting to find all: true in system.');
    return { kind: 'system' };
  }
  if (asked.domain !== undefined) {
    if (asked.domain.id === undefined && asked.domain.name === undefined) throw badRequest('Expecting to find id or name in domain.');
    const domain = await context.remember(`domain:${JSON.stringify(asked.domain)}`, () => findDomainBy(context.db, asked.domain));
    if (domain === undefined) throw unauthorized();
    return { kind: 'domain', id: domain.id };
  }
  const { project } = asked;
  if (project === undefined) return { kind: 'unscoped' };
  if (project.id === undefined && project.name === undefined) throw badRequest('Expecting to find id or name in project.');
  if (project.id === undefined && project.domain === undefined) throw badRequest('Expecting to find domain in project.');
  const found = await context.remember(`project:${JSON.stringify(project)}`, () => findProjectBy(context.db, project));
  if (found === undefined) throw unauthorized();
  return { kind: 'project', id: found.id };
}

/** The user's own project when they have a role there, else none; never an error. */
async function defaultScope(context: IdentityContext, proof: Proof): Promise<TokenPayload['scope']> {
  const projectId = proof.methods.includes('token') ? null : (await findUser(context.db, proof.userId))?.default_project_id;
  if (projectId == null) return { kind: 'unscoped' };
  const scope = await resolveScope(context, { kind: 'project', id: projectId }).catch(() => undefined);
  if (scope === undefined) return { kind: 'unscoped' };
  const groupIds = await groupIdsOf(context.db, proof.userId);
  const roles = await effectiveRoles(context.db, proof.userId, groupIds, scope);
  return roles.length === 0 ? { kind: 'unscoped' } : { kind: 'project', id: projectId };
}

export { MoreMethodsNeeded } from './authentication/multi-factor.ts';
