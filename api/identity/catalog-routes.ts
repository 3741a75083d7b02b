import { z } from 'zod';
import { badRequest } from '../../identity/identity-error.ts';
import { createRecord, findRecord, mustFindRecord, type StoredRecord } from '../../identity/record-service.ts';
import { endpointGroupKind, endpointKind, policyKind, regionKind, serviceKind } from '../../identity/record-kinds.ts';
import { created, type Call, type IdentityRoute } from './identity-route.ts';
import { withLink } from './collection-view.ts';
import { recordRoutes } from './record-routes.ts';
import { change, nullableDescription, text } from './shapes.ts';

/** Regions, services, endpoints, policies, groups of endpoints. */
const regionShape = z.looseObject({
  id: z.string().min(1).max(255).optional(),
  description: nullableDescription.optional(),
  parent_region_id: z.string().nullable().optional(),
});
const describe = (given: Record<string, unknown>) => ({ ...given, ...(given['description'] === null ? { description: '' } : {}) });

const serviceShape = z.looseObject({
  type: z.string().min(1).max(255),
  name: text(255).optional(),
  description: nullableDescription.optional(),
  enabled: z.boolean().optional(),
});

const endpointShape = z.looseObject({
  interface: z.enum(['admin', 'internal', 'public']),
  service_id: z.string(),
  url: z
    .string()
    .min(1)
    .max(225)
    .regex(/^[a-zA-Z0-9+.-]+:.+/, 'is not a URL'),
  region_id: z.string().nullable().optional(),
  region: z.string().nullable().optional(),
  enabled: z.boolean().optional(),
});

/** An older client names a `region`: it is made when it is not there, as Keystone does. */
async function regionOf(given: Record<string, unknown>, call: Call): Promise<Record<string, unknown>> {
  const { region, ...rest } = given;
  if (rest['region_id'] != null || typeof region !== 'string') return rest;
  if ((await findRecord(call.identity.db, regionKind, region)) === undefined) await createRecord(call.identity, regionKind, region, {});
  return { ...rest, region_id: region };
}

const endpointView = ({ extra, ...endpoint }: StoredRecord) => ({ ...(extra as object), ...endpoint, region: endpoint['region_id'] });
export const endpointAnswer = (call: Call, endpoint: StoredRecord) => {
  const { extra: _hidden, ...view } = withLink(call, 'endpoints', endpoint, endpointView(endpoint)) as { extra?: object };
  return view;
};

const GROUP_FILTERS = ['service_id', 'region_id', 'interface'];
const filters = z
  .record(z.string(), z.unknown())
  .refine((given) => Object.keys(given).length > 0, 'must not be empty')
  .refine((given) => Object.keys(given).every((name) => GROUP_FILTERS.includes(name)), `may hold ${GROUP_FILTERS.join(', ')} only`);
const groupShape = z.looseObject({ name: text(255), description: nullableDescription.optional(), filters });

const policyShape = z.looseObject({ blob: z.string(), type: z.string().max(255) });

export const catalogRoutes: readonly IdentityRoute[] = [
  ...recordRoutes({
    kind: regionKind,
    path: '/regions',
    singular: 'region',
    plural: 'regions',
    create: regionShape,
    change: change(regionShape.omit({ id: true })),
    filters: { parent_region_id: 'text' },
    prepare: describe,
  }),
  {
    method: 'PUT',
    path: '/regions/:region_id',
    handle: async (call) => {
      call.require('identity:create_region');
      const regionId = call.params['region_id']!;
      const given = call.read('region', regionShape);
      if (given.id !== undefined && given.id !== regionId)
        throw badRequest('Conflicting region IDs specified: the one of the URL and the one of the body differ.');
      await createRecord(call.identity, regionKind, regionId, describe(given));
      const { extra, ...region } = await mustFindRecord(call.identity.db, regionKind, regionId);
      return created({ region: withLink(call, 'regions', { ...extra, ...region } as { id: string }) });
    },
  },
  ...recordRoutes({
    kind: serviceKind,
    path: '/services',
    singular: 'service',
    plural: 'services',
    create: serviceShape,
    change: change(serviceShape.partial()),
    filters: { type: 'text', name: 'text' },
    prepare: (given, call) => (call.method === 'POST' ? { enabled: true, ...given } : given),
    view: ({ extra, ...service }) => ({ ...extra, ...service, description: service['description'] ?? undefined }),
  }),
  ...recordRoutes({
    kind: endpointKind,
    path: '/endpoints',
    singular: 'endpoint',
    plural: 'endpoints',
    existenceIsOpen: true,
    create: endpointShape,
    change: change(endpointShape.partial()),
    filters: { interface: 'text', service_id: 'text', region_id: 'text' },
    prepare: async (given, call) => ({ ...(call.method === 'POST' ? { enabled: true } : {}), ...(await regionOf(given, call)) }),
    view: endpointView,
  }),
  ...recordRoutes({
    kind: policyKind,
    path: '/policies',
    singular: 'policy',
    plural: 'policies',
    create: policyShape,
    change: change(policyShape.partial()),
    filters: { type: 'text' },
  }),
  ...recordRoutes({
    kind: endpointGroupKind,
    path: '/OS-EP-FILTER/endpoint_groups',
    singular: 'endpoint_group',
    plural: 'endpoint_groups',
    create: groupShape,
    change: change(groupShape.partial()),
    filters: { name: 'text' },
  }),
];
