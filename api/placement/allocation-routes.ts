import {
  deleteAllocations,
  putAllocations,
  readAllocations,
  reshape,
  type AllocationRow,
  type Claim,
} from '../../compute/placement-allocation-service.ts';
import { isUuid } from '../../compute/placement-provider-service.ts';
import type { JsonSchema } from '../json-schema.ts';
import { Refusal } from '../service-plugin.ts';
import { inventoriesSchema, requireClasses, toInventory, type InventoryBody } from './inventory-routes.ts';
import { answerJson, newest, readBody } from './placement-body.ts';
import type { PlacementCall, PlacementRoute } from './placement-context.ts';
import { findProvider } from './provider-routes.ts';

/** Claims: the body's form by microversion (api-ref "Allocations"). */
const UUID_PATTERN = '^[0-9a-fA-F]{8}-?([0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}$';
const RESOURCES: JsonSchema = {
  type: 'object',
  minProperties: 1,
  patternProperties: { '^[A-Z0-9_]+$': { type: 'integer', minimum: 1, maximum: 2_147_483_647 } },
  additionalProperties: false,
};
const NAME: JsonSchema = { type: 'string', minLength: 1, maxLength: 255 };
export const CONSUMER_TYPE: JsonSchema = { type: 'string', pattern: '^[A-Z0-9_]+$', minLength: 1, maxLength: 255 };

const listed: JsonSchema = {
  type: 'array',
  minItems: 1,
  items: {
    type: 'object',
    properties: {
      resource_provider: {
        type: 'object',
        properties: { uuid: { type: 'string', format: 'uuid' } },
        required: ['uuid'],
        additionalProperties: false,
      },
      resources: RESOURCES,
    },
    required: ['resource_provider', 'resources'],
    additionalProperties: false,
  },
};
const keyed = (isEmptyFine: boolean): JsonSchema => ({
  type: 'object',
  ...(isEmptyFine ? {} : { minProperties: 1 }),
  patternProperties: {
    [UUID_PATTERN]: {
      type: 'object',
      properties: { generation: { type: 'integer' }, resources: RESOURCES },
      required: ['resources'],
      additionalProperties: false,
    },
  },
  additionalProperties: false,
});

function claimSchema(minor: number, isOneOfMany: boolean): JsonSchema {
  const hasOwner = minor >= 8;
  const hasGeneration = minor >= 28;
  const hasType = minor >= 38;
  return {
    type: 'object',
    properties: {
      allocations: minor < 12 ? listed : keyed(isOneOfMany || hasGeneration),
      ...(hasOwner ? { project_id: NAME, user_id: NAME } : {}),
      ...(hasGeneration ? { consumer_generation: { type: ['integer', 'null'] } } : {}),
      ...(minor >= 34
        ? {
            mappings: {
              type: 'object',
              patternProperties: { '^[a-zA-Z0-9_-]{0,64}$': { type: 'array', items: { type: 'string', format: 'uuid' } } },
            },
          }
        : {}),
      ...(hasType ? { consumer_type: CONSUMER_TYPE } : {}),
    },
    required: [
      'allocations',
      ...(hasOwner ? ['project_id', 'user_id'] : []),
      ...(hasGeneration ? ['consumer_generation'] : []),
      ...(hasType ? ['consumer_type'] : []),
    ],
    additionalProperties: false,
  };
}

const manySchema = (minor: number): JsonSchema => ({
  type: 'object',
  minProperties: 1,
  patternProperties: { [UUID_PATTERN]: claimSchema(minor, true) },
  additionalProperties: false,
});

interface ClaimBody {
  readonly allocations:
    | readonly { readonly resource_provider: { readonly uuid: string }; readonly resources: Record<string, number> }[]
    | Record<string, { readonly resources: Record<string, number> }>;
  readonly project_id?: string;
  readonly user_id?: string;
  readonly consumer_generation?: number | null;
  readonly consumer_type?: string;
}

/** Consumers of clients so old that they do not say whose they are: Placement's own word for it. */
const NOBODYS = '00000000-0000-0000-0000-000000000000';

function toClaim(consumerUuid: string, body: ClaimBody): Claim {
  const entries: (readonly [string, Record<string, number>])[] = Array.isArray(body.allocations)
    ? (body.allocations as Extract<ClaimBody['allocations'], readonly unknown[]>).map(
        (one) => [one.resource_provider.uuid, one.resources] as const,
      )
    : Object.entries(body.allocations as Record<string, { resources: Record<string, number> }>).map(
        ([uuid, one]) => [uuid, one.resources] as const,
      );
  const allocations = new Map<string, Map<string, number>>();
  for (const [uuid, resources] of entries)
    allocations.set(uuid.toLowerCase(), new Map([...(allocations.get(uuid.toLowerCase()) ?? []), ...Object.entries(resources)]));
  return {
    consumerUuid: consumerUuid.toLowerCase(),
    allocations,
    projectId: body.project_id ?? NOBODYS,
    userId: body.user_id ?? NOBODYS,
    generation: body.consumer_generation,
    consumerType: body.consumer_type,
  };
}

