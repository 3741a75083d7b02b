import { capacityOf, whyNot, type PlacementModel, type Provider } from './placement-model.ts';
import { hasTraits, lacksTraits, treeAsked, whyExcluded, type ProviderFilter } from './provider-filter-policy.ts';

/*
 * Who could give what is asked for (api-ref "Allocation candidates"). Each group is answered alone, as parts with the tree that
 * they are anchored in; parts of one anchor are then put together. The group without a suffix may be spread over a tree and the
 * providers that share with it; one with a suffix comes from one provider.
 */
export interface RequestGroup extends ProviderFilter {
  /** Empty for the group that may be spread. */
  readonly suffix: string;
}

export interface CandidateRequest {
  readonly groups: readonly RequestGroup[];
  /** Groups with suffixes must come from different providers. */
  readonly isolate: boolean;
  readonly rootRequired: readonly string[];
  readonly rootForbidden: readonly string[];
  /** Each: suffixes whose providers must have one of them as an ancestor of all. */
  readonly sameSubtrees: readonly (readonly string[])[];
  readonly limit: number | undefined;
  /** Below microversion 1.29 only roots are looked at. */
  readonly nested: boolean;
}

export interface Candidate {
  /** Provider → class → amount. */
  readonly allocations: ReadonlyMap<Provider, ReadonlyMap<string, number>>;
  /** Suffix → the providers that serve it. */
  readonly mappings: ReadonlyMap<string, readonly Provider[]>;
  readonly anchor: string;
}

interface Part {
  readonly suffix: string;
  readonly shares: readonly (readonly [Provider, resourceClass: string, amount: number])[];
  readonly providers: readonly Provider[];
}

/** A request that says no limit: more than any rack's scheduler looks at, and a bound on what a stranger can cost us. */
export const CANDIDATES_MAX = 100_000;

type PartsByAnchor = ReadonlyMap<string, readonly Part[]>;

export function findCandidates(model: PlacementModel, request: CandidateRequest): Candidate[] {
  const limit = Math.min(request.limit ?? CANDIDATES_MAX, CANDIDATES_MAX);
  const perGroup = request.groups.map((group) => partsOf(model, group, request.groups.length === 1 ? limit : CANDIDATES_MAX, request));
  const [first, ...others] = perGroup;
  if (first === undefined) return [];
  const found = new Map<string, Candidate>();
  for (const [anchor, parts] of first) {
    if (!suitsAsRoot(model, anchor, request)) continue;
    const rest = others.map((group) => group.get(anchor));
    if (rest.some((group) => group === undefined)) continue;
    for (const combination of product([parts, ...(rest as (readonly Part[])[])])) {
      if (!isAllowedTogether(model, combination, request)) continue;
      const candidate = consolidate(combination, anchor);
      if (candidate === undefined) continue;
      const key = keyOf(candidate);
      if (!found.has(key)) found.set(key, candidate);
      if (found.size >= limit) return [...found.values()];
    }
  }
  return [...found.values()];
}

function suitsAsRoot(model: PlacementModel, anchor: string, { rootRequired, rootForbidden }: CandidateRequest): boolean {
  if (rootRequired.length === 0 && rootForbidden.length === 0) return true;
  const traits = model.providers.get(anchor)?.traits ?? new Set<string>();
  return rootRequired.every((trait) => traits.has(trait)) && lacksTraits(traits, rootForbidden);
}

function partsOf(model: PlacementModel, group: RequestGroup, limit: number, request: CandidateRequest): PartsByAnchor {
  const tree = treeAsked(model, group);
  if (tree === null) return new Map();
  const parts = group.suffix === '' ? spreadParts(model, group, tree, limit, request) : wholeParts(model, group, tree);
  if (request.nested) return parts;
  return new Map([...parts].map(([anchor, some]) => [anchor, some.filter(({ providers }) => providers.every(isRoot))]));
}

const isRoot = (provider: Provider) => provider.uuid === provider.rootUuid;

