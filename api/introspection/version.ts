import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ApiContext } from '../baremetal/api-context.ts';
import { ok, Refusal, type ServiceRoute } from '../service-plugin.ts';

const MINOR_MAX = 18;
const HEADER = 'x-openstack-ironic-inspector-api-version';
const text = (minor: number) => `1.${minor}`;

/** A client that names no version gets the newest, as Inspector does. @throws Refusal 406 */
export function negotiate(request: FastifyRequest, reply: FastifyReply): number {
  const asked = String(request.headers[HEADER] ?? text(MINOR_MAX));
  const minor = Number(/^1\.(\d{1,4})$/.exec(asked)?.[1] ?? NaN);
  const isKnown = minor <= MINOR_MAX;
  void reply.headers({
    'x-openstack-ironic-inspector-api-minimum-version': text(0),
    'x-openstack-ironic-inspector-api-maximum-version': text(MINOR_MAX),
    [HEADER]: text(isKnown ? minor : MINOR_MAX),
  });
  if (!isKnown) throw new Refusal(406, `Unsupported API version ${asked.slice(0, 40)}, supported range is 1.0 to ${text(MINOR_MAX)}`);
  return minor;
}

const link = (base: string, path: string) => [{ href: `${base}${path}`, rel: 'self' }];

export const versionRoutes: readonly ServiceRoute<ApiContext>[] = ['/', '/v1'].map((path) => ({
  method: 'GET',
  path,
  open: true,
  handle: async ({ base }) =>
    ok(
      path === '/'
        ? { versions: [{ id: text(MINOR_MAX), status: 'CURRENT', links: link(base, '/v1') }] }
        : { resources: ['introspection', 'rules'].map((name) => ({ name, links: link(base, `/v1/${name}`) })) },
    ),
}));
