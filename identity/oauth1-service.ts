import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Selectable } from 'kysely';
import type { IdentityTables } from '../core/database/identity-tables.ts';
import { effectiveRoles, groupIdsOf } from './assignment-service.ts';
import type { Proof } from './authentication/proof.ts';
import { forbidden, IdentityError, notFound, unauthorized } from './identity-error.ts';
import { newId } from './identity-id.ts';
import type { IdentityContext, Reader } from './identity-context.ts';
import { mustFindProject } from './project-record.ts';
import { consumerKind } from './record-kinds.ts';
import { mustFindRecord } from './record-service.ts';
import { revoke } from './revocation-service.ts';
import { recordStore } from './store/record-store.ts';
import { resolveScope } from './token/subject.ts';

/*
 * OAuth 1.0a (RFC 5849) as Keystone has it: a consumer asks for a project, a user allows it some of their roles there, the
 * consumer turns that into an access token and signs in with it. Signatures are HMAC-SHA1 or HMAC-SHA256.
 */
export type RequestTokenRecord = Selectable<IdentityTables['identity_request_token']>;
export type AccessTokenRecord = Selectable<IdentityTables['identity_access_token']>;

export interface SignedCall {
  readonly method: string;
  /** Without query. */
  readonly url: string;
  readonly query: Readonly<Record<string, string>>;
  /** Of the `Authorization: OAuth` header. */
  readonly oauth: Readonly<Record<string, string>>;
}

const requestTokens = recordStore('identity_request_token');
const accessTokens = recordStore('identity_access_token');
/** A clock may be wrong by this much. */
const TIMESTAMP_MS_MAX = 600_000;

