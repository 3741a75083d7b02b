import type { FastifyInstance, FastifyRequest } from 'fastify';
import { errorBody } from './baremetal-error.ts';

/** Version discovery, open to everyone, and the negotiation of the microversion (api-ref "Microversions"). */
export const MICROVERSION_MIN = '1.1';
export const MICROVERSION_MAX = '1.37';
const VERSION_HEADER = 'x-openstack-ironic-api-version';

const minorOf = (version: string): number | undefined => {
  const match = /^1\.(\d{1,3})$/.exec(version.trim());
  return match ? Number(match[1]) : undefined;
};

/** Every route of the API: none asked means the minimum, `latest` the maximum, anything outside is a 406 that tells the range. */
export function negotiateMicroversion(app: FastifyInstance): void {
  app.addHook('onRequest', async (request, reply) => {
    const asked = String(request.headers[VERSION_HEADER] ?? MICROVERSION_MIN);
    const version = asked === 'latest' ? MICROVERSION_MAX : asked;
    const minor = minorOf(version);
    const fits = minor !== undefined && minor >= minorOf(MICROVERSION_MIN)! && minor <= minorOf(MICROVERSION_MAX)!;
    reply.headers({
      'x-openstack-ironic-api-minimum-version': MICROVERSION_MIN,
      'x-openstack-ironic-api-maximum-version': MICROVERSION_MAX,
      [VERSION_HEADER]: fits ? version : MICROVERSION_MIN,
      vary: VERSION_HEADER,
    });
    if (!fits)
      await reply
        .status(406)
        .send(errorBody(406, `Version ${asked} is not supported. The supported versions are ${MICROVERSION_MIN} to ${MICROVERSION_MAX}.`));
  });
}

export function versionRoutes(app: FastifyInstance): void {
  const base = (request: FastifyRequest) => `${request.protocol}://${request.host}/baremetal`;
  const v1 = (request: FastifyRequest) => ({
    id: 'v1',
    status: 'CURRENT',
    min_version: MICROVERSION_MIN,
    version: MICROVERSION_MAX,
    links: [{ href: `${base(request)}/v1/`, rel: 'self' }],
  });
  const root = async (request: FastifyRequest) => ({
    name: 'Rackwright Bare Metal API',
    description: 'Bare Metal v1',
    default_version: v1(request),
    versions: [v1(request)],
  });
  const version = async (request: FastifyRequest) => ({
    ...v1(request),
    version: v1(request),
    media_types: [{ base: 'application/json', type: 'application/vnd.openstack.ironic.v1+json' }],
    nodes: [{ href: `${base(request)}/v1/nodes/`, rel: 'self' }],
    ports: [{ href: `${base(request)}/v1/ports/`, rel: 'self' }],
  });
  app.get('/', root);
  app.get('/v1', version);
  app.get('/v1/', version);
}
