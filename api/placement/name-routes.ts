import {
  deleteClass,
  deleteTrait,
  ensureClass,
  ensureTrait,
  getClass,
  getTrait,
  listClasses,
  listTraits,
  renameClass,
  type NameRow,
  type TraitFilter,
} from '../../compute/placement-name-service.ts';
import { setAggregates, setTraits } from '../../compute/placement-provider-service.ts';
import { validateJson, type JsonSchema } from '../json-schema.ts';
import { Refusal } from '../service-plugin.ts';
import { answerJson, checkQuery, newest, readBody } from './placement-body.ts';
import type { PlacementCall, PlacementRoute } from './placement-context.ts';
import { emptyAnswer, findProvider } from './provider-routes.ts';

/** Resource classes, traits, and the traits and aggregates of a provider. */
const CLASS_NAME: JsonSchema = { type: 'string', pattern: '^CUSTOM_[A-Z0-9_]+$', minLength: 1, maxLength: 255 };
const classSchema: JsonSchema = { type: 'object', properties: { name: CLASS_NAME }, required: ['name'], additionalProperties: false };
const classView = ({ name }: { readonly name: string }) => ({ name, links: [{ rel: 'self', href: `/resource_classes/${name}` }] });
const TRAIT: JsonSchema = { type: 'string', pattern: '^[A-Z0-9_]+$', minLength: 1, maxLength: 255 };
const generation = { type: 'integer' } as const;
const traitsSchema: JsonSchema = {
  type: 'object',
  properties: { traits: { type: 'array', items: TRAIT }, resource_provider_generation: generation },
  required: ['resource_provider_generation', 'traits'],
  additionalProperties: false,
};
const aggregateList: JsonSchema = { type: 'array', items: { type: 'string', format: 'uuid' }, uniqueItems: true };
const aggregatesSchema: JsonSchema = {
  type: 'object',
  properties: { aggregates: aggregateList, resource_provider_generation: generation },
  required: ['resource_provider_generation', 'aggregates'],
  additionalProperties: false,
};
const AGGREGATE_GENERATIONS_SINCE = 19;

const dbOf = (call: PlacementCall) => call.context.database.db;

export const resourceClassRoutes: readonly PlacementRoute[] = [
  {
    method: 'GET',
    path: '/resource_classes',
    since: 2,
    async handle(call) {
      call.require('placement:resource_classes:list');
      const rows = await listClasses(dbOf(call));
      return answerJson(call, { resource_classes: rows.map(classView) }, changedOf(rows));
    },
  },
  {
    method: 'POST',
    path: '/resource_classes',
    since: 2,
    async handle(call) {
      call.require('placement:resource_classes:create');
      const { name } = readBody<{ name: string }>(call, classSchema);
      if (!(await ensureClass(dbOf(call), name))) throw new Refusal(409, `Conflicting resource class already exists: ${name}`);
      return { status: 201, headers: { location: `${call.base}/resource_classes/${name}` } };
    },
  },
  {
    method: 'GET',
    path: '/resource_classes/:name',
    since: 2,
    async handle(call) {
      call.require('placement:resource_classes:show');
      const row = await getClass(dbOf(call), call.params['name']!);
      return answerJson(call, classView(row), row.updatedAt);
    },
  },
  {
    method: 'PUT',
    path: '/resource_classes/:name',
    since: 2,
    async handle(call) {
      call.require('placement:resource_classes:update');
      return call.minor < 7 ? rename(call) : ensure(call);
    },
  },
  {
    method: 'DELETE',
    path: '/resource_classes/:name',
    since: 2,
    async handle(call) {
      call.require('placement:resource_classes:delete');
      await deleteClass(dbOf(call), call.params['name']!);
      return { status: 204 };
    },
  },
];

const changedOf = (rows: readonly NameRow[]) => newest(rows.map((row) => row.updatedAt));

async function rename(call: PlacementCall) {
  const { name } = readBody<{ name: string }>(call, classSchema);
  await renameClass(dbOf(call), call.params['name']!, name);
  return { status: 200, body: classView({ name }) };
}

async function ensure(call: PlacementCall) {
  const name = call.params['name']!;
  const refusal = validateJson(CLASS_NAME, name);
  if (refusal !== undefined)
    throw new Refusal(400, `JSON does not validate: ${refusal.message}\n\nFailed validating '${refusal.keyword}' in schema`);
  const made = await ensureClass(dbOf(call), name);
  return { status: made ? 201 : 204, headers: { location: `${call.base}/resource_classes/${name}` } };
}

const traitsQuery: JsonSchema = {
  type: 'object',
  properties: { name: { type: 'string' }, associated: { type: 'string' } },
  additionalProperties: false,
};

