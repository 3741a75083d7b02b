import type { FastifyInstance, FastifyRequest } from 'fastify';
import { jsonHome } from './json-home.ts';
import type { IdentityRoute } from './identity-route.ts';

/** Version discovery, open to everyone. */
const UPDATED = '2020-04-07T00:00:00Z';
const VERSION = 'v3.14';

const originOf = (request: FastifyRequest) => `${request.protocol}://${request.host}`;

const versionView = (base: string) => ({
  id: VERSION,
  status: 'stable',
  updated: UPDATED,
  links: [{ rel: 'self', href: `${base}/v3/` }],
  'media-types': [{ base: 'application/json', type: 'application/vnd.openstack.identity-v3+json' }],
});

const wantsHome = (request: FastifyRequest) => String(request.headers.accept ?? '').includes('application/json-home');

/** `prefix` is empty or `/identity`: the same service at both, as DevStack's and packaged clouds have it. */
export function identityVersionRoutes(app: FastifyInstance, prefix: string, routes: readonly IdentityRoute[]): void {
  const list = async (
    request: FastifyRequest,
    reply: { status(code: number): { header(name: string, value: string): { send(body: unknown): unknown } } },
  ) => {
    const base = `${originOf(request)}${prefix}`;
    return reply
      .status(300)
      .header('location', `${base}/v3/`)
      .send({ versions: { values: [versionView(base)] } });
  };
  const show = async (request: FastifyRequest, reply: { type(name: string): { send(body: unknown): unknown } }) => {
    if (wantsHome(request)) return reply.type('application/json-home').send(JSON.stringify(jsonHome(routes)));
    return reply.type('application/json').send({ version: versionView(`${originOf(request)}${prefix}`) });
  };
  for (const path of prefix === '' ? ['/'] : [prefix, `${prefix}/`]) app.get(path, list);
  for (const path of [`${prefix}/v3`, `${prefix}/v3/`]) app.get(path, show);
}