function consumerOf(call: PlacementCall): string {
  const consumer = call.params['consumer']!;
  if (!isUuid(consumer)) throw new Refusal(400, `Malformed consumer_uuid: ${consumer}`);
  return consumer;
}

const resourcesOf = (rows: readonly AllocationRow[]) => Object.fromEntries(rows.map((row) => [row.resourceClass, row.used]));

function consumerView(call: PlacementCall, rows: readonly AllocationRow[]): object {
  const allocations = Object.fromEntries(
    [...Map.groupBy(rows, (row) => row.providerUuid)].map(([uuid, some]) => [
      uuid,
      { resources: resourcesOf(some), generation: some[0]!.providerGeneration },
    ]),
  );
  const [first] = rows;
  if (first === undefined) return { allocations };
  return {
    allocations,
    ...(call.minor >= 12 ? { project_id: first.projectId, user_id: first.userId } : {}),
    ...(call.minor >= 28 ? { consumer_generation: first.consumerGeneration } : {}),
    ...(call.minor >= 38 ? { consumer_type: first.consumerType ?? 'unknown' } : {}),
  };
}

const changedOf = (rows: readonly AllocationRow[]) => newest(rows.map((row) => row.updatedAt));

export const allocationRoutes: readonly PlacementRoute[] = [
  {
    method: 'GET',
    path: '/allocations/:consumer',
    async handle(call) {
      call.require('placement:allocations:list');
      const rows = await readAllocations(call.context.database.db, { consumer: call.params['consumer']! });
      return answerJson(call, consumerView(call, rows), changedOf(rows));
    },
  },
  {
    method: 'PUT',
    path: '/allocations/:consumer',
    async handle(call) {
      call.require('placement:allocations:update');
      const consumer = consumerOf(call);
      const body = readBody<ClaimBody>(call, claimSchema(call.minor, false));
      await putAllocations(call.context.database.db, [toClaim(consumer, body)]);
      return { status: 204 };
    },
  },
  {
    method: 'POST',
    path: '/allocations',
    since: 13,
    async handle(call) {
      call.require('placement:allocations:manage');
      const body = readBody<Record<string, ClaimBody>>(call, manySchema(call.minor));
      await putAllocations(call.context.database.db, toClaims(body));
      return { status: 204 };
    },
  },
  {
    method: 'DELETE',
    path: '/allocations/:consumer',
    async handle(call) {
      call.require('placement:allocations:delete');
      await deleteAllocations(call.context.database.db, call.params['consumer']!);
      return { status: 204 };
    },
  },
  {
    method: 'GET',
    path: '/resource_providers/:uuid/allocations',
    async handle(call) {
      call.require('placement:resource_providers:allocations:list');
      const provider = await findProvider(call);
      const rows = await readAllocations(call.context.database.db, { provider: provider.uuid });
      const allocations = Object.fromEntries(
        [...Map.groupBy(rows, (row) => row.consumerUuid)].map(([uuid, some]) => [
          uuid,
          { resources: resourcesOf(some), ...(call.minor >= 28 ? { consumer_generation: some[0]!.consumerGeneration } : {}) },
        ]),
      );
      return answerJson(call, { allocations, resource_provider_generation: provider.generation }, changedOf(rows));
    },
  },
  {
    method: 'POST',
    path: '/reshaper',
    since: 30,
    async handle(call) {
      call.require('placement:reshaper:reshape');
      const body = readBody<ReshapeBody>(call, reshapeSchema(call.minor));
      const inventories = new Map(
        Object.entries(body.inventories).map(([uuid, one]) => [
          uuid.toLowerCase(),
          {
            generation: one.resource_provider_generation,
            inventories: new Map(Object.entries(one.inventories).map(([name, each]) => [name, toInventory(each, name, uuid, call.minor)])),
          },
        ]),
      );
      for (const [uuid, one] of inventories) await requireClasses(call, [...one.inventories.keys()], uuid);
      await reshape(call.context.database.db, { inventories, claims: toClaims(body.allocations) });
      return { status: 204 };
    },
  },
];

const toClaims = (body: Readonly<Record<string, ClaimBody>>) => Object.entries(body).map(([consumer, one]) => toClaim(consumer, one));

interface ReshapeBody {
  readonly inventories: Record<
    string,
    { readonly resource_provider_generation: number; readonly inventories: Record<string, InventoryBody> }
  >;
  readonly allocations: Record<string, ClaimBody>;
}

const reshapeSchema = (minor: number): JsonSchema => ({
  type: 'object',
  properties: {
    inventories: {
      type: 'object',
      patternProperties: {
        [UUID_PATTERN]: {
          type: 'object',
          properties: { resource_provider_generation: { type: 'integer' }, inventories: inventoriesSchema },
          required: ['resource_provider_generation', 'inventories'],
          additionalProperties: false,
        },
      },
      additionalProperties: false,
      minProperties: 1,
    },
    // All of a rack's inventory may be moved before anything is allocated.
    allocations: { ...manySchema(minor), minProperties: 0 },
  },
  required: ['inventories', 'allocations'],
  additionalProperties: false,
});
