import { ObjectError } from '../../storage/object-error.ts';
import { OBJECT_LIMITS } from '../../storage/object-limits.ts';
import { Refusal, type Answer, type Service, type ServiceRoute, type ToldRefusal } from '../service-plugin.ts';
import { deleteAccount, getAccount, headAccount, postAccount, putAccount } from './account-routes.ts';
import { deleteTheContainer, getContainer, headContainer, postContainer, putTheContainer } from './container-routes.ts';
import { preflight, withCors } from './cors.ts';
import { infoRoutes } from './info-routes.ts';
import { copyThere } from './object-copy.ts';
import { getObject } from './object-read.ts';
import { readTarget, standingIn, visit, type ObjectCall, type ObjectContext, type Target, type Visit } from './object-visit.ts';
import { deleteTheObject, postObject, putTheObject } from './object-write.ts';
import { visitSite, webSite } from './static-web.ts';
import { hasSignature, signedStanding, withDisposition } from './temp-url.ts';

/*
 * Object Storage v1, as Swift has it (docs.openstack.org/api-ref/object-store), at the root of the server: signatures of addresses are made of
 * the path, and clients expect it to begin with `/v1/`. Whether a path means a container or an object is known only after decoding all of it, so
 * the handler, not the router, has the last word.
 */
type Method = ServiceRoute<ObjectContext>['method'];
type Handlers = Readonly<Partial<Record<Method, (visit: Visit) => Promise<Answer>>>>;

const account: Handlers = { GET: getAccount, HEAD: headAccount, PUT: putAccount, POST: postAccount, DELETE: deleteAccount };
const container: Handlers = {
  GET: getContainer,
  HEAD: headContainer,
  PUT: putTheContainer,
  POST: postContainer,
  DELETE: deleteTheContainer,
};
const object: Handlers = { GET: getObject, HEAD: getObject, PUT: putTheObject, POST: postObject, DELETE: deleteTheObject, COPY: copyThere };

const handlersFor = (target: Target): Handlers =>
  target.object !== undefined ? object : target.container !== undefined ? container : account;

/** Swift's gateway makes hyphens of underscores in names of headers: what was set with these is asked for with those. */
function withHyphens(call: ObjectCall): ObjectCall {
  const names = Object.keys(call.headers).filter((name) => name.startsWith('x-') && name.includes('_'));
  if (names.length === 0) return call;
  const headers = { ...call.headers, ...Object.fromEntries(names.map((name) => [name.replaceAll('_', '-'), call.headers[name]])) };
  for (const name of names) delete headers[name];
  return Object.create(call, { headers: { value: headers, enumerable: true } }) as ObjectCall;
}

async function serve(asked: ObjectCall): Promise<Answer> {
  const call = withHyphens(asked);
  const target = readTarget(call.url);
  const first = await visit(call, target, standingIn(call, target.account));
  const handlers = handlersFor(target);
  if (call.method === 'OPTIONS') return preflight(first, [...Object.keys(handlers), 'OPTIONS']);
  const isSigned = hasSignature(call);
  const arrived = isSigned ? { ...first, standing: await signedStanding(first) } : first;
  const handle = handlers[call.method as Method];
  if (handle === undefined)
    throw new Refusal(405, 'The method is not allowed for this resource.', { headers: { allow: Object.keys(handlers).join(', ') } });
  const site = webSite(arrived);
  const answer = site === undefined ? await handle(arrived) : await visitSite(arrived, site, arrived.container!);
  const told = isSigned && ['GET', 'HEAD'].includes(call.method) ? withDisposition(answer, call, target) : answer;
  return withCors(arrived, told);
}

const LISTING = ['prefix', 'delimiter', 'marker', 'end_marker', 'limit', 'reverse', 'format', 'path'];

const routesOf = (
  path: string,
  handlers: Handlers,
  query: readonly string[],
  also: readonly string[] = [],
): ServiceRoute<ObjectContext>[] => [
  ...(Object.keys(handlers) as Method[]).map((method) => ({
    method,
    path,
    also,
    visitors: true as const,
    query: method === 'GET' ? query : [],
    handle: serve,
  })),
  { method: 'OPTIONS', path, also, open: true, handle: serve },
];

export const objectService: Service<ObjectContext> = {
  type: 'object-store',
  name: 'swift',
  title: 'Object Storage v1',
  prefix: '',
  catalogPath: '/v1/AUTH_$(project_id)s',
  bodyBytesMax: OBJECT_LIMITS.objectBytesMax,
  routes: [
    ...infoRoutes,
    ...routesOf('/v1/:account', account, LISTING, ['/v1/:account/']),
    ...routesOf('/v1/:account/:container', container, LISTING),
    ...routesOf('/v1/:account/:container/*', object, ['multipart-manifest', 'temp_url_sig', 'temp_url_expires']),
  ],
  negotiate(request, reply) {
    // Swift's name of a request: 21 digits of anything, and when it was.
    const digits = request.id
      .replace(/[^0-9a-f]/g, '')
      .padStart(21, '0')
      .slice(-21);
    const seconds = Math.floor(Date.now() / 1000)
      .toString(16)
      .padStart(10, '0');
    void reply.header('x-trans-id', `tx${digits}-${seconds}`);
    return 0;
  },
  errorBody,
  explain: (error) => {
    if (error instanceof ObjectError) return new Refusal(error.status, error.message);
    // The client went away in the middle of its upload: nobody reads this.
    return (error as { code?: string }).code === 'ECONNRESET' ? new Refusal(499, 'Client disconnected') : undefined;
  },
};

/** HTML, as Swift's errors are; lists of errors are text. */
function errorBody({ title, message, type }: ToldRefusal): { body: unknown; contentType: string } {
  if (type === 'text') return { contentType: 'text/plain; charset=UTF-8', body: message };
  const escaped = message.replace(/[&<>]/g, (sign) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[sign]!);
  return { contentType: 'text/html; charset=UTF-8', body: `<html><h1>${title}</h1><p>${escaped}</p></html>` };
}
