import { randomUUID } from 'node:crypto';
import { noProvider } from '../../compute/placement-error.ts';
import type { Provider } from '../../compute/placement-model.ts';
import { createProvider, deleteProvider, updateProvider } from '../../compute/placement-provider-service.ts';
import { filterProviders, NO_FILTER } from '../../compute/provider-filter-policy.ts';
import type { JsonSchema } from '../json-schema.ts';
import type { PlacementCall, PlacementRoute } from './placement-context.ts';
import { answerJson, cacheHeaders, checkQuery, newest, readBody, requireJsonWanted } from './placement-body.ts';
import { providerView, shownRow } from './provider-view.ts';
import { readGroups, requireKnownNames } from './query-groups.ts';

const name = { type: 'string', minLength: 1, maxLength: 200 } as const;
const uuid = { type: 'string', format: 'uuid' } as const;

function bodySchema(minor: number, isUpdate: boolean): JsonSchema {
  return {
    type: 'object',
    properties: {
      name,
      ...(isUpdate ? {} : { uuid }),
      ...(minor >= 14 ? { parent_provider_uuid: { type: ['string', 'null'], format: 'uuid' } } : {}),
    },
    required: ['name'],
    additionalProperties: false,
  };
}

interface ProviderBody {
  readonly name: string;
  readonly uuid?: string;
  readonly parent_provider_uuid?: string | null;
}

function querySchema(minor: number): JsonSchema {
  const names = ['name', 'uuid', ...(minor >= 3 ? ['member_of'] : []), ...(minor >= 4 ? ['resources'] : [])];
  const more = [...(minor >= 14 ? ['in_tree'] : []), ...(minor >= 18 ? ['required'] : [])];
  const properties = Object.fromEntries([...names, ...more].map((each) => [each, { type: 'string' } as const]));
  return { type: 'object', properties: { ...properties, uuid }, additionalProperties: false };
}

/** @throws PlacementError 404 */
export async function findProvider(call: PlacementCall): Promise<Provider> {
  const model = await call.context.snapshot.read();
  const provider = model.providers.get(call.params['uuid']!.toLowerCase());
  if (provider === undefined) throw noProvider(call.params['uuid']!);
  return provider;
}

export const providerRoutes: readonly PlacementRoute[] = [
  {
    method: 'GET',
    path: '/resource_providers',
    query: ['name', 'uuid', 'member_of', 'resources', 'in_tree', 'required'],
    async handle(call) {
      call.require('placement:resource_providers:list');
      requireJsonWanted(call);
      checkQuery(call, querySchema(call.minor));
      const filter = readGroups(call.query, call.minor).get('') ?? NO_FILTER;
      await requireKnownNames(call.context.database.db, [filter]);
      const model = await call.context.snapshot.read();
      const [wantedName, wantedUuid] = [call.query.get('name'), call.query.get('uuid')?.toLowerCase()];
      const found = filterProviders(model, filter).filter(
        (provider) => (wantedName === null || provider.name === wantedName) && (wantedUuid === undefined || provider.uuid === wantedUuid),
      );
      return answerJson(
        call,
        { resource_providers: found.map((provider) => providerView(provider, call.minor)) },
        newest(found.map((provider) => provider.updatedAt)),
      );
    },
  },
  {
    method: 'POST',
    path: '/resource_providers',
    async handle(call) {
      call.require('placement:resource_providers:create');
      const body = readBody<ProviderBody>(call, bodySchema(call.minor, false));
      const row = await createProvider(call.context.database.db, {
        uuid: (body.uuid ?? randomUUID()).toLowerCase(),
        name: body.name,
        parentUuid: body.parent_provider_uuid ?? null,
      });
      const location = `${call.base}/resource_providers/${row.uuid}`;
      if (call.minor < 20) return { status: 201, headers: { location } };
      const answer = answerJson(call, providerView(shownRow(row), call.minor), row.updated_at);
      return { ...answer, headers: { ...answer.headers, location } };
    },
  },
  {
    method: 'GET',
    path: '/resource_providers/:uuid',
    async handle(call) {
      call.require('placement:resource_providers:show');
      const provider = await findProvider(call);
      requireJsonWanted(call);
      return answerJson(call, providerView(provider, call.minor), provider.updatedAt);
    },
  },
  {
    method: 'PUT',
    path: '/resource_providers/:uuid',
    async handle(call) {
      call.require('placement:resource_providers:update');
      const body = readBody<ProviderBody>(call, bodySchema(call.minor, true));
      const row = await updateProvider(call.context.database.db, call.params['uuid']!, {
        name: body.name,
        parentUuid: body.parent_provider_uuid,
        mayMove: call.minor >= 37,
      });
      return answerJson(call, providerView(shownRow(row), call.minor), row.updated_at);
    },
  },
  {
    method: 'DELETE',
    path: '/resource_providers/:uuid',
    async handle(call) {
      call.require('placement:resource_providers:delete');
      await deleteProvider(call.context.database.db, call.params['uuid']!);
      return { status: 204 };
    },
  },
];

export const emptyAnswer = (call: PlacementCall, status: number, headers: Record<string, string> = {}, changed?: Date) => ({
  status,
  headers: { ...headers, ...(changed === undefined ? {} : cacheHeaders(call, changed)) },
});
