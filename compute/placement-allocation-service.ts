import { sql } from 'kysely';
import { CONCURRENT_UPDATE, noProvider, PlacementError, generationConflict } from './placement-error.ts';
import { whyNot, type Inventory, type Provider } from './placement-model.ts';
import { isUuid, removeInventories, upsertInventories, type Db, type Trx } from './placement-provider-service.ts';

/*
 * Who holds what. A claim is one transaction: consumers and providers are locked in the order of their UUIDs, what is free is counted
 * under those locks, and rows are written; there is no moment at which two holders have the same.
 */
export interface Claim {
  readonly consumerUuid: string;
  /** Provider → class → amount; empty: the consumer lets go of everything. */
  readonly allocations: ReadonlyMap<string, ReadonlyMap<string, number>>;
  readonly projectId: string;
  readonly userId: string;
  /** Null: there must be no such consumer yet. Undefined: not looked at (before microversion 1.28). */
  readonly generation: number | null | undefined;
  /** Undefined: stays as it is. */
  readonly consumerType: string | undefined;
  /** Generations of providers that the claim was made for (before 1.12). */
  readonly providerGenerations?: ReadonlyMap<string, number>;
}

export const putAllocations = (db: Db, claims: readonly Claim[]): Promise<void> =>
  db.transaction().execute((trx) => claimResources(trx, claims));

/** No consumer has it; an empty list is no SQL. */
const NOBODY = '00000000-0000-0000-0000-ffffffffffff';

interface Reshape {
  readonly inventories: ReadonlyMap<string, { readonly generation: number; readonly inventories: ReadonlyMap<string, Inventory> }>;
  readonly claims: readonly Claim[];
}

/** Inventories and allocations move together (api-ref "Reshaper"). @throws PlacementError 400, 409 */
export async function reshape(db: Db, { inventories, claims }: Reshape): Promise<void> {
  await db.transaction().execute(async (trx) => {
    const uuids = [...inventories.keys()];
    const providers = await lockProviders(trx, uuids);
    for (const [uuid, { generation, inventories: wanted }] of inventories) {
      const provider = providers.get(uuid);
      if (provider === undefined)
        throw new PlacementError(400, `Resource provider ${uuid} in inventories not found: ${noProvider(uuid).message}`);
      if (provider.generation !== generation) throw generationConflict();
      await upsertInventories(trx, uuid, wanted);
    }
    await claimResources(trx, claims);
    for (const [uuid, { inventories: wanted }] of inventories) {
      const there = await trx.selectFrom('placement_inventory').select('resource_class').where('provider_uuid', '=', uuid).execute();
      await removeInventories(
        trx,
        uuid,
        there.map((row) => row.resource_class).filter((name) => !wanted.has(name)),
      );
    }
    await touchProviders(trx, uuids);
  });
}

/** @throws PlacementError 400, 409 */
export async function claimResources(trx: Trx, claims: readonly Claim[]): Promise<void> {
  const consumers = claims.map((one) => one.consumerUuid);
  if (consumers.length === 0) return;
  const known = await lockConsumers(trx, consumers);
  for (const one of claims) checkConsumer(one, known.get(one.consumerUuid));
  const old = await trx
    .selectFrom('placement_allocation')
    .select('provider_uuid')
    .distinct()
    .where('consumer_uuid', 'in', consumers)
    .execute();
  const wanted = new Set(claims.flatMap((one) => [...one.allocations.keys()]));
  const touched = [...new Set([...wanted, ...old.map((row) => row.provider_uuid)])];
  const providers = await lockProviders(trx, touched);
  for (const one of claims) checkProviders(one, providers);
  await checkCapacity(trx, claims, [...wanted], consumers);
  await writeClaims(trx, claims, known);
  await touchProviders(trx, touched);
}

interface KnownConsumer {
  readonly generation: number;
}

async function lockConsumers(trx: Trx, uuids: readonly string[]): Promise<Map<string, KnownConsumer>> {
  const rows = await trx
    .selectFrom('placement_consumer')
    .select(['uuid', 'generation'])
    .where('uuid', 'in', uuids)
    .orderBy('uuid')
    .forUpdate()
    .execute();
  return new Map(rows.map(({ uuid, generation }) => [uuid, { generation }]));
}

function checkConsumer({ consumerUuid, generation }: Claim, known: KnownConsumer | undefined): void {
  if (generation === undefined || generation === (known?.generation ?? null)) return;
  throw new PlacementError(
    409,
    `consumer generation conflict - expected ${known?.generation ?? 'null'} but got ${generation ?? 'null'} (consumer ${consumerUuid})`,
    CONCURRENT_UPDATE,
  );
}

async function lockProviders(trx: Trx, uuids: readonly string[]): Promise<Map<string, { readonly generation: number }>> {
  const real = uuids.filter(isUuid);
  if (real.length === 0) return new Map();
  const rows = await trx
    .selectFrom('placement_provider')
    .select(['uuid', 'generation'])
    .where('uuid', 'in', real)
    .orderBy('uuid')
    .forNoKeyUpdate()
    .execute();
  return new Map(rows.map(({ uuid, generation }) => [uuid, { generation }]));
}

