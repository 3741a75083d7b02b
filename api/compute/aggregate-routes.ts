import {
  addHost,
  changeAggregate,
  createAggregate,
  deleteAggregate,
  listAggregates,
  readAggregate,
  removeHost,
  type Aggregate,
} from '../../compute/aggregate-service.ts';
import type { JsonSchema } from '../json-schema.ts';
import { ok, Refusal, type Answer } from '../service-plugin.ts';
import { NAME, readBody, wrapped } from './compute-body.ts';
import { dbOf, type ComputeCall, type ComputeRoute } from './compute-context.ts';
import { plainTime } from './compute-page.ts';

/** Hosts with something in common, and the zones that are made of them. */
const UUID_SINCE = 41;

const createdView = (call: ComputeCall, aggregate: Aggregate) => ({
  id: aggregate.id,
  ...(call.minor >= UUID_SINCE ? { uuid: aggregate.uuid } : {}),
  name: aggregate.name,
  availability_zone: (aggregate.metadata as Record<string, string>)['availability_zone'] ?? null,
  created_at: plainTime(aggregate.created_at),
  updated_at: plainTime(aggregate.updated_at),
  deleted: false,
  deleted_at: null,
});

const view = (call: ComputeCall, aggregate: Aggregate) => ({
  ...createdView(call, aggregate),
  hosts: aggregate.hosts,
  metadata: aggregate.metadata,
});
const answer = (call: ComputeCall, aggregate: Aggregate): Answer => ok({ aggregate: view(call, aggregate) });

const ZONE: JsonSchema = { ...NAME, type: ['string', 'null'], pattern: '^(?!\\s)[^:]*[^:\\s]$' };
const CREATE = wrapped('aggregate', {
  type: 'object',
  properties: { name: NAME, availability_zone: ZONE },
  required: ['name'],
  additionalProperties: false,
});
const UPDATE = wrapped('aggregate', {
  type: 'object',
  properties: { name: NAME, availability_zone: ZONE },
  minProperties: 1,
  additionalProperties: false,
});
const HOST: JsonSchema = {
  type: 'object',
  properties: { host: { type: 'string', minLength: 1, maxLength: 255, pattern: '^[a-zA-Z0-9-._:]+$' } },
  required: ['host'],
  additionalProperties: false,
};
const METADATA: JsonSchema = wrapped('metadata', {
  type: 'object',
  patternProperties: { '^[a-zA-Z0-9-_:. ]{1,255}$': { type: ['string', 'null'], maxLength: 255 } },
  additionalProperties: false,
});
const ACTIONS: Readonly<Record<string, { rule: string; schema: JsonSchema; work(call: ComputeCall, body: never): Promise<Aggregate> }>> = {
  add_host: { rule: 'add_host', schema: HOST, work: (call, { host }: { host: string }) => addHost(dbOf(call), idOf(call), host) },
  remove_host: { rule: 'remove_host', schema: HOST, work: (call, { host }: { host: string }) => removeHost(dbOf(call), idOf(call), host) },
  set_metadata: {
    rule: 'set_metadata',
    schema: METADATA,
    work: (call, { metadata }: { metadata: Record<string, string | null> }) => changeAggregate(dbOf(call), idOf(call), { metadata }),
  },
};
const idOf = (call: ComputeCall) => call.params['aggregate_id']!;

async function act(call: ComputeCall): Promise<Answer> {
  const name = typeof call.body === 'object' && call.body !== null ? (Object.keys(call.body)[0] ?? '') : '';
  if (!Object.hasOwn(ACTIONS, name)) throw new Refusal(400, `There is no such action: ${name.slice(0, 60)}`);
  const { rule, schema, work } = ACTIONS[name]!;
  call.require(`os_compute_api:os-aggregates:${rule}`);
  return answer(call, await work(call, readBody<Record<string, never>>(call, wrapped(name, schema))[name]!));
}

async function update(call: ComputeCall): Promise<Answer> {
  call.require('os_compute_api:os-aggregates:update');
  const { aggregate } = readBody<{ aggregate: { name?: string; availability_zone?: string | null } }>(call, UPDATE);
  const { name, availability_zone: zone } = aggregate;
  return answer(
    call,
    await changeAggregate(dbOf(call), idOf(call), {
      ...(name === undefined ? {} : { name }),
      ...(zone === undefined ? {} : { metadata: { availability_zone: zone } }),
    }),
  );
}

const PATH = '/v2.1/os-aggregates';
const ONE = `${PATH}/:aggregate_id`;

export const aggregateRoutes: readonly ComputeRoute[] = [
  {
    method: 'GET',
    path: PATH,
    async handle(call) {
      call.require('os_compute_api:os-aggregates:index');
      return ok({ aggregates: (await listAggregates(dbOf(call))).map((aggregate) => view(call, aggregate)) });
    },
  },
  {
    method: 'POST',
    path: PATH,
    async handle(call) {
      call.require('os_compute_api:os-aggregates:create');
      const { aggregate } = readBody<{ aggregate: { name: string; availability_zone?: string | null } }>(call, CREATE);
      return ok({ aggregate: createdView(call, await createAggregate(dbOf(call), aggregate.name, aggregate.availability_zone ?? null)) });
    },
  },
  {
    method: 'GET',
    path: ONE,
    async handle(call) {
      call.require('os_compute_api:os-aggregates:show');
      return answer(call, await readAggregate(dbOf(call), idOf(call)));
    },
  },
  { method: 'PUT', path: ONE, handle: update },
  {
    method: 'DELETE',
    path: ONE,
    async handle(call) {
      call.require('os_compute_api:os-aggregates:delete');
      await deleteAggregate(dbOf(call), idOf(call));
      return { status: 200 };
    },
  },
  { method: 'POST', path: `${ONE}/action`, handle: act },
];
