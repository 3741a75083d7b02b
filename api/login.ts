import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { systemAdministrator, type Actor } from '../core/base/actor.ts';
import { accessRuleAllows } from '../identity/access-rule-policy.ts';
import type { IdentityContext } from '../identity/identity-context.ts';
import type { ValidToken } from '../identity/token-record.ts';
import { checkToken } from '../identity/token-service.ts';

/*
 * Who calls: the same for all services. A token (`X-Auth-Token`), or the installation's administrator by HTTP basic
 * authentication (RFC 7617), which the command line and the lab use. What a service does without a login is its own matter.
 */
export interface Login {
  readonly actor: Actor;
  readonly token?: ValidToken;
}

export type LoginRefusal = 'unknown' | 'forbidden-by-access-rule';

const logins = new WeakMap<FastifyRequest, Login>();
export const loginOf = (request: FastifyRequest): Login | undefined => logins.get(request);

export interface LoginOptions {
  readonly identity: IdentityContext;
  readonly administrator: { readonly username: string; readonly password: string };
  /** The catalog's type of the service: an application credential's access rules name it. */
  readonly serviceType: string;
}

const digest = (text: string) => createHash('sha256').update(text).digest();

/** Sees who calls and keeps it with the request. Undefined: fine, or nobody; else why not. */
export function createLogin(options: LoginOptions): (request: FastifyRequest) => Promise<LoginRefusal | undefined> {
  const { identity, administrator, serviceType } = options;
  const basic = digest(`${administrator.username}:${administrator.password}`);
  const byToken = async (request: FastifyRequest, text: string): Promise<LoginRefusal | undefined> => {
    // Services check other people's tokens with `allow_expired`; their own must be alive.
    const token = await checkToken(identity, text).catch((error: { status?: number }) => {
      if (error.status === 404) return undefined;
      throw error;
    });
    if (token === undefined) return 'unknown';
    const rules = token.subject.applicationCredential?.accessRules ?? [];
    const path = request.url.split('?')[0]!;
    if (rules.length > 0 && !rules.some((rule) => accessRuleAllows(rule, serviceType, request.method, path)))
      return 'forbidden-by-access-rule';
    logins.set(request, { actor: token.actor, token });
    return undefined;
  };
  return async (request) => {
    const text = request.headers['x-auth-token'];
    if (text !== undefined) return byToken(request, String(text));
    const [scheme, value] = (request.headers.authorization ?? '').split(' ');
    // OAuth 2.0 (RFC 6750): the same tokens, carried as its clients carry them.
    if (scheme?.toLowerCase() === 'bearer' && value !== undefined && !request.url.includes('/OS-FEDERATION/'))
      return byToken(request, value);
    if (scheme?.toLowerCase() !== 'basic') return undefined;
    // Compared as digests, so that length and content take the same time.
    if (!timingSafeEqual(basic, digest(Buffer.from(value ?? '', 'base64').toString()))) return 'unknown';
    logins.set(request, { actor: systemAdministrator(administrator.username) });
    return undefined;
  };
}
