import { Refusal, type Answer } from '../service-plugin.ts';
import { headerOf } from './object-headers.ts';
import { empty, type Visit } from './object-visit.ts';

/** Scripts of other web sites (CORS): a container says in its metadata which, `X-Container-Meta-Access-Control-Allow-Origin`. */
const META = 'x-container-meta-access-control-';

function allowedOrigin({ call, container }: Visit): string | undefined {
  const origin = headerOf(call.headers, 'origin');
  const allowed = (container?.headers[`${META}allow-origin`] ?? '').split(/\s+/);
  if (origin === undefined) return undefined;
  return allowed.includes('*') ? '*' : allowed.includes(origin) ? origin : undefined;
}

/** What scripts may read of every answer, besides what browsers always let them. */
const EXPOSED = [
  'content-language',
  'content-type',
  'expires',
  'last-modified',
  'etag',
  'x-timestamp',
  'x-trans-id',
  'x-openstack-request-id',
];

export function withCors(visit: Visit, answer: Answer): Answer {
  const origin = allowedOrigin(visit);
  if (origin === undefined) return answer;
  const more = (visit.container!.headers[`${META}expose-headers`] ?? '').split(/[\s,]+/).filter((name) => name !== '');
  const meta = Object.keys(answer.headers ?? {}).filter((name) => /^x-(container|object)-meta-/.test(name));
  return {
    ...answer,
    headers: {
      ...answer.headers,
      'access-control-allow-origin': origin,
      'access-control-expose-headers': [...EXPOSED, ...meta, ...more].join(', '),
      ...(origin === '*' ? {} : { vary: 'Origin' }),
    },
  };
}

/** A browser's question before a script's request; without an origin, which methods there are. */
export function preflight(visit: Visit, methods: readonly string[]): Answer {
  const { call, container } = visit;
  const allow = methods.join(', ');
  if (call.headers.origin === undefined) return empty(200, { allow });
  const origin = allowedOrigin(visit);
  const method = headerOf(call.headers, 'access-control-request-method');
  if (origin === undefined || method === undefined || !methods.includes(method))
    throw new Refusal(401, 'This origin may not call here.', { headers: { allow } });
  const age = container!.headers[`${META}max-age`];
  const asked = headerOf(call.headers, 'access-control-request-headers');
  return empty(200, {
    allow,
    'access-control-allow-origin': origin,
    'access-control-allow-methods': allow,
    vary: 'Origin, Access-Control-Request-Headers',
    ...(age === undefined ? {} : { 'access-control-max-age': age }),
    ...(asked === undefined ? {} : { 'access-control-allow-headers': asked }),
  });
}
