import type { FileHandle } from 'node:fs/promises';
import { STATUS_CODES, type OutgoingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { ZodError } from 'zod';
import type { Actor } from '../core/base/actor.ts';
import { sendFile } from '../core/transfer/kernel-file-sender.ts';
import { loadLinuxCalls } from '../core/base/linux-calls.ts';
import { explainOutage } from '../core/database/outage-policy.ts';
import type { PolicyEngine } from '../identity/policy-engine.ts';
import type { ValidToken } from '../identity/token-record.ts';
import { parseJsonBodies } from './json-body.ts';
import { loginOf, type LoginRefusal } from './login.ts';

/*
 * A service of the cloud as data: its place, its routes, its form of an error. Handlers are functions from a call to an answer
 * and never see HTTP objects; all routes but open ones are behind the login. Images, networks and placement are such
 * services; identity and bare metal have older plugins of their own.
 */
export interface Service<Context = never> {
  /** The catalog's type (service-types authority): `image`. Access rules of application credentials name it. */
  readonly type: string;
  /** The catalog's name: `glance`. */
  readonly name: string;
  /** For people, with the version: `Image v2`. */
  readonly title: string;
  /** Where it is served: `/image`. Routes are below it, and so is the catalog's address. */
  readonly prefix: string;
  /** What the catalog's address has behind the prefix: `/v2.1`; `$(project_id)s` may stand in it. */
  readonly catalogPath?: string;
  /** Of a JSON body. */
  readonly bodyBytesMax: number;
  readonly routes: readonly ServiceRoute<Context>[];
  /** The same routes at the root of the server too: for services whose links are paths from there. */
  readonly atRootToo?: true;
  /** Bodies are given as text: the service says in its own order what is wrong with them. */
  readonly textBodies?: true;
  /** The microversion of a request; sets its headers on the reply. @throws Refusal */
  negotiate?(request: FastifyRequest, reply: FastifyReply): number;
  /** An error in the form that the service's clients expect; text is sent as it is. */
  errorBody(refusal: ToldRefusal): { readonly body: unknown; readonly contentType?: string };
  /** The errors of the rooms below; undefined for what is not known. */
  explain?(error: unknown): Refusal | undefined;
}

export interface ServiceRoute<Context> {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'COPY' | 'OPTIONS';
  /** Below the prefix, parameters as `:name`, or `*` for all the rest. */
  readonly path: string;
  /** Other spellings of the path; the reference has the first. */
  readonly also?: readonly string[];
  /** Nobody has to be logged in. */
  readonly open?: true;
  /** Who is logged in is known, and who is not, or with a token that is none, is nobody: the handler decides by `call.visitor`. */
  readonly visitors?: true;
  /** `stream`: the handler reads the bytes itself, whatever their number. Default: JSON. */
  readonly body?: 'stream';
  /** Names of query arguments, for the reference. */
  readonly query?: readonly string[];
  /** The minor microversion that brought it, for the reference; an older call gets 404. */
  readonly since?: number;
  handle(call: Call<Context>): Promise<Answer>;
}

export interface Call<Context> {
  readonly context: Context;
  /** @throws Refusal 401 */
  readonly actor: Actor;
  /** Undefined for nobody. */
  readonly visitor: Actor | undefined;
  /** Of the peer, or as a proxy on this machine told it. */
  readonly address: string;
  /** Undefined for the administrator's basic login. */
  readonly token: ValidToken | undefined;
  readonly requestId: string;
  readonly method: string;
  /** `http://host:port/image`: the service's place as the client sees it. */
  readonly base: string;
  /** As it was asked for: path and query. */
  readonly url: string;
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly headers: FastifyRequest['headers'];
  /** Parsed JSON (text where the service wants it), undefined when there is none. */
  readonly body: unknown;
  /** The bytes of a route with `body: 'stream'`. */
  readonly stream: Readable;
  /** The microversion's minor number; 0 where the service has none. */
  readonly minor: number;
  /** @throws Refusal 403 (404 for whoever may not know that it is there: decided by the caller) */
  require(rule: string, target?: object): void;
  allows(rule: string, target?: object): boolean;
}

export interface Answer {
  readonly status: number;
  /** An object is sent as JSON, text, streams and a {@link FilePiece} as they are. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Bytes of a file, which the kernel carries to the client. It is closed when they are sent or the client is gone. */
export class FilePiece {
  readonly file: FileHandle;
  readonly start: number;
  readonly length: number;
  constructor({ file, start, length }: { readonly file: FileHandle; readonly start: number; readonly length: number }) {
    this.file = file;
    this.start = start;
    this.length = length;
  }
}

export const ok = (body: unknown, headers: Readonly<Record<string, string>> = {}): Answer => ({ status: 200, body, headers });
export const created = (body: unknown, headers: Readonly<Record<string, string>> = {}): Answer => ({ status: 201, body, headers });
export const noContent: Answer = { status: 204 };

/** A refusal by the API. `type` is the service's own word for it (Neutron's error types, Placement's codes). */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly status: number;
  readonly type: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  constructor(status: number, message: string, more: { type?: string; headers?: Readonly<Record<string, string>> } = {}) {
    super(message);
    this.status = status;
    this.type = more.type;
    this.headers = more.headers ?? {};
  }
}

export interface ToldRefusal {
  readonly status: number;
  /** `Not Found` */
  readonly title: string;
  readonly message: string;
  readonly type: string | undefined;
  readonly requestId: string;
  readonly request: FastifyRequest;
}

export interface ServiceHost {
  readonly policy: PolicyEngine;
  readonly login: (request: FastifyRequest) => Promise<LoginRefusal | undefined>;
  readonly onInternalError: (error: unknown, request: FastifyRequest) => void;
}

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;
const minors = new WeakMap<FastifyRequest, number>();
/** Of requests whose bytes the handler reads: the framework would refuse what it can not parse. */
const contentTypes = new WeakMap<FastifyRequest, string>();

export function registerService<Context>(app: FastifyInstance, host: ServiceHost, service: Service<Context>, context: Context): void {
  const { routes } = service;
  for (const { method } of routes) if (!app.supportedMethods.includes(method)) app.addHttpMethod(method);
  const register = (scope: FastifyInstance, some: readonly ServiceRoute<Context>[]) => {
    for (const { route, url } of some.flatMap((route) => [route.path, ...(route.also ?? [])].map((url) => ({ route, url })))) {
      scope.route({
        method: route.method,
        url,
        bodyLimit: service.bodyBytesMax,
        exposeHeadRoute: false,
        handler: async (request: FastifyRequest, reply: FastifyReply) =>
          send(reply, await answer(route, toCall(request, host, service, context))),
      });
    }
  };
  const plugin = (isRoot: boolean) => async (scope: FastifyInstance) => {
    scope.setErrorHandler((error, request, reply) => sendRefusal(error, request, reply, host, service));
    scope.addHook('onRequest', async (request, reply) => {
      if (service.negotiate) minors.set(request, service.negotiate(request, reply));
    });
    if (service.textBodies) keepTextBodies(scope);
    else parseJsonBodies(scope);
    const [open, closed] = [routes.filter((route) => route.open), routes.filter((route) => !route.open)];
    const openPaths = new Set(open.map(({ path }) => path));
    if (!isRoot) {
      register(scope, open);
      refuseOtherMethods(
        scope,
        routes.filter(({ path }) => openPaths.has(path)),
      );
    }
    void scope.register(async (inner) => {
      inner.addHook('onRequest', requireLogin(host));
      if (!isRoot && service.prefix !== '')
        inner.setNotFoundHandler(async () => {
          throw new Refusal(404, 'The resource could not be found.');
        });
      register(
        inner,
        closed.filter(({ body, visitors }) => body !== 'stream' && !visitors),
      );
      refuseOtherMethods(
        inner,
        closed.filter(({ path }) => !openPaths.has(path)),
      );
    });
    for (const isForVisitors of [false, true]) {
      void scope.register(async (inner) => {
        inner.addHook('onRequest', isForVisitors ? seeWhoCalls(host) : requireLogin(host));
        leaveBytes(inner);
        register(
          inner,
          closed.filter(({ body, visitors = false }) => (body === 'stream' || visitors) && visitors === isForVisitors),
        );
      });
    }
  };
  void app.register(plugin(false), { prefix: service.prefix });
  if (service.atRootToo) void app.register(plugin(true));
}

/** The handler reads them, whatever type they say they have. */
function leaveBytes(scope: FastifyInstance): void {
  scope.addHook('onRequest', async (request) => {
    const type = request.headers['content-type'];
    if (type === undefined) return;
    contentTypes.set(request, type);
    delete request.headers['content-type'];
  });
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser('*', (_request, _payload, done) => done(null));
}

function keepTextBodies(scope: FastifyInstance): void {
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser('*', { parseAs: 'string' }, (_request, text, done) => done(null, text === '' ? undefined : text));
}

function refuseOtherMethods(
  scope: FastifyInstance,
  routes: readonly { readonly path: string; readonly also?: readonly string[]; readonly method: string }[],
): void {
  const spelled = routes.flatMap(({ path, also = [], method }) => [path, ...also].map((url) => ({ path: url, method })));
  const byPath = Map.groupBy(spelled, (route) => route.path);
  for (const [url, there] of byPath) {
    const allow = there.map((route) => route.method);
    const refuse = async ({ method }: FastifyRequest) => {
      throw new Refusal(405, `The method ${method} is not allowed for this resource.`, { headers: { allow: allow.join(', ') } });
    };
    for (const method of METHODS.filter((each) => !allow.includes(each)))
      scope.route({ method, url, exposeHeadRoute: false, handler: refuse });
  }
}

function requireLogin(host: ServiceHost) {
  return async (request: FastifyRequest): Promise<void> => {
    const refusal = await host.login(request);
    if (refusal === 'forbidden-by-access-rule') throw new Refusal(403, BY_ACCESS_RULE);
    if (loginOf(request) === undefined) throw unauthorized(request);
  };
}

const BY_ACCESS_RULE = 'The application credential has no access rule for this call.';

function seeWhoCalls(host: ServiceHost) {
  return async (request: FastifyRequest): Promise<void> => {
    if ((await host.login(request)) === 'forbidden-by-access-rule') throw new Refusal(403, BY_ACCESS_RULE);
  };
}

const unauthorized = (request: FastifyRequest) =>
  new Refusal(401, 'The request you have made requires authentication.', {
    headers: { 'www-authenticate': `Keystone uri="${request.protocol}://${request.host}/v3"` },
  });

async function answer<Context>(route: ServiceRoute<Context>, call: Call<Context>): Promise<Answer> {
  if (route.since !== undefined && call.minor < route.since) throw new Refusal(404, 'The resource could not be found.');
  return route.handle(call);
}

function toCall<Context>(request: FastifyRequest, host: ServiceHost, service: Service<Context>, context: Context): Call<Context> {
  const login = loginOf(request);
  const actor = (): Actor => {
    if (login === undefined) throw unauthorized(request);
    return login.actor;
  };
  const type = contentTypes.get(request);
  const at = request.url.indexOf('?');
  return {
    context,
    get actor() {
      return actor();
    },
    visitor: login?.actor,
    address: request.ip,
    token: login?.token,
    requestId: request.id,
    method: request.method,
    base: `${request.protocol}://${request.host}${service.prefix}`,
    url: request.url,
    params: request.params as Record<string, string>,
    query: new URLSearchParams(at === -1 ? '' : request.url.slice(at)),
    headers: type === undefined ? request.headers : { ...request.headers, 'content-type': type },
    body: request.body,
    stream: request.raw,
    minor: minors.get(request) ?? 0,
    require(rule, target = {}) {
      const verdict = host.policy.authorize(actor(), rule, target as Record<string, unknown>);
      if (verdict.allowed) return;
      const headers: Record<string, string> = actor().roles.includes('admin')
        ? { 'x-rackwright-policy': `${verdict.rule}: ${verdict.wanted}` }
        : {};
      throw new Refusal(403, `Policy doesn't allow ${rule} to be performed.`, { headers });
    },
    allows: (rule, target = {}) => host.policy.authorize(actor(), rule, target as Record<string, unknown>).allowed,
  };
}

function send(reply: FastifyReply, { status, body, headers }: Answer): FastifyReply {
  void reply.status(status);
  if (headers !== undefined) void reply.headers(headers);
  if (body instanceof FilePiece) return sendPiece(reply, body);
  if (typeof body === 'string' && headers?.['content-type'] === undefined) void reply.type('application/json');
  return body === undefined ? reply.send() : reply.send(body);
}

function sendPiece(reply: FastifyReply, { file, start, length }: FilePiece): FastifyReply {
  const { raw, statusCode, request } = reply;
  reply.hijack();
  raw.writeHead(statusCode, reply.getHeaders() as OutgoingHttpHeaders);
  sendFile(loadLinuxCalls(), raw, file, start, length)
    .then(({ outcome }) => (outcome === 'complete' ? raw.end() : raw.destroy()))
    .catch((error: unknown) => {
      request.log.error({ err: error }, 'a file could not be sent');
      raw.destroy();
    })
    .finally(() => file.close());
  return reply;
}

function sendRefusal<Context>(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  host: ServiceHost,
  service: Service<Context>,
): FastifyReply {
  const { status, message, type, headers } = toRefusal(error, service);
  if (status === 500) host.onInternalError(error, request);
  const told = service.errorBody({ status, title: STATUS_CODES[status] ?? 'Error', message, type, requestId: request.id, request });
  void reply.status(status).headers(headers);
  if (told.contentType === undefined) return reply.send(told.body);
  // Bytes go as they are: the framework would add a charset to JSON's type, which has none (RFC 8259, section 11).
  const text = typeof told.body === 'string' ? told.body : JSON.stringify(told.body);
  return reply.header('content-type', told.contentType).send(Buffer.from(text));
}

/** SQLSTATE class 22: a value that no column of that type can hold, such as U+0000; 54000: larger than an index takes. */
const BAD_VALUE = /^(22...|54000)$/;
const UNIQUE_VIOLATION = '23505';

/** Every known refusal; what is left is a bug, told as 500 without its inside. */
function toRefusal<Context>(error: unknown, service: Service<Context>): Refusal {
  if (error instanceof Refusal) return error;
  const explained = service.explain?.(error);
  if (explained !== undefined) return explained;
  if (error instanceof ZodError) {
    const issue = error.issues[0]!;
    return new Refusal(400, `Invalid input for ${issue.path.join('/') || 'body'}: ${issue.message}`);
  }
  const outage = explainOutage(error);
  if (outage !== undefined) return new Refusal(503, outage);
  const { code = '', statusCode = 500, message } = error as { code?: string; statusCode?: number; message?: string };
  if (BAD_VALUE.test(code)) return new Refusal(400, 'A value has characters or a size that can not be stored.');
  if (code === UNIQUE_VIOLATION) return new Refusal(409, 'There is such a resource already.');
  if (statusCode >= 400 && statusCode < 500) return new Refusal(statusCode, message ?? 'Bad request');
  return new Refusal(500, 'Internal error; the server log has the cause under this request id.');
}
