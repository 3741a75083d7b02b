import { PlacementError } from '../../compute/placement-error.ts';
import type { Inventory } from '../../compute/placement-model.ts';
import { unknownClasses } from '../../compute/placement-name-service.ts';
import { deleteInventories, setInventories } from '../../compute/placement-provider-service.ts';
import type { JsonSchema } from '../json-schema.ts';
import { Refusal } from '../service-plugin.ts';
import { answerJson, readBody } from './placement-body.ts';
import type { PlacementCall, PlacementRoute } from './placement-context.ts';
import { findProvider } from './provider-routes.ts';
import { inventoriesView, inventoryView, usagesView } from './provider-view.ts';

/** What PostgreSQL's integer and Placement's database hold. */
const AMOUNT_MAX = 2_147_483_647;
const RATIO_MAX = 3.4e38;
const amount = (minimum: number) => ({ type: 'integer', minimum, maximum: AMOUNT_MAX }) as const;

const inventoryProperties = {
  resource_provider_generation: { type: 'integer' },
  total: amount(1),
  reserved: amount(0),
  min_unit: amount(1),
  max_unit: amount(1),
  step_size: amount(1),
  allocation_ratio: { type: 'number', minimum: 0, maximum: RATIO_MAX },
} as const satisfies Record<string, JsonSchema>;

const CLASS_PATTERN = '^[A-Z0-9_]+$';
const generation = { type: 'integer' } as const;
const inventorySchema: JsonSchema = { type: 'object', properties: inventoryProperties, required: ['total'], additionalProperties: false };
export const inventoriesSchema: JsonSchema = {
  type: 'object',
  patternProperties: { [CLASS_PATTERN]: inventorySchema },
  additionalProperties: false,
};

const putAllSchema: JsonSchema = {
  type: 'object',
  properties: { resource_provider_generation: generation, inventories: inventoriesSchema },
  required: ['resource_provider_generation', 'inventories'],
  additionalProperties: false,
};
const putOneSchema: JsonSchema = { ...inventorySchema, required: ['total', 'resource_provider_generation'] };
const postSchema: JsonSchema = {
  ...inventorySchema,
  properties: { ...inventoryProperties, resource_class: { type: 'string', pattern: CLASS_PATTERN, minLength: 1, maxLength: 255 } },
  required: ['resource_class', 'total'],
};

export interface InventoryBody {
  readonly resource_provider_generation?: number;
  readonly total: number;
  readonly reserved?: number;
  readonly min_unit?: number;
  readonly max_unit?: number;
  readonly step_size?: number;
  readonly allocation_ratio?: number;
}

/** @throws Refusal 400 */
export function toInventory(body: InventoryBody, name: string, uuid: string, minor: number): Inventory {
  const inventory: Inventory = {
    total: body.total,
    reserved: body.reserved ?? 0,
    minUnit: body.min_unit ?? 1,
    maxUnit: body.max_unit ?? AMOUNT_MAX,
    stepSize: body.step_size ?? 1,
    allocationRatio: body.allocation_ratio ?? 1,
  };
  // From 1.26 on all of it may be reserved.
  const tooMuch = minor >= 26 ? inventory.reserved > inventory.total : inventory.reserved >= inventory.total;
  if (tooMuch)
    throw new Refusal(
      400,
      `Unable to create inventory for resource provider ${uuid}: Invalid inventory for '${name}' on resource provider '${uuid}'. The reserved value is greater than ${minor >= 26 ? '' : 'or equal to '}total.`,
    );
  return inventory;
}

/** @throws PlacementError 400 */
export async function requireClasses(call: PlacementCall, names: readonly string[], uuid: string): Promise<void> {
  const unknown = await unknownClasses(call.context.database.db, names);
  if (unknown.length > 0)
    throw new PlacementError(
      400,
      `Unknown resource class in inventory for resource provider ${uuid}: No such resource class ${unknown.join(', ')}.`,
    );
}

