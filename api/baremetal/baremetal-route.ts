import type { FastifyInstance, FastifyReply, FastifyRequest, RouteHandlerMethod } from 'fastify';
import type { Actor } from '../../core/base/actor.ts';
import type { ApiContext } from './api-context.ts';
import { RequestRefused } from './baremetal-error.ts';
import { authorize, type PolicyTarget } from './baremetal-policy.ts';
import { minorOf } from './microversion.ts';

/*
 * A route of the Bare Metal API as data: method, path, the microversion that brought it, the query arguments it knows,
 * and a function from a call to an answer. Handlers never see HTTP objects.
 */
export interface Call {
  readonly context: ApiContext;
  readonly actor: Actor;
  /** The minor number of the microversion that the client speaks. */
  readonly minor: number;
  /** `http://host:port/baremetal`, for links. */
  readonly base: string;
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
  readonly body: unknown;
  /** @throws RequestRefused 403 */
  require(rule: string, target?: PolicyTarget): void;
  allows(rule: string, target?: PolicyTarget): boolean;
}

export interface Answer {
  readonly status: number;
  readonly body?: unknown;
  readonly location?: string;
}

export const ok = (body: unknown): Answer => ({ status: 200, body });
export const created = (body: unknown, location: string): Answer => ({ status: 201, body, location });
export const accepted = (location?: string): Answer => ({ status: 202, ...(location === undefined ? {} : { location }) });
export const noContent = (location?: string): Answer => ({ status: 204, ...(location === undefined ? {} : { location }) });

export interface BaremetalRoute {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Below `/v1`; the same is served without `/v1` and with a slash at the end, as Ironic does. */
  readonly path: string;
  /** The first minor version that has it. Default: all have. */
  readonly since?: number;
  /** What an older version gets. Default: 404. */
  readonly before?: 404 | 405 | 406;
  /** Names of query arguments; any other is refused. Default: none. */
  readonly query?: readonly string[];
  handle(call: Call): Promise<Answer>;
}

type RequestWithActor = FastifyRequest & { readonly actor?: Actor };

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;

export function registerRoutes(app: FastifyInstance, context: ApiContext, routes: readonly BaremetalRoute[]): void {
  const methodsOf = new Map<string, Set<string>>();
  const register = (method: BaremetalRoute['method'], path: string, handler: RouteHandlerMethod) => {
    for (const url of [`/v1${path}`, `/v1${path}/`, path, `${path}/`]) app.route({ method, url, handler });
    methodsOf.set(path, (methodsOf.get(path) ?? new Set()).add(method));
  };
  for (const route of routes) {
    const handler = async (request: FastifyRequest, reply: FastifyReply) => send(reply, await answer(route, toCall(request, context)));
    for (const path of [route.path, ...nodeLast(route.path)]) register(route.method, path, handler);
  }
  const refuse = async () => {
    throw new RequestRefused(405, 'The method is not allowed for this resource.');
  };
  for (const [path, methods] of methodsOf)
    for (const method of METHODS.filter((each) => !methods.has(each) && !(each === 'GET' && path === EVENT_STREAM)))
      register(method, path, refuse);
}

/** Read by a route of its own (`timeline-routes.ts`): a stream is no answer to a call. */
const EVENT_STREAM = '/events';

/** Ironic's own clients ask for `/nodes/states/console/{node}` too: the node last, after what is wanted of it. */
function nodeLast(path: string): string[] {
  const match = /^\/nodes\/:node\/((?:states|management|maintenance|vendor_passthru)(?:\/[a-z_]+)*)$/.exec(path);
  return match ? [`/nodes/${match[1]}/:node`] : [];
}

async function answer(route: BaremetalRoute, call: Call): Promise<Answer> {
  if (route.since !== undefined && call.minor < route.since) {
    const status = route.before ?? 404;
    throw new RequestRefused(status, status === 406 ? notAcceptable(route.since) : 'The API version does not allow this resource.');
  }
  const unknown = Object.keys(call.query).filter((name) => !(route.query ?? []).includes(name));
  if (unknown.length > 0) throw new RequestRefused(400, `Unexpected arguments: ${unknown.join(', ')}`);
  return route.handle(call);
}

export const notAcceptable = (minor: number) => `Request not acceptable. The minimal required API version should be 1.${minor}`;

export function toCall(request: FastifyRequest, context: ApiContext): Call {
  const { actor } = request as RequestWithActor;
  // Every route is registered behind the login; one that is not must not become everybody's.
  if (actor === undefined) throw new Error(`${request.method} ${request.routeOptions.url ?? ''} is reached without a login`);
  return {
    context,
    actor,
    minor: minorOf(request),
    base: `${request.protocol}://${request.host}/baremetal`,
    params: request.params as Record<string, string>,
    query: flatQuery(request.query as Record<string, string | string[]>),
    body: request.body,
    require: (rule, target) => {
      const verdict = authorize(context.policy, actor, rule, target);
      if (!verdict.allowed)
        throw new RequestRefused(
          403,
          `Access was denied to the following resource: ${verdict.rule}`,
          actor.roles.includes('admin') ? `${verdict.rule}: ${verdict.wanted}` : undefined,
        );
    },
    allows: (rule, target) => authorize(context.policy, actor, rule, target).allowed,
  };
}

/** A repeated argument counts once, with its last value, as a form does. */
const flatQuery = (query: Record<string, string | string[]>): Record<string, string> =>
  Object.fromEntries(Object.entries(query).map(([name, value]) => [name, Array.isArray(value) ? value.at(-1)! : value]));

function send(reply: FastifyReply, { status, body, location }: Answer): FastifyReply {
  if (location !== undefined) reply.header('location', location);
  reply.status(status);
  return body === undefined ? reply.send() : reply.send(body);
}
