import { authenticate } from '../../identity/authentication-service.ts';
import { notFound } from '../../identity/identity-error.ts';
import { isSet } from '../../identity/list-query-policy.ts';
import { checkToken, revokeToken, type CheckOptions } from '../../identity/token-service.ts';
import type { ValidToken } from '../../identity/token-record.ts';
import { signedCallOf } from './oauth1-routes.ts';
import { noContent, ok, type Answer, type Call, type IdentityRoute } from './identity-route.ts';

/** `/v3/auth/tokens`: made, looked at, ended. */
const withCatalog = (call: Call) => call.query['nocatalog'] === undefined;

async function issue(call: Call): Promise<Answer> {
  const receipt = call.headers['openstack-auth-receipt'];
  const token = await authenticate(call.identity, call.body, {
    receipt: receipt === undefined ? undefined : String(receipt),
    signedCall: signedCallOf(call),
  });
  return { status: 201, body: await token.body(withCatalog(call)), headers: { 'x-subject-token': token.text } };
}

/** One that is dead is dead for everyone: its bearer learns so, and nobody learns more. */
async function subject(call: Call, rule: string, options: CheckOptions = {}): Promise<ValidToken> {
  void call.actor;
  const text = call.headers['x-subject-token'];
  if (text === undefined) throw notFound('token', 'X-Subject-Token is missing');
  const token = await checkToken(call.identity, String(text), options);
  call.require(rule, { token: { user_id: token.actor.userId } });
  return token;
}

const options = (call: Call): CheckOptions => ({ allowExpired: isSet(call.query, 'allow_expired') });

async function show(call: Call): Promise<Answer> {
  const token = await subject(call, 'identity:validate_token', options(call));
  return ok(await token.body(withCatalog(call)), { 'x-subject-token': token.text });
}

async function check(call: Call): Promise<Answer> {
  const token = await subject(call, 'identity:check_token', options(call));
  return { status: 200, headers: { 'x-subject-token': token.text } };
}

async function end(call: Call): Promise<Answer> {
  await revokeToken(call.identity, await subject(call, 'identity:revoke_token'));
  return noContent;
}

export const tokenRoutes: readonly IdentityRoute[] = [
  { method: 'POST', path: '/auth/tokens', open: true, handle: issue },
  { method: 'GET', path: '/auth/tokens', handle: show },
  { method: 'HEAD', path: '/auth/tokens', handle: check },
  { method: 'DELETE', path: '/auth/tokens', handle: end },
];
