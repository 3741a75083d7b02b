import { z } from 'zod';
import {
  createProtocol,
  createProvider,
  deleteProtocol,
  deleteProvider,
  listProtocols,
  listProviders,
  mustFindProtocol,
  mustFindProvider,
  updateProtocol,
  updateProvider,
  type ProtocolRecord,
  type ProviderRecord,
} from '../../identity/federation-service.ts';
import { readSelection } from '../../identity/list-query-policy.ts';
import { mappingShape } from '../../identity/mapping-policy.ts';
import { mappingKind, serviceProviderKind } from '../../identity/record-kinds.ts';
import { listAnswer } from './collection-view.ts';
import { created, noContent, ok, type Answer, type Call, type IdentityRoute } from './identity-route.ts';
import { recordRoutes } from './record-routes.ts';
import { change, id, nullableDescription } from './shapes.ts';

/** OS-FEDERATION: whom we trust and how their words are read. Signing in by them is in `federation-login-routes.ts`. */
const PROVIDERS = '/OS-FEDERATION/identity_providers';
const remoteIds = z
  .array(z.string())
  .refine((ids) => new Set(ids).size === ids.length, 'names one twice')
  .nullable();
const providerChange = z.strictObject({
  enabled: z.boolean().optional(),
  description: nullableDescription.optional(),
  authorization_ttl: z.number().int().min(0).nullable().optional(),
  remote_ids: remoteIds.optional(),
});
const providerShape = providerChange.extend({ domain_id: id.nullable().optional() });
const protocolShape = z.strictObject({
  mapping_id: z
    .string()
    .regex(/^[a-zA-Z0-9-_]+$/, 'is not an id')
    .max(64),
  remote_id_attribute: z.string().max(64).optional(),
});

const url = z
  .string()
  .min(1)
  .max(225)
  .regex(/^[a-zA-Z0-9+.-]+:.+/, 'is not a URL');
const spShape = z.strictObject({
  auth_url: url,
  sp_url: url,
  description: nullableDescription.optional(),
  enabled: z.boolean().optional(),
  relay_state_prefix: nullableDescription.optional(),
});
const RELAY_STATE_PREFIX = 'ss:mem:';

function providerView(call: Call, provider: ProviderRecord): object {
  const self = `${call.base}${PROVIDERS}/${provider.id}`;
  return {
    id: provider.id,
    domain_id: provider.domain_id,
    enabled: provider.enabled,
    description: provider.description,
    authorization_ttl: provider.authorization_ttl_minutes,
    remote_ids: provider.remoteIds,
    links: { self, protocols: `${self}/protocols` },
  };
}

function protocolView(call: Call, protocol: ProtocolRecord): object {
  const provider = `${call.base}${PROVIDERS}/${protocol.provider_id}`;
  return {
    id: protocol.id,
    mapping_id: protocol.mapping_id,
    ...(protocol.remote_id_attribute === null ? {} : { remote_id_attribute: protocol.remote_id_attribute }),
    links: { self: `${provider}/protocols/${protocol.id}`, identity_provider: provider },
  };
}

const route = (method: IdentityRoute['method'], path: string, rule: string, handle: (call: Call) => Promise<Answer>): IdentityRoute => ({
  method,
  path,
  handle: async (call) => {
    call.require(rule);
    return handle(call);
  },
});
const idp = (call: Call) => call.params['idp_id']!;

const providerRoutes: readonly IdentityRoute[] = [
  route('GET', PROVIDERS, 'identity:list_identity_providers', async (call) => {
    const found = await listProviders(call.identity.db, readSelection(call.query, { id: 'text', enabled: 'boolean' }));
    return listAnswer(
      call,
      'identity_providers',
      found.map((provider) => providerView(call, provider)),
    );
  }),
  route('PUT', `${PROVIDERS}/:idp_id`, 'identity:create_identity_provider', async (call) => {
    const provider = await createProvider(call.identity, idp(call), call.read('identity_provider', providerShape));
    return created({ identity_provider: providerView(call, provider) });
  }),
  route('GET', `${PROVIDERS}/:idp_id`, 'identity:get_identity_provider', async (call) =>
    ok({ identity_provider: providerView(call, await mustFindProvider(call.identity.db, idp(call))) }),
  ),
  route('PATCH', `${PROVIDERS}/:idp_id`, 'identity:update_identity_provider', async (call) => {
    const provider = await updateProvider(call.identity, idp(call), call.read('identity_provider', change(providerChange)));
    return ok({ identity_provider: providerView(call, provider) });
  }),
  route('DELETE', `${PROVIDERS}/:idp_id`, 'identity:delete_identity_provider', async (call) => {
    await deleteProvider(call.identity, idp(call));
    return noContent;
  }),
];

const PROTOCOL = `${PROVIDERS}/:idp_id/protocols/:protocol_id`;
const protocolId = (call: Call) => call.params['protocol_id']!;

const protocolRoutes: readonly IdentityRoute[] = [
  route('GET', `${PROVIDERS}/:idp_id/protocols`, 'identity:list_protocols', async (call) => {
    const found = await listProtocols(call.identity.db, idp(call), readSelection(call.query, {}));
    return listAnswer(
      call,
      'protocols',
      found.map((protocol) => protocolView(call, protocol)),
    );
  }),
  route('PUT', PROTOCOL, 'identity:create_protocol', async (call) => {
    const protocol = await createProtocol(call.identity, idp(call), protocolId(call), call.read('protocol', protocolShape));
    return created({ protocol: protocolView(call, protocol) });
  }),
  route('GET', PROTOCOL, 'identity:get_protocol', async (call) =>
    ok({ protocol: protocolView(call, await mustFindProtocol(call.identity.db, idp(call), protocolId(call))) }),
  ),
  route('PATCH', PROTOCOL, 'identity:update_protocol', async (call) => {
    const protocol = await updateProtocol(
      call.identity,
      idp(call),
      protocolId(call),
      call.read('protocol', change(protocolShape.partial())),
    );
    return ok({ protocol: protocolView(call, protocol) });
  }),
  route('DELETE', PROTOCOL, 'identity:delete_protocol', async (call) => {
    await deleteProtocol(call.identity, idp(call), protocolId(call));
    return noContent;
  }),
];

export const federationRoutes: readonly IdentityRoute[] = [
  ...providerRoutes,
  ...protocolRoutes,
  ...recordRoutes({
    kind: mappingKind,
    path: '/OS-FEDERATION/mappings',
    singular: 'mapping',
    plural: 'mappings',
    byPut: true,
    create: mappingShape,
    change: mappingShape,
    view: ({ id: mappingId, rules, schema_version: version }) => ({ id: mappingId, rules, schema_version: version }),
  }),
  ...recordRoutes({
    kind: serviceProviderKind,
    path: '/OS-FEDERATION/service_providers',
    singular: 'service_provider',
    plural: 'service_providers',
    byPut: true,
    create: spShape,
    change: change(spShape.partial()),
    filters: { id: 'text', enabled: 'boolean' },
    prepare: (given, call) =>
      call.method === 'PUT' ? { enabled: false, ...given, relay_state_prefix: given['relay_state_prefix'] ?? RELAY_STATE_PREFIX } : given,
  }),
];
