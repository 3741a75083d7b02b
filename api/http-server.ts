import { createHash, randomUUID, timingSafeEqual } from 'node:crypto';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { agentRoutes } from './baremetal/agent-routes.ts';
import type { ApiContext } from './baremetal/api-context.ts';
import { errorBody, sendError } from './baremetal/baremetal-error.ts';
import { nodeRoutes } from './baremetal/node-routes.ts';
import { stateRoutes } from './baremetal/state-routes.ts';
import { timelineRoutes } from './baremetal/timeline-routes.ts';
import { negotiateMicroversion, versionRoutes } from './baremetal/version-routes.ts';

/*
 * The two faces of the API: operators (basic login, every route) and agents (TLS, tokens, only the agent's routes).
 * A config drive is at most 64 MiB before base64.
 */
const BODY_BYTES_MAX = 90 * 2 ** 20;
const AGENT_BODY_BYTES_MAX = 4 * 2 ** 20;

export interface ServerOptions {
  readonly context: ApiContext;
  readonly administrator: { readonly username: string; readonly password: string };
  readonly metrics: () => Promise<string>;
  readonly isReady: () => boolean;
  readonly onWarning: (fields: object, message: string) => void;
}

export interface AgentServerOptions {
  readonly context: ApiContext;
  readonly tls: { readonly key: string; readonly cert: string };
  readonly onWarning: ServerOptions['onWarning'];
}

function newApp(options: object, onWarning: ServerOptions['onWarning']): FastifyInstance {
  const app = fastify({
    genReqId: () => `req-${randomUUID()}`,
    logger: false,
    forceCloseConnections: true,
    ...options,
  }) as unknown as FastifyInstance;
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-openstack-request-id', request.id);
  });
  app.setErrorHandler((error, request, reply) => {
    const sent = sendError(error, request, reply);
    if (reply.statusCode >= 500)
      onWarning({ err: error, requestId: request.id, url: request.url.split('?')[0] }, 'a request failed inside');
    return sent;
  });
  app.setNotFoundHandler((request, reply) =>
    reply.status(404).send(errorBody(404, `There is nothing at ${request.method} ${request.url.split('?')[0]}.`)),
  );
  return app;
}

export function createApiServer(options: ServerOptions): FastifyInstance {
  const app = newApp({ bodyLimit: BODY_BYTES_MAX }, options.onWarning);
  app.get('/healthz', async (_request, reply) => reply.status(options.isReady() ? 200 : 503).send({ ready: options.isReady() }));
  app.get('/metrics', async (_request, reply) => reply.type('text/plain; version=0.0.4').send(await options.metrics()));
  void app.register(
    async (scope) => {
      negotiateMicroversion(scope);
      versionRoutes(scope);
    },
    { prefix: '/baremetal' },
  );
  void app.register(
    async (scope) => {
      negotiateMicroversion(scope);
      scope.addHook('onRequest', basicLogin(options.administrator));
      nodeRoutes(scope, options.context);
      stateRoutes(scope, options.context);
      timelineRoutes(scope, options.context);
    },
    { prefix: '/baremetal' },
  );
  return app;
}

export function createAgentServer(options: AgentServerOptions): FastifyInstance {
  const app = newApp({ bodyLimit: AGENT_BODY_BYTES_MAX, https: options.tls }, options.onWarning);
  void app.register(async (scope) => agentRoutes(scope, options.context), { prefix: '/baremetal' });
  return app;
}

/** RFC 7617; compared as digests so that length and content take the same time. */
function basicLogin(administrator: ServerOptions['administrator']) {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  const wanted = digest(`${administrator.username}:${administrator.password}`);
  return async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    const [scheme, value] = (request.headers.authorization ?? '').split(' ');
    const given = digest(scheme?.toLowerCase() === 'basic' ? Buffer.from(value ?? '', 'base64').toString() : '');
    if (timingSafeEqual(wanted, given)) return;
    await reply
      .status(401)
      .header('www-authenticate', 'Basic realm="Baremetal API"')
      .send(errorBody(401, 'Incorrect username or password. `rackwright openrc` prints the right ones.'));
  };
}