/** One provider each; a sharing one also for every tree that it shares with. */
function wholeParts(model: PlacementModel, group: RequestGroup, tree: string | undefined): PartsByAnchor {
  const found = new Map<string, Part[]>();
  for (const provider of tree === undefined ? model.providers.values() : (model.trees.get(tree) ?? [])) {
    if (whyExcluded(provider, group, undefined) !== undefined) continue;
    const part: Part = {
      suffix: group.suffix,
      shares: [...group.resources].map(([resourceClass, amount]) => [provider, resourceClass, amount]),
      providers: [provider],
    };
    const anchors = tree === undefined && isSharing(model, provider) ? anchorsOf(model, provider) : [provider.rootUuid];
    for (const anchor of anchors) push(found, anchor, part);
  }
  return found;
}

const isSharing = (model: PlacementModel, provider: Provider) => model.sharing.includes(provider);

/** The roots of everybody who shares an aggregate with it, its own included. */
function anchorsOf(model: PlacementModel, sharing: Provider): Set<string> {
  const roots = [...sharing.aggregates].flatMap((aggregate) => (model.aggregates.get(aggregate) ?? []).map(({ rootUuid }) => rootUuid));
  return new Set([sharing.rootUuid, ...roots]);
}

function push<Key, Value>(map: Map<Key, Value[]>, key: Key, value: Value): void {
  const there = map.get(key);
  if (there) there.push(value);
  else map.set(key, [value]);
}

/** Every way to take each class from a provider of the tree, or from one that shares with it. */
function spreadParts(
  model: PlacementModel,
  group: RequestGroup,
  tree: string | undefined,
  limit: number,
  request: CandidateRequest,
): PartsByAnchor {
  const sharers = tree === undefined ? sharersByAnchor(model, group) : new Map<string, Map<string, Provider[]>>();
  const found = new Map<string, Part[]>();
  let count = 0;
  for (const [anchor, members] of tree === undefined ? model.trees : [[tree, model.trees.get(tree) ?? []] as const]) {
    const choices: (readonly [Provider, string, number])[][] = [];
    for (const [resourceClass, amount] of group.resources) {
      const own = members.filter((provider) => gives(model, provider, group, resourceClass, amount));
      const shared = (sharers.get(resourceClass)?.get(anchor) ?? []).filter((provider) => !own.includes(provider));
      const givers = [...own, ...shared];
      if (givers.length === 0) break;
      choices.push(givers.map((provider) => [provider, resourceClass, amount]));
    }
    if (choices.length < group.resources.size) continue;
    for (const shares of product(choices)) {
      const providers = [...new Set(shares.map(([provider]) => provider))];
      if (!request.nested && !providers.every(isRoot)) continue;
      if (!haveTogether(providers, group)) continue;
      push(found, anchor, { suffix: '', shares, providers });
      if (++count >= limit && suitsAsRoot(model, anchor, request)) return found;
    }
  }
  return found;
}

/** Aggregates of a root count for its whole tree. */
function gives(model: PlacementModel, provider: Provider, group: RequestGroup, resourceClass: string, amount: number): boolean {
  if (whyNot(provider, resourceClass, amount) !== undefined) return false;
  const { memberOf, forbiddenAggregates } = group;
  if (memberOf.length === 0 && forbiddenAggregates.length === 0) return true;
  const root = model.providers.get(provider.rootUuid) ?? provider;
  const isIn = (some: readonly string[], one: Provider) => some.some((aggregate) => one.aggregates.has(aggregate));
  const allOf = (one: Provider) => memberOf.every((any) => isIn(any, one));
  return (allOf(provider) || allOf(root)) && !isIn(forbiddenAggregates, provider) && !isIn(forbiddenAggregates, root);
}

function sharersByAnchor(model: PlacementModel, group: RequestGroup): Map<string, Map<string, Provider[]>> {
  const byClass = new Map<string, Map<string, Provider[]>>();
  for (const [resourceClass, amount] of group.resources) {
    const byAnchor = new Map<string, Provider[]>();
    for (const provider of model.sharing) {
      if (!gives(model, provider, group, resourceClass, amount)) continue;
      for (const anchor of anchorsOf(model, provider)) push(byAnchor, anchor, provider);
    }
    byClass.set(resourceClass, byAnchor);
  }
  return byClass;
}