function checkProviders(
  { allocations, providerGenerations }: Claim,
  providers: ReadonlyMap<string, { readonly generation: number }>,
): void {
  for (const uuid of allocations.keys()) {
    const provider = providers.get(uuid);
    if (provider === undefined) throw new PlacementError(400, `Allocation for resource provider '${uuid}' that does not exist.`);
    const expected = providerGenerations?.get(uuid);
    if (expected !== undefined && expected !== provider.generation) throw generationConflict();
  }
}

interface InventoryRow {
  readonly provider_uuid: string;
  readonly resource_class: string;
  readonly total: number;
  readonly reserved: number;
  readonly min_unit: number;
  readonly max_unit: number;
  readonly step_size: number;
  readonly allocation_ratio: number;
  readonly used: number;
}

/** What others hold; the claimants' own old allocations are on their way out. */
async function inventoriesWithUse(trx: Trx, providers: readonly string[], consumers: readonly string[]): Promise<InventoryRow[]> {
  const { rows } = await sql<InventoryRow>`
    select i.provider_uuid, i.resource_class, i.total, i.reserved, i.min_unit, i.max_unit, i.step_size, i.allocation_ratio,
      coalesce((select sum(a.used) from placement_allocation a where a.provider_uuid = i.provider_uuid and a.resource_class = i.resource_class
        and a.consumer_uuid <> all(${consumers}::uuid[])), 0)::bigint as used
    from placement_inventory i where i.provider_uuid = any(${providers}::uuid[])`.execute(trx);
  return rows;
}

async function checkCapacity(
  trx: Trx,
  claims: readonly Claim[],
  providers: readonly string[],
  consumers: readonly string[],
): Promise<void> {
  if (providers.length === 0) return;
  const rows = await inventoriesWithUse(trx, providers, consumers);
  const inventories = new Map(rows.map((row) => [`${row.provider_uuid} ${row.resource_class}`, row]));
  const taken = new Map<string, number>();
  for (const { allocations } of claims) {
    for (const [uuid, classes] of allocations) {
      for (const [resourceClass, amount] of classes) {
        const key = `${uuid} ${resourceClass}`;
        const row = inventories.get(key);
        if (row === undefined) await refuseClass(trx, uuid, resourceClass);
        checkAmount(row!, Number(row!.used) + (taken.get(key) ?? 0), amount);
        taken.set(key, (taken.get(key) ?? 0) + amount);
      }
    }
  }
}

async function refuseClass(trx: Trx, uuid: string, resourceClass: string): Promise<never> {
  const known = await trx.selectFrom('placement_resource_class').select('name').where('name', '=', resourceClass).executeTakeFirst();
  if (known === undefined)
    throw new PlacementError(400, `Unable to allocate inventory for resource provider ${uuid}: No such resource class ${resourceClass}.`);
  throw new PlacementError(409, `Unable to allocate inventory: Inventory for '${resourceClass}' on resource provider '${uuid}' invalid.`);
}

function checkAmount(row: InventoryRow, used: number, amount: number): void {
  const inventory: Inventory = {
    total: row.total,
    reserved: row.reserved,
    minUnit: row.min_unit,
    maxUnit: row.max_unit,
    stepSize: row.step_size,
    allocationRatio: row.allocation_ratio,
  };
  const one = {
    inventories: new Map([[row.resource_class, inventory]]),
    used: new Map([[row.resource_class, used]]),
  } as unknown as Provider;
  const why = whyNot(one, row.resource_class, amount);
  if (why === undefined) return;
  const what = why === 'capacity' ? 'exceed the capacity' : 'violate inventory constraints';
  throw new PlacementError(
    409,
    `Unable to allocate inventory: Unable to create allocation for '${row.resource_class}' on resource provider '${row.provider_uuid}'. The requested amount would ${what}.`,
  );
}

async function writeClaims(trx: Trx, claims: readonly Claim[], known: ReadonlyMap<string, KnownConsumer>): Promise<void> {
  const consumers = claims.map((one) => one.consumerUuid);
  if (known.size > 0) await trx.deleteFrom('placement_allocation').where('consumer_uuid', 'in', consumers).execute();
  const [holding, leaving] = [claims.filter((one) => one.allocations.size > 0), claims.filter((one) => one.allocations.size === 0)];
  if (leaving.length > 0)
    await trx
      .deleteFrom('placement_consumer')
      .where(
        'uuid',
        'in',
        leaving.map((one) => one.consumerUuid),
      )
      .execute();
  if (holding.length === 0) return;
  const written = await trx
    .insertInto('placement_consumer')
    .values(
      holding.map((one) => ({
        uuid: one.consumerUuid,
        generation: 1,
        project_id: one.projectId,
        user_id: one.userId,
        consumer_type: one.consumerType ?? null,
      })),
    )
    .onConflict((on) =>
      on
        .column('uuid')
        .doUpdateSet((row) => ({
          generation: sql`placement_consumer.generation + 1`,
          project_id: row.ref('excluded.project_id'),
          user_id: row.ref('excluded.user_id'),
          consumer_type: sql`coalesce(excluded.consumer_type, placement_consumer.consumer_type)`,
          updated_at: sql`now()`,
        }))
        .where('placement_consumer.uuid', 'in', [NOBODY, ...known.keys()]),
    )
    .returning('uuid')
    .execute();
  // Somebody else made one of them since we looked.
  if (written.length < holding.length)
    throw new PlacementError(409, 'consumer generation conflict: the consumer was made by another call meanwhile', CONCURRENT_UPDATE);
  const rows = holding.flatMap(({ consumerUuid, allocations }) =>
    [...allocations].flatMap(([provider, classes]) =>
      [...classes].map(([name, used]) => ({ consumer_uuid: consumerUuid, provider_uuid: provider, resource_class: name, used })),
    ),
  );
  await trx.insertInto('placement_allocation').values(rows).execute();
}