function readTraitFilter(query: URLSearchParams): TraitFilter {
  const [name, associated] = [query.get('name'), query.get('associated')];
  if (associated !== null && !/^(true|false)$/i.test(associated))
    throw new Refusal(400, `The query parameter "associated" only accepts "true" or "false"`);
  const [kind, ...rest] = (name ?? '').split(':');
  const value = rest.join(':');
  if (name !== null && (rest.length === 0 || (kind !== 'in' && kind !== 'startswith')))
    throw new Refusal(
      400,
      `Badly formatted name parameter. Expected name query string parameter in form: ?name=[in|startswith]:[name1,name2|prefix]. Got: "${name}"`,
    );
  return {
    ...(kind === 'in' ? { names: value.split(',') } : {}),
    ...(kind === 'startswith' ? { prefix: value } : {}),
    ...(associated === null ? {} : { associated: /^true$/i.test(associated) }),
  };
}

export const traitRoutes: readonly PlacementRoute[] = [
  {
    method: 'GET',
    path: '/traits',
    since: 6,
    query: ['name', 'associated'],
    async handle(call) {
      call.require('placement:traits:list');
      checkQuery(call, traitsQuery);
      const rows = await listTraits(dbOf(call), readTraitFilter(call.query));
      return answerJson(call, { traits: rows.map((row) => row.name) }, changedOf(rows));
    },
  },
  {
    method: 'GET',
    path: '/traits/:name',
    since: 6,
    async handle(call) {
      call.require('placement:traits:show');
      const row = await getTrait(dbOf(call), call.params['name']!);
      return emptyAnswer(call, 204, {}, row.updatedAt);
    },
  },
  {
    method: 'PUT',
    path: '/traits/:name',
    since: 6,
    async handle(call) {
      call.require('placement:traits:update');
      const name = call.params['name']!;
      const made = await ensureTrait(dbOf(call), name);
      return emptyAnswer(call, made ? 201 : 204, { location: `${call.base}/traits/${name}` }, new Date());
    },
  },
  {
    method: 'DELETE',
    path: '/traits/:name',
    since: 6,
    async handle(call) {
      call.require('placement:traits:delete');
      await deleteTrait(dbOf(call), call.params['name']!);
      return { status: 204 };
    },
  },
];

export const providerNameRoutes: readonly PlacementRoute[] = [
  {
    method: 'GET',
    path: '/resource_providers/:uuid/traits',
    since: 6,
    async handle(call) {
      call.require('placement:resource_providers:traits:list');
      const provider = await findProvider(call);
      return answerJson(call, { resource_provider_generation: provider.generation, traits: [...provider.traits] }, provider.updatedAt);
    },
  },
  {
    method: 'PUT',
    path: '/resource_providers/:uuid/traits',
    since: 6,
    async handle(call) {
      call.require('placement:resource_providers:traits:update');
      const body = readBody<{ traits: string[]; resource_provider_generation: number }>(call, traitsSchema);
      const row = await setTraits(dbOf(call), call.params['uuid']!, body.resource_provider_generation, body.traits);
      return answerJson(call, { resource_provider_generation: row.generation, traits: [...new Set(body.traits)].sort() }, row.updated_at);
    },
  },
  {
    method: 'DELETE',
    path: '/resource_providers/:uuid/traits',
    since: 6,
    async handle(call) {
      call.require('placement:resource_providers:traits:delete');
      await setTraits(dbOf(call), call.params['uuid']!, undefined, []);
      return { status: 204 };
    },
  },
  {
    method: 'GET',
    path: '/resource_providers/:uuid/aggregates',
    since: 1,
    async handle(call) {
      call.require('placement:resource_providers:aggregates:list');
      const { aggregates, generation: shown, updatedAt } = await findProvider(call);
      return answerJson(call, aggregatesView(call, [...aggregates], shown), updatedAt);
    },
  },
  {
    method: 'PUT',
    path: '/resource_providers/:uuid/aggregates',
    since: 1,
    async handle(call) {
      call.require('placement:resource_providers:aggregates:update');
      await findProvider(call);
      const { aggregates, resource_provider_generation: asked } = readAggregates(call);
      const row = await setAggregates(dbOf(call), call.params['uuid']!, asked, aggregates);
      return answerJson(call, aggregatesView(call, aggregates, row.generation), row.updated_at);
    },
  },
];

function readAggregates(call: PlacementCall): { aggregates: string[]; resource_provider_generation?: number } {
  return call.minor >= AGGREGATE_GENERATIONS_SINCE
    ? readBody(call, aggregatesSchema)
    : { aggregates: readBody<string[]>(call, aggregateList) };
}

const aggregatesView = (call: PlacementCall, aggregates: readonly string[], shown: number) => ({
  aggregates,
  ...(call.minor >= AGGREGATE_GENERATIONS_SINCE ? { resource_provider_generation: shown } : {}),
});
