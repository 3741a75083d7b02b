import { sql, type Kysely, type Transaction } from 'kysely';
import { STANDARD_TRAITS } from '../core/base/trait-names.ts';
import type { DatabaseSchema } from '../core/database/schema-types.ts';
import type { Inventory } from './placement-model.ts';
import { CONCURRENT_UPDATE, generationConflict, noProvider, PlacementError } from './placement-error.ts';

/*
 * Resource providers and what hangs on them: the only writer of their rows, but for those of nodes (migration 0006), whose inventory is
 * the node's state and can not be written here.
 */
export type Db = Kysely<DatabaseSchema>;
export type Trx = Transaction<DatabaseSchema>;

/** Readers that keep a picture look at least that often (`placement-snapshot.ts`), with room. */
const TOMBSTONES_KEPT = sql`interval '1 hour'`;
const UNIQUE_VIOLATION = '23505';

export interface ProviderRow {
  readonly uuid: string;
  readonly name: string;
  readonly generation: number;
  readonly parent_uuid: string | null;
  readonly root_uuid: string;
  readonly node_uuid: string | null;
  readonly updated_at: Date;
}

const columns = ['uuid', 'name', 'generation', 'parent_uuid', 'root_uuid', 'node_uuid', 'updated_at'] as const;
const UUID = /^[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}$/i;
export const isUuid = (text: string): boolean => UUID.test(text);

/** @throws PlacementError 404 */
async function lockProvider(trx: Trx, uuid: string): Promise<ProviderRow> {
  if (!isUuid(uuid)) throw noProvider(uuid);
  const row = await trx.selectFrom('placement_provider').select(columns).where('uuid', '=', uuid).forUpdate().executeTakeFirst();
  if (row === undefined) throw noProvider(uuid);
  return row;
}

/** Readers see it, and writers with an older generation are refused. */
async function touch(trx: Trx, uuid: string, bump = 1): Promise<ProviderRow> {
  return trx
    .updateTable('placement_provider')
    .set({ generation: sql`generation + ${bump}`, changed: sql`pg_current_xact_id()`, updated_at: sql`now()` })
    .where('uuid', '=', uuid)
    .returning(columns)
    .executeTakeFirstOrThrow();
}

async function locked(trx: Trx, uuid: string, generation: number | undefined): Promise<ProviderRow> {
  const provider = await lockProvider(trx, uuid);
  if (generation !== undefined && generation !== provider.generation) throw generationConflict();
  return provider;
}

export interface NewProvider {
  readonly uuid: string;
  readonly name: string;
  readonly parentUuid: string | null;
}

/** @throws PlacementError 400 for a parent that is not there, 409 for a name or UUID that is */
export async function createProvider(db: Db, { uuid, name, parentUuid }: NewProvider): Promise<ProviderRow> {
  return db.transaction().execute(async (trx) => {
    const root = parentUuid === null ? uuid : await rootOfParent(trx, parentUuid, uuid);
    return trx
      .insertInto('placement_provider')
      .values({ uuid, name, parent_uuid: parentUuid, root_uuid: root })
      .returning(columns)
      .executeTakeFirstOrThrow()
      .catch((error: unknown) => {
        throw duplicate(error, name, uuid);
      });
  });
}

async function rootOfParent(trx: Trx, parentUuid: string, uuid: string): Promise<string> {
  const row =
    parentUuid === uuid
      ? undefined
      : await trx.selectFrom('placement_provider').select('root_uuid').where('uuid', '=', parentUuid).forShare().executeTakeFirst();
  if (row === undefined)
    throw new PlacementError(400, `Unable to save resource provider ${uuid}: Parent provider UUID does not exist: ${parentUuid}.`);
  return row.root_uuid;
}

function duplicate(error: unknown, name: string, uuid: string): unknown {
  const { code, constraint } = error as { code?: string; constraint?: string };
  if (code !== UNIQUE_VIOLATION) return error;
  const what = constraint === 'placement_provider_name' ? `name: ${name}` : `uuid: ${uuid}`;
  return new PlacementError(409, `Conflicting resource provider ${what} already exists.`, 'placement.duplicate_name');
}

/** `parentUuid` undefined: stays. @throws PlacementError 400 for a parent that may not be, 409 for a name that is there */
export async function updateProvider(
  db: Db,
  uuid: string,
  change: { readonly name: string; readonly parentUuid: string | null | undefined; readonly mayMove: boolean },
): Promise<ProviderRow> {
  return db.transaction().execute(async (trx) => {
    const old = await lockProvider(trx, uuid);
    const parentUuid = change.parentUuid === undefined ? old.parent_uuid : change.parentUuid;
    if (parentUuid !== old.parent_uuid) await move(trx, old, parentUuid, change.mayMove);
    await trx
      .updateTable('placement_provider')
      .set({ name: change.name, parent_uuid: parentUuid })
      .where('uuid', '=', uuid)
      .execute()
      .catch((error: unknown) => {
        throw duplicate(error, change.name, uuid);
      });
    return touch(trx, uuid, 0);
  });
}

