import type { FastifyInstance } from 'fastify';
import { badRequest, forbidden, unauthorized } from '../../identity/identity-error.ts';
import { createLogin } from '../login.ts';
import { identityErrorBody, sendIdentityError } from './identity-error-view.ts';
import { registerIdentityRoutes, type IdentityApi, type IdentityRoute } from './identity-route.ts';
import { assignmentRoutes } from './assignment-routes.ts';
import { authRoutes } from './auth-routes.ts';
import { domainRoutes } from './domain-routes.ts';
import { grantRoutes } from './grant-routes.ts';
import { groupRoutes } from './group-routes.ts';
import { limitRoutes } from './limit-routes.ts';
import { projectRoutes } from './project-routes.ts';
import { roleRoutes } from './role-routes.ts';
import { userRoutes } from './user-routes.ts';
import { catalogRoutes } from './catalog-routes.ts';
import { linkRoutes } from './link-routes.ts';
import { credentialRoutes } from './credential-routes.ts';
import { applicationCredentialRoutes } from './application-credential-routes.ts';
import { trustRoutes } from './trust-routes.ts';
import { domainConfigRoutes } from './domain-config-routes.ts';
import { oauth1Routes } from './oauth1-routes.ts';
import { federationRoutes } from './federation-routes.ts';
import { revocationRoutes } from './revocation-routes.ts';
import { federationLoginRoutes } from './federation-login-routes.ts';
import { oauth2Routes } from './oauth2-routes.ts';
import { tokenRoutes } from './token-routes.ts';
import { identityVersionRoutes } from './version-routes.ts';

/** Identity v3 at `/v3` and `/identity/v3`. */
export const identityRoutes: readonly IdentityRoute[] = [
  ...tokenRoutes,
  ...oauth2Routes,
  ...federationLoginRoutes,
  ...revocationRoutes,
  ...federationRoutes,
  ...oauth1Routes,
  ...domainConfigRoutes,
  ...trustRoutes,
  ...applicationCredentialRoutes,
  ...credentialRoutes,
  ...linkRoutes,
  ...catalogRoutes,
  ...assignmentRoutes,
  ...authRoutes,
  ...domainRoutes,
  ...grantRoutes,
  ...groupRoutes,
  ...limitRoutes,
  ...projectRoutes,
  ...roleRoutes,
  ...userRoutes,
];

const PREFIXES = ['', '/identity'] as const;
export function registerIdentity(
  app: FastifyInstance,
  api: IdentityApi,
  administrator: { readonly username: string; readonly password: string },
  onError: (error: unknown, status: number, id: string, url: string) => void,
): void {
  const login = createLogin({ identity: api.identity, administrator, serviceType: 'identity' });
  const setErrors = (scope: FastifyInstance) => {
    scope.setErrorHandler((error, request, reply) => {
      const sent = sendIdentityError(error, request, reply);
      if (reply.statusCode >= 500) onError(error, reply.statusCode, request.id, request.url.split('?')[0]!);
      return sent;
    });
  };
  for (const prefix of PREFIXES) {
    void app.register(async (scope) => {
      setErrors(scope);
      identityVersionRoutes(scope, prefix, identityRoutes);
    });
    void app.register(
      async (scope) => {
        setErrors(scope);
        readBodies(scope);
        scope.addHook('onRequest', async (request) => {
          const refusal = await login(request);
          if (refusal === 'forbidden-by-access-rule') throw forbidden('The application credential has no access rule for this call.');
          if (refusal === 'unknown' && !isLoginItself(request)) throw unauthorized();
        });
        scope.setNotFoundHandler((request, reply) => {
          const path = request.url.split('?')[0]!;
          const allowed = methodsAt(path.slice(`${prefix}/v3`.length));
          if (allowed.length === 0) return reply.status(404).send(identityErrorBody(404, `Could not find ${request.method} ${path}.`));
          return reply
            .status(405)
            .header('allow', allowed.join(', '))
            .send(identityErrorBody(405, 'The method is not allowed for the requested URL.'));
        });
        registerIdentityRoutes(scope, api, `${prefix}/v3`, identityRoutes);
      },
      { prefix: `${prefix}/v3` },
    );
  }
}

/** JSON whatever it calls itself, also none with a JSON header: that is what clients send. @throws IdentityError 400 */
function readBodies(scope: FastifyInstance): void {
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser('*', { parseAs: 'string' }, (request, body, done) => {
    const text = String(body);
    if (text.trim() === '') return done(null, null);
    const type = request.headers['content-type'] ?? '';
    if (/^application\/x-www-form-urlencoded/i.test(type)) return done(null, text);
    if (type !== '' && !/json/i.test(type))
      return done(badRequest('Expecting to find a JSON body: the Content-Type must be application/json.'));
    try {
      done(null, JSON.parse(text) as unknown);
    } catch {
      done(badRequest('Expecting to find valid JSON in request body.'));
    }
  });
}

/** Making a new token with a dead one in the header is what clients do; an OAuth 2.0 client's basic login is its own. */
const isLoginItself = ({ method, url }: { method: string; url: string }) =>
  method === 'POST' && /\/(auth\/tokens|OS-OAUTH2\/token)(\?|$)/.test(url);

const PATTERNS = [...new Set(identityRoutes.map((route) => route.path))].map((path) => ({
  path,
  pattern: new RegExp(`^${path.replace(/:[a-z_0-9]+/g, '[^/]+')}$`),
}));

/** What may be done at a path, for whoever tried something else there. */
function methodsAt(path: string): string[] {
  const paths = PATTERNS.filter(({ pattern }) => pattern.test(path)).map((one) => one.path);
  const methods = identityRoutes.filter((route) => paths.includes(route.path)).map((route) => route.method);
  return [...new Set([...methods, ...(methods.includes('GET') ? ['HEAD'] : [])])];
}