function haveTogether(providers: readonly Provider[], { required, forbidden }: RequestGroup): boolean {
  if (required.length === 0 && forbidden.length === 0) return true;
  const traits = providers.length === 1 ? providers[0]!.traits : new Set(providers.flatMap((provider) => [...provider.traits]));
  return hasTraits(traits, required) && lacksTraits(traits, forbidden);
}

function* product<Value>(lists: readonly (readonly Value[])[], at = 0): Generator<Value[]> {
  if (at === lists.length) return yield [];
  for (const value of lists[at]!) for (const rest of product(lists, at + 1)) yield [value, ...rest];
}

function isAllowedTogether(model: PlacementModel, parts: readonly Part[], request: CandidateRequest): boolean {
  if (request.isolate) {
    const single = parts.filter(({ suffix, shares }) => suffix !== '' && shares.length > 0).map(({ providers }) => providers[0]!);
    if (new Set(single).size < single.length) return false;
  }
  return request.sameSubtrees.every((suffixes) => {
    const providers = parts.filter(({ suffix }) => suffixes.includes(suffix)).flatMap((part) => part.providers);
    return isOneSubtree(model, providers);
  });
}

/** One of them is an ancestor of all (or is it itself). */
function isOneSubtree(model: PlacementModel, providers: readonly Provider[]): boolean {
  const lines = providers.map((provider) => ancestorsOf(model, provider));
  return providers.some(({ uuid }) => lines.every((line) => line.has(uuid)));
}

function ancestorsOf(model: PlacementModel, provider: Provider): Set<string> {
  const line = new Set([provider.uuid]);
  for (let at = provider.parentUuid; at !== null && !line.has(at); at = model.providers.get(at)?.parentUuid ?? null) line.add(at);
  return line;
}

/** Amounts of several groups on one provider add up; undefined when they are too much for it. */
function consolidate(parts: readonly Part[], anchor: string): Candidate | undefined {
  const allocations = new Map<Provider, Map<string, number>>();
  for (const { shares } of parts) {
    for (const [provider, resourceClass, amount] of shares) {
      const classes = allocations.get(provider) ?? new Map<string, number>();
      classes.set(resourceClass, (classes.get(resourceClass) ?? 0) + amount);
      allocations.set(provider, classes);
    }
  }
  if (parts.length > 1) {
    for (const [provider, classes] of allocations) {
      for (const [resourceClass, amount] of classes) {
        const inventory = provider.inventories.get(resourceClass)!;
        if (amount > inventory.maxUnit || (provider.used.get(resourceClass) ?? 0) + amount > capacityOf(inventory)) return undefined;
      }
    }
  }
  return { allocations, mappings: new Map(parts.map(({ suffix, providers }) => [suffix, providers])), anchor };
}

/** What makes two candidates the same: amounts and who serves which group, not the tree that they were found by. */
function keyOf({ allocations, mappings }: Candidate): string {
  if (allocations.size === 1 && mappings.size === 1) return [...allocations.keys()][0]!.uuid;
  const amounts = [...allocations].map(
    ([provider, classes]) =>
      `${provider.uuid}=${[...classes]
        .map(([name, n]) => `${name}:${n}`)
        .sort()
        .join(',')}`,
  );
  const served = [...mappings].map(
    ([suffix, providers]) =>
      `${suffix}>${providers
        .map(({ uuid }) => uuid)
        .sort()
        .join(',')}`,
  );
  return `${amounts.sort().join(';')}|${served.sort().join(';')}`;
}

/** For an empty answer: group → what kept its providers out → how many. */
export function explainNoCandidates(model: PlacementModel, { groups }: CandidateRequest): Record<string, Record<string, number>> {
  return Object.fromEntries(
    groups.map((group) => {
      const tree = treeAsked(model, group);
      const counts: Record<string, number> = {};
      for (const provider of model.providers.values()) {
        const why = whyExcluded(provider, group, tree) ?? 'fits by itself';
        counts[why] = (counts[why] ?? 0) + 1;
      }
      return [group.suffix === '' ? 'unsuffixed' : group.suffix, counts];
    }),
  );
}
