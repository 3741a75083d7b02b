import { identityRoutes } from './identity/identity-server.ts';

/** Every operation of Identity v3: for the reference and for tests that leave none out. */
export interface IdentityOperation {
  readonly method: string;
  /** With `:name` parameters, below `/v3`. */
  readonly path: string;
  /** Asks for no token. */
  readonly open: boolean;
}

export const identityOperations: readonly IdentityOperation[] = identityRoutes.map(({ method, path, open }) => ({
  method,
  path,
  open: open === true,
}));
