import { randomBytes } from 'node:crypto';
import { SAML, ValidateInResponseTo, type Profile } from '@node-saml/node-saml';
import type { SamlSettings } from '../federation-settings.ts';
import { unauthorized } from '../identity-error.ts';
import type { Assertion } from './apply-mapping-policy.ts';
import type { BrowserClient } from './browser-client.ts';

/**
 * SAML 2.0 Web Browser SSO, as the service provider: request by redirect, answer by POST. Signatures and conditions are
 * checked by `@node-saml/node-saml`; only an answer to the request of this browser counts, and only once within minutes.
 */
const REQUEST_MS_MAX = 600_000;
/** Clocks of a provider and ours. */
const SKEW_MS_MAX = 60_000;

export function createSamlClient(settings: SamlSettings): BrowserClient {
  const spoken = (redirectUri: string, requestId: string) =>
    new SAML({
      callbackUrl: redirectUri,
      entryPoint: settings.entry_point,
      issuer: settings.entity_id,
      audience: settings.entity_id,
      idpCert: settings.certificate,
      idpIssuer: settings.provider_entity_id,
      wantAssertionsSigned: true,
      wantAuthnResponseSigned: false,
      acceptedClockSkewMs: SKEW_MS_MAX,
      identifierFormat: null,
      disableRequestedAuthnContext: true,
      validateInResponseTo: ValidateInResponseTo.always,
      requestIdExpirationPeriodMs: REQUEST_MS_MAX,
      generateUniqueId: () => requestId,
      // The one request that this browser carries: no table, and another's answer does not fit.
      cacheProvider: {
        saveAsync: async (_key, value) => ({ createdAt: Date.now(), value }),
        getAsync: async (key) => (key === requestId ? new Date().toISOString() : null),
        removeAsync: async (key) => key,
      },
    });
  return {
    async begin(redirectUri) {
      const [requestId, state] = [`_${randomBytes(20).toString('hex')}`, randomBytes(16).toString('base64url')];
      const url = await spoken(redirectUri, requestId).getAuthorizeUrlAsync(state, undefined, {});
      return { url, secrets: { requestId, state } };
    },
    async finish({ form }, secrets, redirectUri) {
      if (form['SAMLResponse'] === undefined || form['RelayState'] !== secrets['state']) throw unauthorized();
      try {
        const { profile } = await spoken(redirectUri, secrets['requestId']!).validatePostResponseAsync({
          SAMLResponse: form['SAMLResponse'],
        });
        if (profile === null) throw unauthorized();
        return assertionOf(profile);
      } catch (cause) {
        const error = unauthorized('The identity provider did not confirm the login.');
        error.cause = cause;
        throw error;
      }
    },
  };
}

/** Named as Apache's mod_auth_mellon and Shibboleth name them, because mappings in the field are written for those. */
function assertionOf(profile: Profile): Assertion {
  const assertion: Record<string, string[]> = {
    REMOTE_USER: [profile.nameID],
    MELLON_NAME_ID: [profile.nameID],
    MELLON_IDP: [profile.issuer],
    'Shib-Identity-Provider': [profile.issuer],
  };
  for (const [name, value] of Object.entries((profile['attributes'] ?? {}) as Record<string, unknown>)) {
    const values = (Array.isArray(value) ? value : [value]).map(String);
    assertion[name] = values;
    assertion[`MELLON_${name}`] = values;
  }
  return assertion;
}
