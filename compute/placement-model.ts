/** Placement as plain values: what candidates are chosen from. */
export interface Inventory {
  readonly total: number;
  readonly reserved: number;
  readonly minUnit: number;
  readonly maxUnit: number;
  readonly stepSize: number;
  readonly allocationRatio: number;
}

export interface Provider {
  readonly uuid: string;
  readonly name: string;
  readonly generation: number;
  readonly parentUuid: string | null;
  readonly rootUuid: string;
  readonly updatedAt: Date;
  /** The transaction that last touched it or what hangs on it. */
  readonly changed: string;
  readonly inventories: ReadonlyMap<string, Inventory>;
  /** Resource class → what is allocated of it. */
  readonly used: ReadonlyMap<string, number>;
  readonly traits: ReadonlySet<string>;
  readonly aggregates: ReadonlySet<string>;
}

/** Everything at one moment; never changed once given out. */
export interface PlacementModel {
  readonly providers: ReadonlyMap<string, Provider>;
  /** Root → all of its tree, itself included. */
  readonly trees: ReadonlyMap<string, readonly Provider[]>;
  /** Aggregate → its members. */
  readonly aggregates: ReadonlyMap<string, readonly Provider[]>;
  /** Providers whose inventory others of their aggregates may use (`MISC_SHARES_VIA_AGGREGATE`). */
  readonly sharing: readonly Provider[];
}

export const SHARING_TRAIT = 'MISC_SHARES_VIA_AGGREGATE';

/** What can still be allocated; fractions are cut as Placement cuts them. */
export const capacityOf = ({ total, reserved, allocationRatio }: Inventory): number => Math.trunc((total - reserved) * allocationRatio);

/** Why an amount of a class can not come from a provider, in a word; undefined: it can. */
export function whyNot(provider: Provider, resourceClass: string, amount: number): 'inventory' | 'units' | 'capacity' | undefined {
  const inventory = provider.inventories.get(resourceClass);
  if (inventory === undefined) return 'inventory';
  const { minUnit, maxUnit, stepSize } = inventory;
  if (amount < minUnit || amount > maxUnit || amount % stepSize !== 0) return 'units';
  return (provider.used.get(resourceClass) ?? 0) + amount > capacityOf(inventory) ? 'capacity' : undefined;
}

export function modelOf(providers: ReadonlyMap<string, Provider>): PlacementModel {
  const all = [...providers.values()];
  const aggregates = new Map<string, Provider[]>();
  for (const provider of all) {
    for (const aggregate of provider.aggregates) {
      const members = aggregates.get(aggregate);
      if (members) members.push(provider);
      else aggregates.set(aggregate, [provider]);
    }
  }
  return {
    providers,
    trees: Map.groupBy(all, (provider) => provider.rootUuid),
    aggregates,
    sharing: all.filter((provider) => provider.traits.has(SHARING_TRAIT)),
  };
}
