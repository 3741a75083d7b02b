import { randomBytes } from 'node:crypto';
import type { Actor } from '../core/base/actor.ts';
import { isMalformed } from '../core/base/malformed.ts';
import { readCatalog } from './catalog-service.ts';
import { notFound } from './identity-error.ts';
import type { IdentityContext } from './identity-context.ts';
import { isRevoked, readRevocations, revoke, type RevocableToken } from './revocation-service.ts';
import { readTokenKeys } from './token-key-service.ts';
import type { TokenSubject, ValidToken } from './token-record.ts';
import { openFernet, sealFernet } from './token/fernet-codec.ts';
import { resolveSubject } from './token/subject.ts';
import { packPayload, unpackPayload, type TokenPayload } from './token/token-payload-codec.ts';
import { tokenView } from './token/token-view.ts';

/*
 * Tokens: signed statements, stored nowhere. A check of one that was seen before reads no table: whatever could have
 * changed the answer makes this process forget it (`identity-context.ts`).
 */
const IV_BYTES = 16;
/** An audit id is 16 bytes; Keystone cuts the padding, so do we. */
const AUDIT_ID_BYTES = 16;

export const newAuditId = (): string => randomBytes(AUDIT_ID_BYTES).toString('base64url');

/** Makes a token for what was proven. @throws IdentityError 401 when the scope is not the user's. */
export async function issueToken(context: IdentityContext, payload: TokenPayload): Promise<ValidToken> {
  const subject = await subjectOf(context, payload);
  const issuedAtMs = Math.floor(context.clock.nowMs() / 1000) * 1000;
  const keys = await context.remember('token-keys', () => readTokenKeys(context));
  const text = sealFernet(keys.signing, { seconds: issuedAtMs / 1000, message: packPayload(payload) }, randomBytes(IV_BYTES));
  return describe(context, text, payload, issuedAtMs, subject);
}

const subjectOf = (context: IdentityContext, payload: TokenPayload): TokenSubject | Promise<TokenSubject> =>
  context.remember(subjectKey(payload), () => resolveSubject(context, payload));

/** Tokens of one user, scope and proof share the rows behind them. */
const subjectKey = ({ userId, scope, trustId, accessTokenId, applicationCredentialId, federated }: TokenPayload) =>
  `subject:${JSON.stringify([userId, scope, trustId, accessTokenId, applicationCredentialId, federated])}`;

export interface CheckOptions {
  /** A service may finish with an expired token what began in time. */
  readonly allowExpired?: boolean;
}

/** @throws IdentityError 404 when it is forged, expired, revoked, or its subject is no longer what it says. */
export async function checkToken(context: IdentityContext, text: string, options: CheckOptions = {}): Promise<ValidToken> {
  const known = context.remember(`token:${text}`, () => open(context, text));
  const token = known instanceof Promise ? await known : known;
  const windowMs = options.allowExpired ? context.settings.allow_expired_window_seconds * 1000 : 0;
  if (token.payload.expiresAtMs + windowMs <= context.clock.nowMs()) throw tokenNotFound();
  return token;
}

/** The token itself is a secret: it is not repeated. */
const tokenNotFound = () => notFound('token', 'it is invalid, expired or revoked');

/** Throws for one that is none: only good ones are remembered, or made-up ones would fill the memory. */
async function open(context: IdentityContext, text: string): Promise<ValidToken> {
  const keys = await context.remember('token-keys', () => readTokenKeys(context));
  const content = openFernet(keys.opening, text);
  if (isMalformed(content)) throw tokenNotFound();
  const payload = unpackPayload(content.message);
  if (isMalformed(payload)) throw tokenNotFound();
  const subject = await Promise.resolve(subjectOf(context, payload)).catch((error: { status?: number }) => {
    throw error.status === 401 ? tokenNotFound() : error;
  });
  const token = describe(context, text, payload, content.seconds * 1000, subject);
  const events = await context.remember('revocations', () => readRevocations(context.db));
  if (isRevoked(events, revocable(token))) throw tokenNotFound();
  return token;
}

function describe(context: IdentityContext, text: string, payload: TokenPayload, issuedAtMs: number, subject: TokenSubject): ValidToken {
  const bodies: { [withCatalog: string]: Promise<string> } = {};
  const token = { text, payload, issuedAtMs, subject, actor: actorOf(subject) };
  const render = async (withCatalog: boolean) => {
    const projectId = subject.scope.kind === 'project' ? subject.scope.project.id : null;
    const owner = subject.trust?.trustor_user_id ?? subject.user.id;
    const catalog = withCatalog
      ? await context.remember(`catalog:${owner}:${projectId ?? ''}`, () => readCatalog(context, owner, projectId))
      : undefined;
    return JSON.stringify(await tokenView(context, token, catalog));
  };
  const body = (withCatalog: boolean) => {
    const rendered = (bodies[String(withCatalog)] ??= render(withCatalog));
    // A database that was away for a moment must not be remembered.
    rendered.catch(() => delete bodies[String(withCatalog)]);
    return rendered;
  };
  return { ...token, body };
}

function actorOf({ user, scope, roles }: TokenSubject): Actor {
  return {
    userId: user.id,
    userName: user.name,
    userDomainId: user.domain_id,
    projectId: scope.kind === 'project' ? scope.project.id : null,
    projectDomainId: scope.kind === 'project' ? scope.domain.id : null,
    domainId: scope.kind === 'domain' ? scope.domain.id : null,
    systemScope: scope.kind === 'system',
    roles: roles.map((role) => role.name),
  };
}

function revocable({ payload, subject, issuedAtMs }: Pick<ValidToken, 'payload' | 'subject' | 'issuedAtMs'>): RevocableToken {
  const { scope, trust, user } = subject;
  const scopeDomain = scope.kind === 'project' || scope.kind === 'domain' ? [scope.domain.id] : [];
  return {
    auditIds: payload.auditIds,
    userId: payload.userId,
    trustorId: trust?.trustor_user_id ?? null,
    projectId: scope.kind === 'project' ? scope.project.id : null,
    domainIds: [user.domain_id, ...scopeDomain],
    trustId: payload.trustId ?? null,
    consumerId: subject.accessToken?.consumer_id ?? null,
    accessTokenId: payload.accessTokenId ?? null,
    roleIds: subject.roles.map((role) => role.id),
    issuedAtMs,
  };
}

/** Only this one: tokens made from it live on, as in Keystone. */
export async function revokeToken(context: IdentityContext, token: ValidToken): Promise<void> {
  await context.write((trx) => revoke(context, trx, { audit_id: token.payload.auditIds[0] ?? null }));
}
