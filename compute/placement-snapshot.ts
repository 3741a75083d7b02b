import { sql, type Kysely } from 'kysely';
import type { DatabaseSchema } from '../core/database/schema-types.ts';
import { modelOf, type Inventory, type PlacementModel, type Provider } from './placement-model.ts';

/*
 * Placement in memory, as of the moment it is asked for. Each look reads what transactions have touched since the oldest one that was
 * open at the last look (`placement_provider.changed`), so it is one short statement when nothing happened, and nothing that commits
 * late is missed. Answers are as true as a query's; only claims decide, in their own transaction.
 */
export interface PlacementSnapshot {
  read(): Promise<PlacementModel>;
}

/** Tombstones live for an hour (`placement-provider-service.ts`); who looks less often than this starts anew. */
const STALE_MS_MAX = 30 * 60_000;

interface Row {
  readonly uuid: string;
  readonly name: string;
  readonly generation: number;
  readonly parent: string | null;
  readonly root: string;
  readonly at: string;
  readonly changed: string;
  readonly inventories: readonly [string, number, number, number, number, number, number][] | null;
  readonly used: readonly [string, number][] | null;
  readonly traits: readonly string[] | null;
  readonly aggregates: readonly string[] | null;
}

interface Look {
  readonly xmin: string;
  readonly gone: readonly string[] | null;
  readonly changed: readonly Row[] | null;
}

export function createPlacementSnapshot(db: Kysely<DatabaseSchema>, now: () => number = Date.now): PlacementSnapshot {
  let providers: ReadonlyMap<string, Provider> = new Map();
  let model = modelOf(providers);
  let xmin = '0';
  let lookedAt = 0;
  let running: Promise<PlacementModel> | undefined;
  let next: Promise<PlacementModel> | undefined;

  const look = async (): Promise<PlacementModel> => {
    if (now() - lookedAt > STALE_MS_MAX) xmin = '0';
    const isWhole = xmin === '0';
    const { rows } = await lookSince(xmin).execute(db);
    const { xmin: newest, gone, changed } = rows[0]!;
    xmin = newest;
    lookedAt = now();
    if (!isWhole && gone === null && (changed === null || changed.every((row) => isKnown(providers.get(row.uuid), row)))) return model;
    const fresh = isWhole ? new Map<string, Provider>() : new Map(providers);
    for (const uuid of gone ?? []) fresh.delete(uuid);
    for (const row of changed ?? []) fresh.set(row.uuid, toProvider(row));
    providers = fresh;
    model = modelOf(fresh);
    return model;
  };
  // Whoever asks while a look is under way must not get one that began before; all of them share the one after it.
  const read = (): Promise<PlacementModel> => {
    if (running === undefined) return (running = look().finally(() => (running = undefined)));
    next ??= running
      .catch(() => undefined)
      .then(() => {
        next = undefined;
        return read();
      });
    return next;
  };
  return { read };
}

/** Read again only because another transaction is still open: the same row. */
const isKnown = (known: Provider | undefined, row: Row): boolean => known?.changed === row.changed;

const lookSince = (xmin: string) => sql<Look>`
  select pg_snapshot_xmin(pg_current_snapshot())::text as xmin,
    (select json_agg(distinct g.uuid) from placement_provider_gone g
      where g.changed >= ${xmin}::text::xid8 and ${xmin} <> '0' and not exists (select from placement_provider p where p.uuid = g.uuid)) as gone,
    (select json_agg(json_build_object('uuid', p.uuid, 'name', p.name, 'generation', p.generation, 'parent', p.parent_uuid,
        'root', p.root_uuid, 'at', p.updated_at, 'changed', p.changed::text,
        'inventories', (select json_agg(json_build_array(i.resource_class, i.total, i.reserved, i.min_unit, i.max_unit, i.step_size, i.allocation_ratio)
          order by c.seq) from placement_inventory i join placement_resource_class c on c.name = i.resource_class where i.provider_uuid = p.uuid),
        'used', (select json_agg(json_build_array(a.resource_class, a.used)) from (select resource_class, sum(used) as used
          from placement_allocation where provider_uuid = p.uuid group by resource_class) a),
        'traits', (select json_agg(t.trait order by t.trait) from placement_provider_trait t where t.provider_uuid = p.uuid),
        'aggregates', (select json_agg(g.aggregate_uuid) from placement_provider_aggregate g where g.provider_uuid = p.uuid)) order by p.created_at, p.uuid)
      from placement_provider p where p.changed >= ${xmin}::text::xid8) as changed`;

const toProvider = (row: Row): Provider => ({
  uuid: row.uuid,
  name: row.name,
  generation: row.generation,
  parentUuid: row.parent,
  rootUuid: row.root,
  updatedAt: new Date(row.at),
  changed: row.changed,
  inventories: new Map((row.inventories ?? []).map((one) => [one[0], toInventory(one)])),
  used: new Map(row.used ?? []),
  traits: new Set(row.traits ?? []),
  aggregates: new Set(row.aggregates ?? []),
});

const toInventory = (row: readonly [string, number, number, number, number, number, number]): Inventory => ({
  total: row[1],
  reserved: row[2],
  minUnit: row[3],
  maxUnit: row[4],
  stepSize: row[5],
  allocationRatio: row[6],
});