async function move(trx: Trx, provider: ProviderRow, parentUuid: string | null, mayMove: boolean): Promise<void> {
  const { uuid } = provider;
  const refuse = (why: string) => new PlacementError(400, `Unable to save resource provider ${uuid}: ${why}`);
  if (provider.parent_uuid !== null && !mayMove) throw refuse('re-parenting a provider is not currently allowed.');
  const tree = await trx
    .selectFrom('placement_provider')
    .select(['uuid', 'parent_uuid'])
    .where('root_uuid', '=', provider.root_uuid)
    .forUpdate()
    .execute();
  const below = descendants(tree, uuid);
  if (parentUuid !== null && below.has(parentUuid)) throw refuse('creating loop in the provider tree is not allowed.');
  const root = parentUuid === null ? uuid : await rootOfParent(trx, parentUuid, uuid);
  await trx
    .updateTable('placement_provider')
    .set({ root_uuid: root, changed: sql`pg_current_xact_id()` })
    .where('uuid', 'in', [...below])
    .execute();
}

function descendants(tree: readonly { readonly uuid: string; readonly parent_uuid: string | null }[], top: string): Set<string> {
  const found = new Set([top]);
  for (let before = 0; before < found.size;) {
    before = found.size;
    for (const { uuid, parent_uuid: parent } of tree) if (parent !== null && found.has(parent)) found.add(uuid);
  }
  return found;
}

/** @throws PlacementError 404; 409 while something hangs on it */
export async function deleteProvider(db: Db, uuid: string): Promise<void> {
  await db.transaction().execute(async (trx) => {
    const provider = await lockProvider(trx, uuid);
    refuseNodes(provider, 'delete it');
    const child = await trx.selectFrom('placement_provider').select('uuid').where('parent_uuid', '=', uuid).limit(1).executeTakeFirst();
    if (child !== undefined)
      throw new PlacementError(
        409,
        `Unable to delete parent resource provider ${uuid}: It has child resource providers.`,
        'placement.resource_provider.cannot_delete_parent',
      );
    if (await isUsed(trx, uuid))
      throw new PlacementError(
        409,
        `Unable to delete resource provider ${uuid}: Resource provider has allocations.`,
        'placement.resource_provider.inuse',
      );
    await trx.deleteFrom('placement_provider').where('uuid', '=', uuid).execute();
    await trx.insertInto('placement_provider_gone').values({ uuid }).execute();
    await sql`delete from placement_provider_gone where gone_at < now() - ${TOMBSTONES_KEPT}`.execute(trx);
  });
}