async function touchProviders(trx: Trx, uuids: readonly string[]): Promise<void> {
  if (uuids.length === 0) return;
  await trx
    .updateTable('placement_provider')
    .set({ generation: sql`generation + 1`, changed: sql`pg_current_xact_id()`, updated_at: sql`now()` })
    .where('uuid', 'in', uuids)
    .execute();
}

/** @throws PlacementError 404 when it holds nothing */
export async function deleteAllocations(db: Db, consumerUuid: string): Promise<void> {
  await db.transaction().execute(async (trx) => {
    const known = isUuid(consumerUuid) ? await lockConsumers(trx, [consumerUuid]) : new Map();
    if (known.size === 0) throw new PlacementError(404, `No allocations for consumer '${consumerUuid}'`);
    await claimResources(trx, [
      { consumerUuid, allocations: new Map(), projectId: '', userId: '', generation: undefined, consumerType: undefined },
    ]);
  });
}

export interface AllocationRow {
  readonly consumerUuid: string;
  readonly consumerGeneration: number;
  readonly projectId: string;
  readonly userId: string;
  readonly consumerType: string | null;
  readonly providerUuid: string;
  readonly providerGeneration: number;
  readonly resourceClass: string;
  readonly used: number;
  readonly updatedAt: Date;
}

export async function readAllocations(db: Db, by: { readonly consumer: string } | { readonly provider: string }): Promise<AllocationRow[]> {
  const [column, value] = 'consumer' in by ? (['a.consumer_uuid', by.consumer] as const) : (['a.provider_uuid', by.provider] as const);
  if (!isUuid(value)) return [];
  const rows = await db
    .selectFrom('placement_allocation as a')
    .innerJoin('placement_consumer as c', 'c.uuid', 'a.consumer_uuid')
    .innerJoin('placement_provider as p', 'p.uuid', 'a.provider_uuid')
    .select([
      'a.consumer_uuid as consumerUuid',
      'c.generation as consumerGeneration',
      'c.project_id as projectId',
      'c.user_id as userId',
      'c.consumer_type as consumerType',
      'a.provider_uuid as providerUuid',
      'p.generation as providerGeneration',
      'a.resource_class as resourceClass',
      'a.used',
      'a.updated_at as updatedAt',
    ])
    .where(column, '=', value)
    .orderBy('a.consumer_uuid')
    .orderBy('a.provider_uuid')
    .orderBy('a.resource_class')
    .execute();
  return rows;
}

export interface UsageFilter {
  readonly projectId: string;
  readonly userId?: string;
  /** `unknown`: consumers without a type. */
  readonly consumerType?: string;
}

export interface UsageRow {
  readonly consumerType: string | null;
  readonly resourceClass: string;
  readonly used: number;
}

export async function readUsages(db: Db, { projectId, userId, consumerType }: UsageFilter): Promise<UsageRow[]> {
  let query = db
    .selectFrom('placement_allocation as a')
    .innerJoin('placement_consumer as c', 'c.uuid', 'a.consumer_uuid')
    .select(['c.consumer_type as consumerType', 'a.resource_class as resourceClass', sql<number>`sum(a.used)::bigint`.as('used')])
    .where('c.project_id', '=', projectId)
    .groupBy(['c.consumer_type', 'a.resource_class']);
  if (userId !== undefined) query = query.where('c.user_id', '=', userId);
  if (consumerType === 'unknown') query = query.where('c.consumer_type', 'is', null);
  else if (consumerType !== undefined) query = query.where('c.consumer_type', '=', consumerType);
  return query.execute();
}

/** How many consumers of each type (null: none) a project has. */
export async function countConsumers(db: Db, { projectId, userId }: UsageFilter): Promise<Map<string | null, number>> {
  let query = db
    .selectFrom('placement_consumer')
    .select(['consumer_type', sql<number>`count(*)`.as('count')])
    .where('project_id', '=', projectId)
    .groupBy('consumer_type');
  if (userId !== undefined) query = query.where('user_id', '=', userId);
  return new Map((await query.execute()).map((row) => [row.consumer_type, Number(row.count)]));
}
