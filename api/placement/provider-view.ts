import { capacityOf, type Inventory, type Provider } from '../../compute/placement-model.ts';
import type { ProviderRow } from '../../compute/placement-provider-service.ts';

/** Providers as the API shows them; hrefs are paths from Placement's root, as its own. */
const TREES_SINCE = 14;

export interface ShownProvider {
  readonly uuid: string;
  readonly name: string;
  readonly generation: number;
  readonly parentUuid: string | null;
  readonly rootUuid: string;
}

export const shownRow = (row: ProviderRow): ShownProvider => ({ ...row, parentUuid: row.parent_uuid, rootUuid: row.root_uuid });

const LINKS: readonly (readonly [rel: string, since: number])[] = [
  ['inventories', 0],
  ['usages', 0],
  ['aggregates', 1],
  ['traits', 6],
  ['allocations', 11],
];

export function providerView(provider: ShownProvider, minor: number): object {
  const { uuid, name, generation, parentUuid, rootUuid } = provider;
  const path = `/resource_providers/${uuid}`;
  const links = LINKS.filter(([, since]) => minor >= since).map(([rel]) => ({ rel, href: `${path}/${rel}` }));
  return {
    uuid,
    name,
    generation,
    ...(minor >= TREES_SINCE ? { parent_provider_uuid: parentUuid, root_provider_uuid: rootUuid } : {}),
    links: [{ rel: 'self', href: path }, ...links],
  };
}

export const inventoryView = (inventory: Inventory) => ({
  total: inventory.total,
  reserved: inventory.reserved,
  min_unit: inventory.minUnit,
  max_unit: inventory.maxUnit,
  step_size: inventory.stepSize,
  allocation_ratio: inventory.allocationRatio,
});

export const inventoriesView = (generation: number, inventories: ReadonlyMap<string, Inventory>) => ({
  resource_provider_generation: generation,
  inventories: Object.fromEntries([...inventories].map(([name, inventory]) => [name, inventoryView(inventory)])),
});

export const usagesView = (provider: Provider) => ({
  resource_provider_generation: provider.generation,
  usages: Object.fromEntries([...provider.inventories.keys()].map((name) => [name, provider.used.get(name) ?? 0])),
});

/** What a candidate's provider has and uses of each class. */
export function summaryView(provider: Provider, minor: number, onlyClasses: ReadonlySet<string> | undefined): object {
  const resources = Object.fromEntries(
    [...provider.inventories]
      .filter(([name]) => onlyClasses === undefined || onlyClasses.has(name))
      .map(([name, inventory]) => [name, { capacity: capacityOf(inventory), used: provider.used.get(name) ?? 0 }]),
  );
  return {
    resources,
    ...(minor >= 17 ? { traits: [...provider.traits] } : {}),
    ...(minor >= 29 ? { parent_provider_uuid: provider.parentUuid, root_provider_uuid: provider.rootUuid } : {}),
  };
}