export const inventoryRoutes: readonly PlacementRoute[] = [
  {
    method: 'GET',
    path: '/resource_providers/:uuid/inventories',
    async handle(call) {
      call.require('placement:resource_providers:inventories:list');
      const provider = await findProvider(call);
      return answerJson(call, inventoriesView(provider.generation, provider.inventories), provider.updatedAt);
    },
  },
  {
    method: 'PUT',
    path: '/resource_providers/:uuid/inventories',
    async handle(call) {
      call.require('placement:resource_providers:inventories:update');
      const body = readBody<{ resource_provider_generation: number; inventories: Record<string, InventoryBody> }>(call, putAllSchema);
      const uuid = call.params['uuid']!;
      const inventories = new Map(Object.entries(body.inventories).map(([name, one]) => [name, toInventory(one, name, uuid, call.minor)]));
      await requireClasses(call, [...inventories.keys()], uuid);
      const row = await setInventories(call.context.database.db, uuid, body.resource_provider_generation, inventories, 'replace');
      return answerJson(call, inventoriesView(row.generation, inventories), row.updated_at);
    },
  },
  {
    method: 'POST',
    path: '/resource_providers/:uuid/inventories',
    async handle(call) {
      call.require('placement:resource_providers:inventories:create');
      const body = readBody<InventoryBody & { resource_class: string }>(call, postSchema);
      const uuid = call.params['uuid']!;
      const { resource_class: name } = body;
      await requireClasses(call, [name], uuid);
      const inventory = toInventory(body, name, uuid, call.minor);
      const row = await setInventories(
        call.context.database.db,
        uuid,
        body.resource_provider_generation,
        new Map([[name, inventory]]),
        'add',
      );
      const answer = answerJson(call, { resource_provider_generation: row.generation, ...inventoryView(inventory) }, row.updated_at, 201);
      return { ...answer, headers: { ...answer.headers, location: `${call.base}/resource_providers/${uuid}/inventories/${name}` } };
    },
  },
  {
    method: 'DELETE',
    path: '/resource_providers/:uuid/inventories',
    async handle(call) {
      if (call.minor < 5)
        throw new Refusal(405, 'The method specified is not allowed for this resource.', { headers: { allow: 'GET, PUT, POST' } });
      call.require('placement:resource_providers:inventories:delete');
      await deleteInventories(call.context.database.db, call.params['uuid']!);
      return { status: 204 };
    },
  },
  {
    method: 'GET',
    path: '/resource_providers/:uuid/inventories/:class',
    async handle(call) {
      call.require('placement:resource_providers:inventories:show');
      const provider = await findProvider(call);
      const inventory = provider.inventories.get(call.params['class']!);
      if (inventory === undefined) throw new Refusal(404, `No inventory of class ${call.params['class']} for ${provider.uuid}`);
      return answerJson(call, { resource_provider_generation: provider.generation, ...inventoryView(inventory) }, provider.updatedAt);
    },
  },
  {
    method: 'PUT',
    path: '/resource_providers/:uuid/inventories/:class',
    async handle(call) {
      call.require('placement:resource_providers:inventories:update');
      const body = readBody<InventoryBody>(call, putOneSchema);
      const [uuid, name] = [call.params['uuid']!, call.params['class']!];
      await findProvider(call);
      const inventory = toInventory(body, name, uuid, call.minor);
      const row = await setInventories(
        call.context.database.db,
        uuid,
        body.resource_provider_generation,
        new Map([[name, inventory]]),
        'update',
      );
      return answerJson(call, { resource_provider_generation: row.generation, ...inventoryView(inventory) }, row.updated_at);
    },
  },
  {
    method: 'DELETE',
    path: '/resource_providers/:uuid/inventories/:class',
    async handle(call) {
      call.require('placement:resource_providers:inventories:delete');
      await deleteInventories(call.context.database.db, call.params['uuid']!, call.params['class']!);
      return { status: 204 };
    },
  },
  {
    method: 'GET',
    path: '/resource_providers/:uuid/usages',
    async handle(call) {
      call.require('placement:resource_providers:usages');
      const provider = await findProvider(call);
      return answerJson(call, usagesView(provider), provider.updatedAt);
    },
  },
];
