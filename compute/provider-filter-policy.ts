import { whyNot, type PlacementModel, type Provider } from './placement-model.ts';

/** What is asked of providers, in one request or in one group of it (api-ref "Resource providers", "Allocation candidates"). */
export interface ProviderFilter {
  readonly resources: ReadonlyMap<string, number>;
  /** All of these must hold; each holds when any of its traits is there. */
  readonly required: readonly (readonly string[])[];
  readonly forbidden: readonly string[];
  /** All must hold; each when the provider is in any of its aggregates. */
  readonly memberOf: readonly (readonly string[])[];
  readonly forbiddenAggregates: readonly string[];
  /** The tree that this provider is in. */
  readonly inTree: string | undefined;
}

export const NO_FILTER: ProviderFilter = {
  resources: new Map(),
  required: [],
  forbidden: [],
  memberOf: [],
  forbiddenAggregates: [],
  inTree: undefined,
};

export const hasTraits = (traits: ReadonlySet<string>, required: readonly (readonly string[])[]): boolean =>
  required.every((any) => any.some((trait) => traits.has(trait)));

export const lacksTraits = (traits: ReadonlySet<string>, forbidden: readonly string[]): boolean =>
  !forbidden.some((trait) => traits.has(trait));

/** Undefined: no tree was asked for. Null: it is not there. */
export const treeAsked = (model: PlacementModel, { inTree }: ProviderFilter): string | null | undefined =>
  inTree === undefined ? undefined : (model.providers.get(inTree)?.rootUuid ?? null);

/** Whether one provider alone gives all that is asked for; else the first thing that it lacks. */
export function whyExcluded(provider: Provider, filter: ProviderFilter, tree: string | null | undefined): string | undefined {
  if (tree !== undefined && provider.rootUuid !== tree) return 'in_tree';
  if (!hasTraits(provider.traits, filter.required)) return 'required traits';
  if (!lacksTraits(provider.traits, filter.forbidden)) return 'forbidden traits';
  if (!filter.memberOf.every((any) => any.some((one) => provider.aggregates.has(one)))) return 'member_of';
  if (filter.forbiddenAggregates.some((one) => provider.aggregates.has(one))) return 'forbidden member_of';
  for (const [resourceClass, amount] of filter.resources) {
    const why = whyNot(provider, resourceClass, amount);
    if (why !== undefined) return `${why} of ${resourceClass}`;
  }
  return undefined;
}

export function filterProviders(model: PlacementModel, filter: ProviderFilter): Provider[] {
  const tree = treeAsked(model, filter);
  if (tree === null) return [];
  const among = tree === undefined ? [...model.providers.values()] : (model.trees.get(tree) ?? []);
  return among.filter((provider) => whyExcluded(provider, filter, undefined) === undefined);
}