const encode = (text: string) => encodeURIComponent(text).replace(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`);

/** RFC 5849 section 3.6; undefined when the header is not OAuth's. */
export function readOauthHeader(header: string | undefined): Record<string, string> | undefined {
  const match = /^OAuth\s+(.*)$/is.exec(header ?? '');
  if (!match) return undefined;
  const pairs = [...match[1]!.matchAll(/([A-Za-z_%0-9]+)="([^"]*)"/g)].map(([, name, value]) => {
    try {
      return [decodeURIComponent(name!), decodeURIComponent(value!)] as const;
    } catch {
      return [name!, value!] as const;
    }
  });
  return Object.fromEntries(pairs);
}

function verify(context: IdentityContext, call: SignedCall, consumerSecret: string, tokenSecret: string): void {
  const { oauth_signature: given = '', realm: _realm, ...oauth } = call.oauth;
  const seconds = Number(oauth['oauth_timestamp']);
  if (!Number.isInteger(seconds) || Math.abs(seconds * 1000 - context.clock.nowMs()) > TIMESTAMP_MS_MAX)
    throw unauthorized('Invalid timestamp');
  const algorithm = { 'HMAC-SHA1': 'sha1', 'HMAC-SHA256': 'sha256' }[oauth['oauth_signature_method'] ?? ''];
  if (algorithm === undefined) throw unauthorized('The signature method is not supported: HMAC-SHA1 and HMAC-SHA256 are.');
  const pairs = [...Object.entries(oauth), ...Object.entries(call.query)]
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .toSorted();
  const text = [call.method.toUpperCase(), encode(call.url), encode(pairs.join('&'))].join('&');
  const wanted = createHmac(algorithm, `${encode(consumerSecret)}&${encode(tokenSecret)}`)
    .update(text)
    .digest();
  const received = Buffer.from(given, 'base64');
  if (received.length !== wanted.length || !timingSafeEqual(received, wanted)) throw unauthorized('Invalid signature');
}

const secretOf = async (db: Reader, consumerId: string) => String((await mustFindRecord(db, consumerKind, consumerId))['secret']);
const isOver = (context: IdentityContext, expires: Date | null) => expires !== null && expires.getTime() <= context.clock.nowMs();
const endIn = (context: IdentityContext, seconds: number) => (seconds === 0 ? null : new Date(context.clock.nowMs() + seconds * 1000));

/** @throws IdentityError 400, 401, 404 */
export async function createRequestToken(context: IdentityContext, call: SignedCall, projectId: string): Promise<RequestTokenRecord> {
  const consumerId = call.oauth['oauth_consumer_key']!;
  await mustFindProject(context.db, projectId);
  verify(context, call, await secretOf(context.db, consumerId), '');
  const id = newId();
  const row = { id, secret: randomBytes(16).toString('hex'), consumer_id: consumerId, project_id: projectId, role_ids: [] };
  await context.write((trx) =>
    requestTokens.insert(trx, { ...row, expires_at: endIn(context, context.settings.oauth1_request_token_seconds) }),
  );
  return mustFindRequestToken(context.db, id);
}

export async function mustFindRequestToken(db: Reader, id: string): Promise<RequestTokenRecord> {
  const found = await requestTokens.find<RequestTokenRecord>(db, { id });
  if (found === undefined) throw new IdentityError(404, `Request token not found: ${id}.`);
  return found;
}

/** A user allows it some of their roles; the verifier proves that to the consumer. @throws IdentityError 401 */
export async function authorizeRequestToken(
  context: IdentityContext,
  id: string,
  userId: string,
  roleIds: readonly string[],
): Promise<string> {
  const token = await mustFindRequestToken(context.db, id);
  if (isOver(context, token.expires_at)) throw unauthorized('Request token is expired');
  const scope = await resolveScope(context, { kind: 'project', id: token.project_id });
  const held = await effectiveRoles(context.db, userId, await groupIdsOf(context.db, userId), scope);
  if (!roleIds.every((roleId) => held.some((role) => role.id === roleId)))
    throw unauthorized('authorizing user does not have role required');
  const verifier = randomBytes(6).toString('base64url');
  await context.write((trx) => requestTokens.update(trx, { id }, { authorizing_user_id: userId, role_ids: [...roleIds], verifier }));
  return verifier;
}

/** Used once: the request token is gone. @throws IdentityError 401 */
export async function createAccessToken(context: IdentityContext, call: SignedCall): Promise<AccessTokenRecord> {
  const { oauth_consumer_key: consumerId, oauth_token: requestId, oauth_verifier: verifier } = call.oauth;
  const request = await mustFindRequestToken(context.db, requestId!);
  if (isOver(context, request.expires_at)) throw unauthorized('Request token is expired');
  if (request.consumer_id !== consumerId) throw unauthorized('Provided consumer key does not match stored consumer key.');
  verify(context, call, await secretOf(context.db, consumerId), request.secret);
  if (request.authorizing_user_id === null) throw unauthorized('Request Token does not have an authorizing user id.');
  if (request.verifier !== verifier) throw unauthorized('Provided verifier does not match stored verifier');
  const id = newId();
  await context.write(async (trx) => {
    if ((await requestTokens.remove(trx, { id: request.id })) === 0) throw unauthorized('Request token is used');
    const { consumer_id, project_id, authorizing_user_id, role_ids } = request;
    const expires_at = endIn(context, context.settings.oauth1_access_token_seconds);
    await accessTokens.insert(trx, {
      id,
      secret: randomBytes(16).toString('hex'),
      consumer_id,
      project_id,
      authorizing_user_id,
      role_ids,
      expires_at,
    });
  });
  return mustFindAccessToken(context.db, id);
}

export async function mustFindAccessToken(db: Reader, id: string): Promise<AccessTokenRecord> {
  const found = await accessTokens.find<AccessTokenRecord>(db, { id });
  if (found === undefined) throw notFound('Access Token', id);
  return found;
}

export const listAccessTokens = (db: Reader, userId: string) => accessTokens.list<AccessTokenRecord>(db, { authorizing_user_id: userId });

export async function deleteAccessToken(context: IdentityContext, id: string): Promise<void> {
  await context.write(async (trx) => {
    const token = await mustFindAccessToken(trx, id);
    await accessTokens.remove(trx, { id });
    await revoke(context, trx, { access_token_id: token.id });
  });
}

/** The method `oauth1` of a login. @throws IdentityError 401 */
export async function proveByAccessToken(context: IdentityContext, call: SignedCall): Promise<Proof> {
  const { oauth_consumer_key: consumerId, oauth_token: accessId } = call.oauth;
  if (accessId === undefined) throw unauthorized('Expecting to find oauth_token in the Authorization header.');
  const token = await accessTokens.find<AccessTokenRecord>(context.db, { id: accessId });
  if (token === undefined || token.consumer_id !== consumerId) throw unauthorized();
  if (isOver(context, token.expires_at)) throw unauthorized('Access token is expired');
  verify(context, call, await secretOf(context.db, token.consumer_id), token.secret);
  if (token.authorizing_user_id === null) throw forbidden();
  const expires = token.expires_at?.getTime();
  return {
    userId: token.authorizing_user_id,
    methods: ['oauth1'],
    accessTokenId: token.id,
    projectId: token.project_id,
    ...(expires === undefined ? {} : { expiresAtMs: expires }),
  };
}
