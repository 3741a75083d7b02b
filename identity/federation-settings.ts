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

export const federationSettingsShape = z.array(
  z.strictObject({
    identity_provider: z.string().min(1),
    protocol: z.string().min(1),
    openid,
  }),
);

export type OpenidSettings = z.infer<typeof openid>;
export type FederationSettings = z.infer<typeof federationSettingsShape>;
