import { z } from 'zod';

/** `identity.federation` of the configuration file: how each protocol of an identity provider is spoken. */
const openid = z
  .strictObject({
    issuer: z.url(),
    client_id: z.string().min(1),
    client_secret: z.string().optional(),
    scope: z.string().default('openid email profile'),
    /** Whose access tokens are taken besides our own client's. */
    audiences: z.array(z.string()).optional(),
  })
  .transform((given) => ({ ...given, audiences: [given.client_id, ...(given.audiences ?? [])] }));

const saml = z.strictObject({
  /** Where a browser is sent. */
  entry_point: z.url(),
  provider_entity_id: z.string().min(1),
  /** PEM; of whoever signs the provider's assertions. */
  certificate: z.string().min(1),
  /** Ours. */
  entity_id: z.string().min(1),
});

export const federationSettingsShape = z.array(
  z
    .strictObject({ identity_provider: z.string().min(1), protocol: z.string().min(1), openid: openid.optional(), saml: saml.optional() })
    .refine((given) => (given.openid === undefined) !== (given.saml === undefined), 'needs either openid or saml'),
);

export type SamlSettings = z.infer<typeof saml>;
export type OpenidSettings = z.infer<typeof openid>;
