import type { BrowserClient, BrowserSecrets } from './federation/browser-client.ts';
import { createOpenidClient, type OpenidClient } from './federation/openid-client.ts';
import { createSamlClient } from './federation/saml-client.ts';
import { loginFederated } from './federated-login-service.ts';
import { badRequest, IdentityError, unauthorized } from './identity-error.ts';
import type { IdentityContext } from './identity-context.ts';
import type { ValidToken } from './token-record.ts';

/** Signing in by an identity provider: with an access token that a client brings, or in a browser for a dashboard. */
type Client = BrowserClient & Partial<OpenidClient>;
const clients = new WeakMap<object, Client>();
/** A person types a password, perhaps a second factor, in between. */
const BROWSER_MS_MAX = 600_000;

function clientOf(context: IdentityContext, providerId: string, protocolId: string): Client {
  const found = context.settings.federation.find((one) => one.identity_provider === providerId && one.protocol === protocolId);
  if (found === undefined)
    throw new IdentityError(404, `No settings say how to reach protocol ${protocolId} of Identity Provider: ${providerId}.`);
  const client = clients.get(found) ?? (found.openid === undefined ? createSamlClient(found.saml!) : createOpenidClient(found.openid));
  clients.set(found, client);
  return client;
}

/** The protocol's first provider, for the older address that names none. */
export function providerOfProtocol(context: IdentityContext, protocolId: string): string {
  const found = context.settings.federation.find((one) => one.protocol === protocolId);
  if (found === undefined) throw new IdentityError(404, `No settings say how to reach protocol ${protocolId}.`);
  return found.identity_provider;
}

export async function loginWithAccessToken(
  context: IdentityContext,
  providerId: string,
  protocolId: string,
  accessToken: string,
): Promise<ValidToken> {
  const { check } = clientOf(context, providerId, protocolId);
  if (check === undefined) throw badRequest(`Protocol ${protocolId} has no access tokens: sign in with a browser.`);
  const assertion = await check(accessToken);
  return loginFederated(context, providerId, protocolId, assertion);
}

interface BrowserLogin {
  readonly secrets: BrowserSecrets;
  readonly redirectUri: string;
  readonly origin: string;
  readonly untilMs: number;
}

/** Where to send the browser, and what it must carry until it comes back, sealed. @throws IdentityError 400, 401, 404 */
export async function beginBrowserLogin(
  context: IdentityContext,
  place: { readonly providerId: string; readonly protocolId: string; readonly redirectUri: string },
  origin: string | undefined,
): Promise<{ url: string; sealed: string }> {
  if (origin === undefined) throw badRequest('Request must have an origin query parameter');
  if (!context.settings.trusted_dashboards.includes(origin)) throw unauthorized(`${origin} is not a trusted dashboard host`);
  const { url, secrets } = await clientOf(context, place.providerId, place.protocolId).begin(place.redirectUri);
  const login: BrowserLogin = { secrets, redirectUri: place.redirectUri, origin, untilMs: context.clock.nowMs() + BROWSER_MS_MAX };
  return { url, sealed: context.sealer.seal(JSON.stringify(login)) };
}

export async function finishBrowserLogin(
  context: IdentityContext,
  place: { readonly providerId: string; readonly protocolId: string },
  answer: Parameters<BrowserClient['finish']>[0],
  sealed: string | undefined,
): Promise<{ token: ValidToken; origin: string }> {
  const login = readSealed(context, sealed);
  if (login === undefined || login.untilMs < context.clock.nowMs())
    throw unauthorized('This login was not begun in this browser, or too long ago.');
  const assertion = await clientOf(context, place.providerId, place.protocolId).finish(answer, login.secrets, login.redirectUri);
  return { token: await loginFederated(context, place.providerId, place.protocolId, assertion), origin: login.origin };
}

function readSealed(context: IdentityContext, sealed: string | undefined): BrowserLogin | undefined {
  if (sealed === undefined) return undefined;
  try {
    return JSON.parse(context.sealer.open(sealed)) as BrowserLogin;
  } catch {
    return undefined;
  }
}
