import * as oauth from 'oauth4webapi';
import type { OpenidSettings } from '../federation-settings.ts';
import { unauthorized } from '../identity-error.ts';
import type { Assertion } from './apply-mapping-policy.ts';
import type { BrowserClient } from './browser-client.ts';

/** OpenID Connect, as the relying party: the provider's own word for each login. Protocol by `oauth4webapi`. */
export interface OpenidClient extends BrowserClient {
  /** An access token that a client got by itself: was it made for us, and whose is it? @throws IdentityError 401 */
  check(accessToken: string): Promise<Assertion>;
}

/** Keys and addresses of a provider change rarely. */
const DISCOVERY_MS_MAX = 600_000;

export function createOpenidClient(settings: OpenidSettings): OpenidClient {
  const client: oauth.Client = { client_id: settings.client_id };
  const authentication = settings.client_secret === undefined ? oauth.None() : oauth.ClientSecretBasic(settings.client_secret);
  const options = { [oauth.allowInsecureRequests]: settings.issuer.startsWith('http:') };
  let known: { server: oauth.AuthorizationServer; until: number } | undefined;
  const discover = async () => {
    if (known !== undefined && known.until > Date.now()) return known.server;
    const issuer = new URL(settings.issuer);
    const response = await oauth.discoveryRequest(issuer, { algorithm: 'oidc', ...options });
    const server = await oauth.processDiscoveryResponse(issuer, response);
    known = { server, until: Date.now() + DISCOVERY_MS_MAX };
    return server;
  };
  const userInfo = async (server: oauth.AuthorizationServer, accessToken: string, subject: string) =>
    oauth.processUserInfoResponse(server, client, subject, await oauth.userInfoRequest(server, client, accessToken, options));
  return {
    async begin(redirectUri) {
      const server = await discover();
      const [state, nonce, verifier] = [oauth.generateRandomState(), oauth.generateRandomNonce(), oauth.generateRandomCodeVerifier()];
      const url = new URL(server.authorization_endpoint!);
      const challenge = await oauth.calculatePKCECodeChallenge(verifier);
      const query = {
        client_id: settings.client_id,
        response_type: 'code',
        scope: settings.scope,
        redirect_uri: redirectUri,
        state,
        nonce,
      };
      for (const [name, value] of Object.entries({ ...query, code_challenge: challenge, code_challenge_method: 'S256' }))
        url.searchParams.set(name, value);
      return { url: url.href, secrets: { state, nonce, verifier } };
    },
    finish: ({ url }, secrets, redirectUri) =>
      refusing(async () => {
        const server = await discover();
        const parameters = oauth.validateAuthResponse(server, client, url, secrets['state']!);
        const response = await oauth.authorizationCodeGrantRequest(
          server,
          client,
          authentication,
          parameters,
          redirectUri,
          secrets['verifier']!,
          options,
        );
        const tokens = await oauth.processAuthorizationCodeResponse(server, client, response, {
          expectedNonce: secrets['nonce']!,
          requireIdToken: true,
        });
        const claims = oauth.getValidatedIdTokenClaims(tokens)!;
        await oauth.validateApplicationLevelSignature(server, response, options);
        const more = server.userinfo_endpoint === undefined ? {} : await userInfo(server, tokens.access_token, claims.sub);
        return assertionOf(settings.issuer, { ...claims, ...more });
      }),
    check: (accessToken) =>
      refusing(async () => {
        const server = await discover();
        if (server.introspection_endpoint === undefined)
          throw unauthorized('The provider offers no introspection: its access tokens can not be checked.');
        const response = await oauth.introspectionRequest(server, client, authentication, accessToken, options);
        const told = await oauth.processIntrospectionResponse(server, client, response);
        const audiences = [told.client_id, ...(Array.isArray(told.aud) ? told.aud : [told.aud])];
        // A token that another service's client was given must not open this cloud.
        if (!told.active || !audiences.some((audience) => audience !== undefined && settings.audiences.includes(String(audience))))
          throw unauthorized();
        const subject = String(told.sub);
        const more = server.userinfo_endpoint === undefined ? {} : await userInfo(server, accessToken, subject).catch(() => ({}));
        return assertionOf(settings.issuer, { ...told, ...more, sub: subject });
      }),
  };
}

async function refusing<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof Error && cause.name === 'IdentityError') throw cause;
    const error = unauthorized('The identity provider did not confirm the login.');
    error.cause = cause;
    throw error;
  }
}

/** Named as Apache's mod_auth_openidc names them, because mappings in the field are written for it. */
function assertionOf(issuer: string, claims: Readonly<Record<string, unknown>>): Assertion {
  const assertion: Record<string, string[]> = { REMOTE_USER: [`${String(claims['sub'])}@${issuer}`] };
  for (const [name, value] of Object.entries({ iss: issuer, ...claims })) {
    if (value === null || value === undefined) continue;
    const values = (Array.isArray(value) ? value : [value]).map((one) => (typeof one === 'object' ? JSON.stringify(one) : String(one)));
    assertion[`OIDC-${name}`] = values;
    assertion[`HTTP_OIDC_${name.toUpperCase().replaceAll('-', '_')}`] = values;
  }
  return assertion;
}
