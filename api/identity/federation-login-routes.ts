import { IdentityError, unauthorized } from '../../identity/identity-error.ts';
import { beginBrowserLogin, finishBrowserLogin, loginWithAccessToken, providerOfProtocol } from '../../identity/provider-login-service.ts';
import type { Answer, Call, IdentityRoute } from './identity-route.ts';

/** OS-FEDERATION: signing in by an identity provider, for programs (a bearer token) and for browsers (WebSSO). */
const AUTH = '/OS-FEDERATION/identity_providers/:idp_id/protocols/:protocol_id/auth';
const WEBSSO = '/auth/OS-FEDERATION/identity_providers/:idp_id/protocols/:protocol_id/websso';
const COOKIE = 'rackwright_sso';

async function bearer(call: Call): Promise<Answer> {
  const accessToken = /^Bearer\s+(\S+)$/i.exec(call.headers.authorization ?? '')?.[1];
  if (accessToken === undefined) throw unauthorized('Expecting an access token: Authorization: Bearer.');
  const { idp_id: providerId, protocol_id: protocolId } = call.params;
  const token = await loginWithAccessToken(call.identity, providerId!, protocolId!, accessToken);
  return { status: 201, body: await token.body(true), headers: { 'x-subject-token': token.text } };
}

/** SAML's answer is a POST from the provider's page: over TLS that needs `None`; without it browsers allow it for two minutes. */
const sameSite = (call: Call) => (call.base.startsWith('https:') ? 'Secure; SameSite=None; ' : '');

async function begin(call: Call, providerId: string): Promise<Answer> {
  const protocolId = call.params['protocol_id']!;
  const path = `/auth/OS-FEDERATION/identity_providers/${encodeURIComponent(providerId)}/protocols/${encodeURIComponent(protocolId)}/websso/callback`;
  const place = { providerId, protocolId, redirectUri: `${call.base}${path}` };
  const origin = call.query['origin'];
  const { url, sealed } = await beginBrowserLogin(call.identity, place, origin === undefined ? undefined : String(origin));
  const cookie = `${COOKIE}=${sealed}; Path=${new URL(call.base).pathname}/auth/OS-FEDERATION; HttpOnly; ${sameSite(call)}Max-Age=600`;
  return { status: 302, headers: { location: url, 'set-cookie': cookie, 'cache-control': 'no-store' } };
}

async function finish(call: Call): Promise<Answer> {
  const { idp_id: providerId, protocol_id: protocolId } = call.params;
  const sealed = new RegExp(`(?:^|;\\s*)${COOKIE}=([^;]+)`).exec(call.headers.cookie ?? '')?.[1];
  const place = { providerId: providerId!, protocolId: protocolId! };
  const form = Object.fromEntries(new URLSearchParams(typeof call.body === 'string' ? call.body : ''));
  const { token, origin } = await finishBrowserLogin(call.identity, place, { url: new URL(call.url), form }, sealed);
  const headers = {
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-store',
    'set-cookie': `${COOKIE}=; Path=${new URL(call.base).pathname}/auth/OS-FEDERATION; Max-Age=0`,
  };
  return { status: 200, body: handOver(origin, token.text), headers };
}

const escapeHtml = (text: string) => text.replace(/[&<>"']/g, (one) => `&#${one.charCodeAt(0)};`);

/** The browser brings the token to the dashboard by itself: a form that sends itself. */
const handOver = (origin: string, token: string) => `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Signing in</title></head>
<body onload="document.forms[0].submit()">
<form method="post" action="${escapeHtml(origin)}"><input type="hidden" name="token" value="${escapeHtml(token)}"><noscript><button>Continue</button></noscript></form>
</body></html>
`;

/** Said in words, because a client that asks for it can not know: we believe other providers, we are none ourselves. */
const notOurs = (method: 'GET' | 'POST', path: string): IdentityRoute => ({
  method,
  path,
  handle: async () => {
    throw new IdentityError(
      404,
      'This cloud is no SAML identity provider for others (Keystone to Keystone): it only signs in by other providers.',
    );
  },
});

export const federationLoginRoutes: readonly IdentityRoute[] = [
  { method: 'GET', path: AUTH, open: true, handle: bearer },
  { method: 'POST', path: AUTH, open: true, handle: bearer },
  {
    method: 'GET',
    path: '/auth/OS-FEDERATION/websso/:protocol_id',
    open: true,
    handle: (call) => begin(call, providerOfProtocol(call.identity, call.params['protocol_id']!)),
  },
  { method: 'GET', path: WEBSSO, open: true, handle: (call) => begin(call, call.params['idp_id']!) },
  { method: 'GET', path: `${WEBSSO}/callback`, open: true, handle: finish },
  { method: 'POST', path: `${WEBSSO}/callback`, open: true, handle: finish },
  notOurs('GET', '/OS-FEDERATION/saml2/metadata'),
  notOurs('POST', '/auth/OS-FEDERATION/saml2'),
  notOurs('POST', '/auth/OS-FEDERATION/saml2/ecp'),
];