async function isUsed(trx: Trx, uuid: string): Promise<boolean> {
  const row = await trx
    .selectFrom('placement_allocation')
    .select('provider_uuid')
    .where('provider_uuid', '=', uuid)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

function refuseNodes({ uuid, node_uuid: node }: ProviderRow, what: string): void {
  if (node !== null)
    throw new PlacementError(409, `Resource provider ${uuid} is the bare metal node ${node}: change or delete the node to ${what}.`);
}

/** Replaces all inventories, or (`only`) sets one class. @throws PlacementError 404, 409 */
export async function setInventories(
  db: Db,
  uuid: string,
  generation: number | undefined,
  inventories: ReadonlyMap<string, Inventory>,
  mode: 'replace' | 'add' | 'update',
): Promise<ProviderRow> {
  return db.transaction().execute(async (trx) => {
    const provider = await locked(trx, uuid, generation);
    refuseNodes(provider, 'change its inventory');
    const there = await trx.selectFrom('placement_inventory').select('resource_class').where('provider_uuid', '=', uuid).execute();
    const classes = new Set(there.map((row) => row.resource_class));
    for (const name of inventories.keys()) refuseByMode(mode, classes.has(name), name, uuid);
    if (mode === 'replace')
      await removeInventories(
        trx,
        uuid,
        [...classes].filter((name) => !inventories.has(name)),
      );
    await upsertInventories(trx, uuid, inventories);
    return touch(trx, uuid);
  });
}

function refuseByMode(mode: 'replace' | 'add' | 'update', isThere: boolean, name: string, uuid: string): void {
  if (mode === 'add' && isThere)
    throw new PlacementError(409, `Update conflict: Inventory of ${name} already exists on resource provider ${uuid}.`, CONCURRENT_UPDATE);
  if (mode === 'update' && !isThere)
    throw new PlacementError(
      400,
      `Unknown resource class in inventory for resource provider ${uuid}: No inventory of class ${name} found.`,
    );
}

export async function upsertInventories(trx: Trx, uuid: string, inventories: ReadonlyMap<string, Inventory>): Promise<void> {
  if (inventories.size === 0) return;
  const rows = [...inventories].map(([name, inventory]) => ({
    provider_uuid: uuid,
    resource_class: name,
    total: inventory.total,
    reserved: inventory.reserved,
    min_unit: inventory.minUnit,
    max_unit: inventory.maxUnit,
    step_size: inventory.stepSize,
    allocation_ratio: inventory.allocationRatio,
  }));
  await trx
    .insertInto('placement_inventory')
    .values(rows)
    .onConflict((conflict) =>
      conflict.columns(['provider_uuid', 'resource_class']).doUpdateSet((row) => ({
        total: row.ref('excluded.total'),
        reserved: row.ref('excluded.reserved'),
        min_unit: row.ref('excluded.min_unit'),
        max_unit: row.ref('excluded.max_unit'),
        step_size: row.ref('excluded.step_size'),
        allocation_ratio: row.ref('excluded.allocation_ratio'),
        updated_at: sql`now()`,
      })),
    )
    .execute();
}

export async function removeInventories(trx: Trx, uuid: string, classes: readonly string[]): Promise<void> {
  if (classes.length === 0) return;
  const used = await trx
    .selectFrom('placement_allocation')
    .select('resource_class')
    .distinct()
    .where('provider_uuid', '=', uuid)
    .where('resource_class', 'in', classes)
    .execute();
  if (used.length > 0) {
    const names = used.map((row) => `'${row.resource_class}'`).join(', ');
    throw new PlacementError(409, `Inventory for ${names} on resource provider '${uuid}' in use.`, 'placement.inventory.inuse');
  }
  await trx.deleteFrom('placement_inventory').where('provider_uuid', '=', uuid).where('resource_class', 'in', classes).execute();
}

/** One class, or all. @throws PlacementError 404, 409 */
export async function deleteInventories(db: Db, uuid: string, only?: string): Promise<void> {
  await db.transaction().execute(async (trx) => {
    const provider = await lockProvider(trx, uuid);
    refuseNodes(provider, 'change its inventory');
    const there = await trx.selectFrom('placement_inventory').select('resource_class').where('provider_uuid', '=', uuid).execute();
    const classes = there.map((row) => row.resource_class).filter((name) => only === undefined || name === only);
    if (only !== undefined && classes.length === 0)
      throw new PlacementError(
        404,
        `No inventory of class ${only} found for delete: No inventory of class ${only} for resource provider ${uuid}.`,
      );
    await removeInventories(trx, uuid, classes);
    await touch(trx, uuid);
  });
}

/** @throws PlacementError 400 for traits that are not there, 404, 409 */
export async function setTraits(db: Db, uuid: string, generation: number | undefined, traits: readonly string[]): Promise<ProviderRow> {
  return db.transaction().execute(async (trx) => {
    await locked(trx, uuid, generation);
    await requireTraits(trx, traits);
    await trx.deleteFrom('placement_provider_trait').where('provider_uuid', '=', uuid).execute();
    if (traits.length > 0)
      await trx
        .insertInto('placement_provider_trait')
        .values([...new Set(traits)].map((trait) => ({ provider_uuid: uuid, trait })))
        .execute();
    return touch(trx, uuid);
  });
}

/** Standard ones are rows from their first use on. */
async function requireTraits(trx: Trx, traits: readonly string[]): Promise<void> {
  const standard = traits.filter((name) => STANDARD_TRAITS.has(name));
  if (standard.length > 0)
    await trx
      .insertInto('placement_trait')
      .values(standard.map((name) => ({ name })))
      .onConflict((on) => on.doNothing())
      .execute();
  const custom = traits.filter((name) => !STANDARD_TRAITS.has(name));
  if (custom.length === 0) return;
  const there = await trx.selectFrom('placement_trait').select('name').where('name', 'in', custom).forKeyShare().execute();
  const missing = custom.filter((name) => !there.some((row) => row.name === name));
  if (missing.length > 0) throw new PlacementError(400, `No such trait ${missing.join(', ')}.`);
}

/** `bump` false: as it was before microversion 1.19. @throws PlacementError 404, 409 */
export async function setAggregates(
  db: Db,
  uuid: string,
  generation: number | undefined,
  aggregates: readonly string[],
): Promise<ProviderRow> {
  return db.transaction().execute(async (trx) => {
    await locked(trx, uuid, generation);
    await trx.deleteFrom('placement_provider_aggregate').where('provider_uuid', '=', uuid).execute();
    if (aggregates.length > 0)
      await trx
        .insertInto('placement_provider_aggregate')
        .values(aggregates.map((one) => ({ provider_uuid: uuid, aggregate_uuid: one })))
        .onConflict((on) => on.doNothing())
        .execute();
    return touch(trx, uuid, generation === undefined ? 0 : 1);
  });
}
