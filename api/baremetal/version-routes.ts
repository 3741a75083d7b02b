import type { FastifyInstance, FastifyRequest } from 'fastify';
import { MICROVERSION_MAX, MICROVERSION_MIN, minorOf, versionText } from './microversion.ts';
import { links } from './field-table.ts';

/** Version discovery, open to everyone. */
const RESOURCES: readonly (readonly [name: string, since: number])[] = [
  ['chassis', 1],
  ['nodes', 1],
  ['ports', 1],
  ['drivers', 1],
  ['lookup', 22],
  ['heartbeat', 22],
  ['portgroups', 23],
  ['volume', 32],
  ['conductors', 49],
  ['allocations', 52],
  ['events', 54],
  ['deploy_templates', 55],
  ['shards', 82],
  ['continue_inspection', 84],
  ['runbooks', 92],
  ['inspection_rules', 96],
];

export function versionRoutes(app: FastifyInstance): void {
  const base = (request: FastifyRequest) => `${request.protocol}://${request.host}/baremetal`;
  const v1 = (request: FastifyRequest) => ({
    id: 'v1',
    status: 'CURRENT',
    min_version: versionText(MICROVERSION_MIN),
    version: versionText(MICROVERSION_MAX),
    links: [{ href: `${base(request)}/v1/`, rel: 'self' }],
  });
  const root = async (request: FastifyRequest) => ({
    name: 'Rackwright Bare Metal API',
    description: 'The Bare Metal API v1 of OpenStack, spoken by Rackwright.',
    default_version: v1(request),
    versions: [v1(request)],
  });
  const version = async (request: FastifyRequest) => ({
    id: 'v1',
    links: [...v1(request).links, { href: 'https://docs.openstack.org/api-ref/baremetal/', rel: 'describedby', type: 'text/html' }],
    media_types: { base: 'application/json', type: 'application/vnd.openstack.ironic.v1+json' },
    version: v1(request),
    ...Object.fromEntries(
      RESOURCES.filter(([, since]) => since <= minorOf(request)).map(([name]) => [name, links(base(request), `${name}/`)]),
    ),
  });
  app.get('/', root);
  app.get('/v1', version);
  app.get('/v1/', version);
}
