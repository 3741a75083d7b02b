import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { badRequest, forbidden, IdentityError, notFound } from '../../identity/identity-error.ts';
import { isoTime } from '../../identity/iso-time.ts';
import {
  authorizeRequestToken,
  createAccessToken,
  createRequestToken,
  deleteAccessToken,
  listAccessTokens,
  mustFindAccessToken,
  readOauthHeader,
  type AccessTokenRecord,
  type SignedCall,
} from '../../identity/oauth1-service.ts';
import { consumerKind } from '../../identity/record-kinds.ts';
import { readRoleTree, type RoleRecord } from '../../identity/role-record.ts';
import { listAnswer, withLink } from './collection-view.ts';
import { noContent, ok, type Answer, type Call, type IdentityRoute } from './identity-route.ts';
import { recordRoutes } from './record-routes.ts';
import { roleIdsOf, roleList } from './role-reference.ts';
import { change, nullableDescription } from './shapes.ts';

/** OS-OAUTH1: consumers, request tokens, access tokens. */
const shape = z.looseObject({ description: nullableDescription.optional() });

/** The call as the client signed it; undefined without an OAuth header. */
export function signedCallOf(call: Call): SignedCall | undefined {
  const oauth = readOauthHeader(call.headers.authorization);
  if (oauth === undefined) return undefined;
  const query = Object.fromEntries(Object.entries(call.query).map(([name, value]) => [name, String(value)]));
  return { method: call.method, url: call.url.split('?')[0]!, query, oauth };
}

function mustBeSigned(call: Call, ...names: readonly string[]): SignedCall {
  const signed = signedCallOf(call);
  const missing = names.find((name) => !signed?.oauth[name]);
  if (signed === undefined || missing !== undefined) throw badRequest(`Expecting to find ${missing ?? 'an OAuth header'} in request.`);
  return signed;
}

function tokenAnswer(id: string, secret: string, expires: Date | null): Answer {
  const pairs = {
    oauth_token: id,
    oauth_token_secret: secret,
    ...(expires === null ? {} : { oauth_expires_at: isoTime(expires.getTime()) }),
  };
  // Not escaped, as Keystone has it: the time's colons are read as they stand.
  const body = Object.entries(pairs)
    .map((pair) => pair.join('='))
    .join('&');
  return { status: 201, body, headers: { 'content-type': 'application/x-www-form-urlencoded' } };
}

async function requestToken(call: Call): Promise<Answer> {
  const signed = mustBeSigned(call, 'oauth_consumer_key');
  const projectId = call.headers['requested-project-id'];
  if (projectId === undefined) throw badRequest('Expecting to find Requested-Project-Id in request.');
  const token = await createRequestToken(call.identity, signed, String(projectId));
  return tokenAnswer(token.id, token.secret, token.expires_at);
}

async function accessToken(call: Call): Promise<Answer> {
  const token = await createAccessToken(call.identity, mustBeSigned(call, 'oauth_consumer_key', 'oauth_token', 'oauth_verifier'));
  return tokenAnswer(token.id, token.secret, token.expires_at);
}

/** A borrowed token may not lend further. */
function refuseBorrowed(call: Call): void {
  const payload = call.token?.payload;
  if (payload?.trustId !== undefined || payload?.accessTokenId !== undefined || payload?.applicationCredentialId !== undefined)
    throw forbidden('Cannot manage OAuth access tokens with a token issued via delegation.');
}

async function authorize(call: Call): Promise<Answer> {
  call.require('identity:authorize_request_token');
  const roles = call.read('roles', roleList);
  refuseBorrowed(call);
  const roleIds = await roleIdsOf(call.identity.db, roles);
  const verifier = await authorizeRequestToken(call.identity, call.params['request_token_id']!, call.actor.userId, roleIds);
  return ok({ token: { oauth_verifier: verifier } });
}

const TOKENS = '/users/:user_id/OS-OAUTH1/access_tokens';

