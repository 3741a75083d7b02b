import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import websocket from '@fastify/websocket';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { agentRoutes } from './baremetal/agent-routes.ts';
import type { ApiContext } from './baremetal/api-context.ts';
import { errorBody, sendError } from './baremetal/baremetal-error.ts';
import { CONSOLE_FRAME_BYTES_MAX } from './baremetal/console-socket.ts';
import { registerBaremetal } from './baremetal/baremetal-server.ts';
import type { IdentityApi } from './identity/identity-route.ts';
import { registerIdentity } from './identity/identity-server.ts';
import { createLogin, loginOf } from './login.ts';
import { referenceRoutes } from './reference-routes.ts';
import type { MountedService } from './services.ts';

/*
 * The two faces of the API: operators (token or basic login, every route) and agents (TLS, tokens, only the agent's routes).
 * A config drive is at most 64 MiB before base64.
 */
const BODY_BYTES_MAX = 90 * 2 ** 20;
const AGENT_BODY_BYTES_MAX = 4 * 2 ** 20;

export interface ServerOptions {
  readonly context: ApiContext;
  readonly identity: IdentityApi;
  readonly services: readonly MountedService[];
  readonly administrator: { readonly username: string; readonly password: string };
  readonly metrics: () => Promise<string>;
  /** What parts of this process wait for, shown and no reason to be called ill. */
  readonly waiting: () => readonly { readonly what: string; readonly since: string }[];
  readonly isReady: () => boolean;
  readonly onWarning: (fields: object, message: string) => void;
}

export interface AgentServerOptions {
  readonly context: ApiContext;
  readonly tls: { readonly key: string; readonly cert: string };
  readonly onWarning: ServerOptions['onWarning'];
}

/** Identity's clients write some paths with a slash at the end. */
const withoutTrailingSlash = ({ url = '/' }: { readonly url?: string | undefined }) =>
  url.replace(/^((?:\/identity)?\/v3\/[^?]*[^/?])\/+(?=\?|$)/, '$1');

/** What is no HTTP gets an answer all the same, in words, where the peer still listens. */
function refuseNonsense(error: Error & { readonly code?: string }, socket: Socket): void {
  const [status, why] = NONSENSE[error.code ?? ''] ?? ['400 Bad Request', 'the request is not HTTP/1.1'];
  const body = JSON.stringify({ error: { code: Number(status.slice(0, 3)), title: status.slice(4), message: why } });
  if (socket.writable)
    socket.end(
      `HTTP/1.1 ${status}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
    );
  else socket.destroy();
}

/** Node's parser errors that clients can do something about. */
const NONSENSE: Readonly<Record<string, readonly [status: string, why: string]>> = {
  HPE_INVALID_CONTENT_LENGTH: ['400 Bad Request', 'content-length header must be an integer'],
  HPE_HEADER_OVERFLOW: ['431 Request Header Fields Too Large', 'the headers are longer than 16 KiB'],
  ERR_HTTP_REQUEST_TIMEOUT: ['408 Request Timeout', 'the request did not arrive in time'],
};

const noCompiler = () => {
  throw new Error('routes check their bodies themselves');
};

function newApp(options: object, onWarning: ServerOptions['onWarning']): FastifyInstance {
  const app = fastify({
    genReqId: () => `req-${randomUUID()}`,
    logger: false,
    forceCloseConnections: true,
    rewriteUrl: withoutTrailingSlash,
    // As long as a request line can be: each service refuses too long a name in its own words.
    routerOptions: { maxParamLength: 16_384 },
    clientErrorHandler: refuseNonsense,
    // No route has a schema of Fastify's: its compilers would cost a third of a second of each start.
    schemaController: { compilersFactory: { buildValidator: noCompiler, buildSerializer: noCompiler } },
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
  // A proxy on this machine says how clients see us; nobody else's word counts.
  const app = newApp({ bodyLimit: BODY_BYTES_MAX, trustProxy: 'loopback' }, options.onWarning);
  void app.register(websocket, { options: { maxPayload: CONSOLE_FRAME_BYTES_MAX } });
  app.get('/healthz', async (_request, reply) =>
    reply.status(options.isReady() ? 200 : 503).send({ ready: options.isReady(), waiting: options.waiting() }),
  );
  app.get('/metrics', async (_request, reply) => reply.type('text/plain; version=0.0.4').send(await options.metrics()));
  referenceRoutes(app);
  registerIdentity(app, options.identity, options.administrator, (err, _status, requestId, url) =>
    options.onWarning({ err, requestId, url }, 'a request failed inside'),
  );
  void app.register(async (scope) => registerBaremetal(scope, options.context, requireLogin(options)), { prefix: '/baremetal' });
  for (const { service, register } of options.services) {
    register(app, {
      policy: options.identity.policy,
      login: createLogin({ identity: options.identity.identity, administrator: options.administrator, serviceType: service.type }),
      onInternalError: (err, request) =>
        options.onWarning({ err, requestId: request.id, url: request.url.split('?')[0] }, 'a request failed inside'),
    });
  }
  return app;
}

export function createAgentServer(options: AgentServerOptions): FastifyInstance {
  const app = newApp({ bodyLimit: AGENT_BODY_BYTES_MAX, https: options.tls }, options.onWarning);
  void app.register(async (scope) => agentRoutes(scope, options.context), { prefix: '/baremetal' });
  return app;
}

/** A token or the administrator's password; the actor stays with the request. */
function requireLogin(options: ServerOptions) {
  const { identity } = options.identity;
  const login = createLogin({ identity, administrator: options.administrator, serviceType: 'baremetal' });
  return async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    const refusal = await login(request);
    const found = loginOf(request);
    if (found !== undefined) return void Object.assign(request, { actor: found.actor });
    if (refusal === 'forbidden-by-access-rule')
      return void (await reply.status(403).send(errorBody(403, 'The application credential has no access rule for this call.')));
    await reply
      .status(401)
      .header('www-authenticate', ['Basic realm="Baremetal API"', `Keystone uri="${request.protocol}://${request.host}/v3"`])
      .send(errorBody(401, 'The request you have made requires authentication. `rackwright openrc` prints what to log in with.'));
  };
}
