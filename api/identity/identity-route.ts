import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import type { Actor } from '../../core/base/actor.ts';
import type { IdentityContext } from '../../identity/identity-context.ts';
import { badRequest, forbidden, IdentityError, unauthorized } from '../../identity/identity-error.ts';
import type { Query } from '../../identity/list-query-policy.ts';
import type { PolicyEngine } from '../../identity/policy-engine.ts';
import type { ValidToken } from '../../identity/token-record.ts';
import { loginOf } from '../login.ts';

/*
 * A route of Identity v3 as data: method, path and a function from a call to an answer. Handlers never see HTTP objects. Each
 * asks the policy (`call.require`) before it does anything, unless it says that it is open to all.
 */
export interface IdentityApi {
  readonly identity: IdentityContext;
  readonly policy: PolicyEngine;
}

export interface Call {
  readonly identity: IdentityContext;
  readonly policy: PolicyEngine;
  /** @throws IdentityError 401 when nobody is logged in. */
  readonly actor: Actor;
  /** The caller's token; undefined for the administrator's basic login. @throws IdentityError 401 */
  readonly token: ValidToken | undefined;
  /** `http://host:port/v3`, for links. */
  readonly base: string;
  /** Whole, with its query. */
  readonly url: string;
  readonly method: string;
  readonly params: Readonly<Record<string, string>>;
  readonly query: Query;
  readonly headers: FastifyRequest['headers'];
  readonly body: unknown;
  /** @throws IdentityError 401, 403 */
  require(rule: string, target?: object): void;
  allows(rule: string, target?: object): boolean;
  /** `{noun: …}` of the body. @throws IdentityError 400 */
  read<Shape extends z.ZodType>(noun: string, shape: Shape): z.infer<Shape>;
  /** The same, not looked at yet: policies see it before it is checked. */
  peek(noun: string): Record<string, unknown>;
}

export interface Answer {
  readonly status: number;
  /** An object is sent as JSON; text is sent as it is. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export const ok = (body: unknown, headers?: Readonly<Record<string, string>>): Answer => ({
  status: 200,
  body,
  ...(headers ? { headers } : {}),
});
export const created = (body: unknown): Answer => ({ status: 201, body });
export const noContent: Answer = { status: 204 };

export interface IdentityRoute {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Below `/v3`. */
  readonly path: string;
  /** Nobody has to be logged in; the route itself asks for what it needs. */
  readonly open?: true;
  handle(call: Call): Promise<Answer>;
}

/** A mapping with thousands of rules stays far below; nothing else comes near. */
const BODY_BYTES_MAX = 2 * 2 ** 20;

export function registerIdentityRoutes(app: FastifyInstance, api: IdentityApi, prefix: string, routes: readonly IdentityRoute[]): void {
  const heads = new Set(routes.filter((route) => route.method === 'HEAD').map((route) => route.path));
  for (const route of routes) {
    app.route({
      method: route.method,
      url: route.path,
      bodyLimit: BODY_BYTES_MAX,
      exposeHeadRoute: route.method === 'GET' && !heads.has(route.path),
      handler: async (request: FastifyRequest, reply: FastifyReply) => {
        const call = toCall(request, api, prefix);
        if (!route.open) void call.actor;
        return send(reply, await route.handle(call));
      },
    });
  }
}

/** The outside's view of our address: a proxy in front says it in its headers. */
const originOf = (request: FastifyRequest) => `${request.protocol}://${request.host}`;

function toCall(request: FastifyRequest, api: IdentityApi, prefix: string): Call {
  const login = loginOf(request);
  const actor = () => {
    if (login === undefined) throw unauthorized();
    return login.actor;
  };
  const params = request.params as Record<string, string>;
  const { body } = request;
  const authorize = (rule: string, target: object) =>
    api.policy.authorize(actor(), rule, { ...params, user_id: params['user_id'] ?? null, target });
  return {
    ...api,
    get actor() {
      return actor();
    },
    get token() {
      actor();
      return login?.token;
    },
    base: `${originOf(request)}${prefix}`,
    url: `${originOf(request)}${request.url}`,
    method: request.method,
    params,
    query: request.query as Query,
    headers: request.headers,
    body,
    require(rule, target = {}) {
      const verdict = authorize(rule, target);
      if (verdict.allowed) return;
      const told: Record<string, string> = actor().roles.includes('admin')
        ? { 'x-rackwright-policy': `${verdict.rule}: ${verdict.wanted}` }
        : {};
      throw new IdentityError(403, `You are not authorized to perform the requested action: ${rule}.`, told);
    },
    allows: (rule, target = {}) => authorize(rule, target).allowed,
    read: (noun, shape) => readBody(body, noun, shape),
    peek(noun) {
      const value = (body as Record<string, unknown> | null)?.[noun];
      return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
    },
  };
}

function readBody<Shape extends z.ZodType>(body: unknown, noun: string, shape: Shape): z.infer<Shape> {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw badRequest('The request body must be a JSON object.');
  if (!(noun in body)) throw badRequest(`Expecting to find ${noun} in the request body.`);
  const result = shape.safeParse((body as Record<string, unknown>)[noun]);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  const names = issue.code === 'unrecognized_keys' ? issue.keys : [];
  const path = [noun, ...issue.path, ...names].join('/');
  throw badRequest(`Invalid input for field '${path}': ${issue.message}`);
}

/** For calls that make no sense with a borrowed identity. @throws IdentityError 403 */
export function refuseDelegation(call: Call, what: string): void {
  const payload = call.token?.payload;
  if (payload?.trustId !== undefined || payload?.accessTokenId !== undefined)
    throw forbidden(`You are not authorized to perform the requested action: ${what} with a token issued via delegation.`);
}

function send(reply: FastifyReply, { status, body, headers }: Answer): FastifyReply {
  void reply.header('vary', 'X-Auth-Token').status(status);
  if (headers !== undefined) void reply.headers(headers);
  if (body === undefined) return reply.send();
  return typeof body === 'string'
    ? (headers?.['content-type'] === undefined ? reply.type('application/json') : reply).send(body)
    : reply.send(body);
}