function view(call: Call, token: AccessTokenRecord): object {
  const self = `${call.base}/users/${token.authorizing_user_id ?? ''}/OS-OAUTH1/access_tokens/${token.id}`;
  return {
    id: token.id,
    consumer_id: token.consumer_id,
    project_id: token.project_id,
    authorizing_user_id: token.authorizing_user_id,
    expires_at: token.expires_at === null ? null : isoTime(token.expires_at.getTime()),
    links: { self, roles: `${self}/roles` },
  };
}

async function find(call: Call): Promise<AccessTokenRecord> {
  const token = await mustFindAccessToken(call.identity.db, call.params['access_token_id']!);
  if (token.authorizing_user_id !== call.params['user_id']) throw notFound('Access Token', token.id);
  return token;
}

const roleView = (call: Call, { id, name, domain_id: domainId }: RoleRecord) =>
  withLink(call, 'roles', { id }, { name, domain_id: domainId });

async function rolesOf(call: Call, token: AccessTokenRecord): Promise<RoleRecord[]> {
  const { byId } = await readRoleTree(call.identity.db);
  return token.role_ids.flatMap((id) => byId.get(id) ?? []);
}

const postOnly = (path: string): IdentityRoute => ({
  method: 'GET',
  path,
  open: true,
  handle: async () => {
    throw new IdentityError(405, 'The method is not allowed for the requested URL.', { allow: 'POST' });
  },
});

const consumers = recordRoutes({
  kind: consumerKind,
  path: '/OS-OAUTH1/consumers',
  singular: 'consumer',
  plural: 'consumers',
  create: shape,
  change: change(shape),
  prepare: (given, call) => (call.method === 'POST' ? { ...given, secret: randomBytes(16).toString('hex') } : given),
  // The secret is told once, to whoever makes it.
  view: ({ extra, secret, ...consumer }, call) => ({
    ...extra,
    ...consumer,
    ...(call.method === 'POST' ? { secret } : { secret: undefined }),
  }),
});

export const oauth1Routes: readonly IdentityRoute[] = [
  ...consumers,
  { method: 'POST', path: '/OS-OAUTH1/request_token', open: true, handle: requestToken },
  postOnly('/OS-OAUTH1/request_token'),
  { method: 'POST', path: '/OS-OAUTH1/access_token', open: true, handle: accessToken },
  postOnly('/OS-OAUTH1/access_token'),
  { method: 'PUT', path: '/OS-OAUTH1/authorize/:request_token_id', handle: authorize },
  {
    method: 'GET',
    path: TOKENS,
    handle: async (call) => {
      call.require('identity:list_access_tokens');
      refuseBorrowed(call);
      const found = await listAccessTokens(call.identity.db, call.params['user_id']!);
      return listAnswer(
        call,
        'access_tokens',
        found.map((token) => view(call, token)),
      );
    },
  },
  {
    method: 'GET',
    path: `${TOKENS}/:access_token_id`,
    handle: async (call) => {
      call.require('identity:get_access_token');
      refuseBorrowed(call);
      return ok({ access_token: view(call, await find(call)) });
    },
  },
  {
    method: 'DELETE',
    path: `${TOKENS}/:access_token_id`,
    handle: async (call) => {
      call.require('identity:delete_access_token');
      refuseBorrowed(call);
      await deleteAccessToken(call.identity, (await find(call)).id);
      return noContent;
    },
  },
  {
    method: 'GET',
    path: `${TOKENS}/:access_token_id/roles`,
    handle: async (call) => {
      call.require('identity:list_access_token_roles');
      const roles = await rolesOf(call, await find(call));
      return listAnswer(
        call,
        'roles',
        roles.map((role) => roleView(call, role)),
      );
    },
  },
  {
    method: 'GET',
    path: `${TOKENS}/:access_token_id/roles/:role_id`,
    handle: async (call) => {
      call.require('identity:get_access_token_role');
      const role = (await rolesOf(call, await find(call))).find(({ id }) => id === call.params['role_id']);
      if (role === undefined) throw notFound('role', call.params['role_id']!);
      return ok({ role: roleView(call, role) });
    },
  },
];
