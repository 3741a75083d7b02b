import { z } from 'zod';
import { domainReference, userReference } from './user-reference.ts';

/** `POST /v3/auth/tokens`, as a client sends it. Shapes of methods are checked when the method is asked for. */
export const passwordBody = z.looseObject({ user: userReference.extend({ password: z.string() }) });
export const totpBody = z.looseObject({ user: userReference.extend({ passcode: z.string() }) });
export const tokenBody = z.looseObject({ id: z.string() });
export const applicationCredentialBody = z.looseObject({
  id: z.string().optional(),
  name: z.string().optional(),
  secret: z.string(),
  user: userReference.optional(),
});

const scope = z.union([
  z.literal('unscoped'),
  z.looseObject({
    project: z.looseObject({ id: z.string().optional(), name: z.string().optional(), domain: domainReference.optional() }).optional(),
    domain: domainReference.optional(),
    system: z.looseObject({ all: z.boolean() }).optional(),
    'OS-TRUST:trust': z.looseObject({ id: z.string() }).optional(),
    unscoped: z.unknown().optional(),
  }),
]);

export const authRequest = z.looseObject({
  identity: z.looseObject({ methods: z.array(z.string()) }),
  scope: scope.optional(),
});

export type AuthRequest = z.infer<typeof authRequest>;
export type RequestedScope = Exclude<z.infer<typeof scope>, 'unscoped'>;
