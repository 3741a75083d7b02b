import { authenticate } from '../../identity/authentication-service.ts';
import { IdentityError } from '../../identity/identity-error.ts';
import type { Answer, Call, IdentityRoute } from './identity-route.ts';

/** OS-OAUTH2 (RFC 6749 section 4.4): an application credential as an OAuth 2.0 client. Errors have that RFC's form. */
const refuse = (status: number, error: string, description: string): Answer => ({
  status,
  body: { error, error_description: description },
  headers: status === 401 ? { 'www-authenticate': 'Basic realm="Keystone"' } : {},
});

/** RFC 6749 section 2.3.1: both parts are form-encoded inside the basic login. */
function clientOf(call: Call): { id: string; secret: string } | undefined {
  const encoded = /^Basic\s+(\S+)$/i.exec(call.headers.authorization ?? '')?.[1];
  const text = Buffer.from(encoded ?? '', 'base64').toString();
  const colon = text.indexOf(':');
  if (encoded === undefined || colon < 1) return undefined;
  try {
    const decode = (part: string) => decodeURIComponent(part.replaceAll('+', ' '));
    return { id: decode(text.slice(0, colon)), secret: decode(text.slice(colon + 1)) };
  } catch {
    return undefined;
  }
}

async function accessToken(call: Call): Promise<Answer> {
  const client = clientOf(call);
  if (client === undefined) return refuse(401, 'invalid_client', 'OAuth2.0 client authorization is required.');
  const form = new URLSearchParams(typeof call.body === 'string' ? call.body : '');
  const grant = form.get('grant_type');
  if (grant === null) return refuse(400, 'invalid_request', 'The parameter grant_type is required.');
  if (grant !== 'client_credentials') return refuse(400, 'unsupported_grant_type', `The parameter grant_type ${grant} is not supported.`);
  const identity = { methods: ['application_credential'], application_credential: client };
  const token = await authenticate(call.identity, { auth: { identity } }).catch((error: unknown) => {
    if (error instanceof IdentityError && error.status < 500) return undefined;
    throw error;
  });
  if (token === undefined) return refuse(401, 'invalid_client', 'Client authentication failed.');
  const seconds = Math.round((token.payload.expiresAtMs - token.issuedAtMs) / 1000);
  return {
    status: 200,
    body: { access_token: token.text, token_type: 'Bearer', expires_in: seconds },
    headers: { 'cache-control': 'no-store', pragma: 'no-cache' },
  };
}

export const oauth2Routes: readonly IdentityRoute[] = [{ method: 'POST', path: '/OS-OAUTH2/token', open: true, handle: accessToken }];
