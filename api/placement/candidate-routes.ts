import {
  explainNoCandidates,
  findCandidates,
  type Candidate,
  type CandidateRequest,
  type RequestGroup,
} from '../../compute/allocation-candidates-policy.ts';
import type { PlacementModel, Provider } from '../../compute/placement-model.ts';
import type { ProviderFilter } from '../../compute/provider-filter-policy.ts';
import type { JsonSchema } from '../json-schema.ts';
import { Refusal } from '../service-plugin.ts';
import { answerJson, checkQuery } from './placement-body.ts';
import type { PlacementCall, PlacementRoute } from './placement-context.ts';
import { summaryView } from './provider-view.ts';
import { readGroups, requireKnownNames, suffixPattern } from './query-groups.ts';

/*
 * Allocation candidates: which providers could give what is asked for, and what they have. Answers for a thousand providers are put
 * together from texts kept with each provider.
 */
const bad = (message: string) => new Refusal(400, message, { type: 'placement.query.bad_value' });
const NESTED_SINCE = 29;
const RESOURCELESS_SINCE = 36;
const MAPPINGS_SINCE = 34;

function querySchema(minor: number): JsonSchema {
  const text = { type: 'string' } as const;
  const suffixed = [...(minor >= 25 ? ['resources', 'required', 'member_of'] : []), ...(minor >= 31 ? ['in_tree'] : [])].join('|');
  return {
    type: 'object',
    properties: {
      resources: { type: 'string', minLength: 1 },
      // Ours: why nobody can.
      also: { type: 'string', pattern: '^explain$' },
      ...(minor >= 16 ? { limit: { type: 'string', pattern: '^[1-9][0-9]*$', minLength: 1 } } : {}),
      ...(minor >= 17 ? { required: text } : {}),
      ...(minor >= 21 ? { member_of: text } : {}),
      ...(minor >= 25 ? { group_policy: { type: 'string', enum: ['none', 'isolate'] } } : {}),
      ...(minor >= 31 ? { in_tree: text } : {}),
      ...(minor >= 35 ? { root_required: text } : {}),
      ...(minor >= RESOURCELESS_SINCE ? { same_subtree: text } : {}),
    },
    ...(suffixed === '' ? {} : { patternProperties: { [`^(${suffixed})(${suffixPattern(minor)})$`]: text } }),
    ...(minor < 25 ? { required: ['resources'] } : {}),
    additionalProperties: false,
  };
}

/** @throws Refusal 400 */
function toRequest(call: PlacementCall): CandidateRequest {
  const { query, minor } = call;
  const byName = readGroups(query, minor);
  const sameSubtrees = readSameSubtrees(query, byName);
  checkGroups(byName, new Set(sameSubtrees.flat()));
  const policy = query.get('group_policy');
  const suffixed = [...byName.keys()].filter((suffix) => suffix !== '');
  const withResources = suffixed.filter((suffix) => byName.get(suffix)!.resources.size > 0);
  if (withResources.length > 1 && policy === null)
    throw bad('The "group_policy" parameter is required when specifying more than one "resources{N}" parameter.');
  const root = readRootRequired(query.getAll('root_required'));
  return {
    groups: [...byName].map(([suffix, filter]): RequestGroup => ({ ...filter, suffix })),
    isolate: policy === 'isolate',
    ...root,
    sameSubtrees,
    limit: query.get('limit') === null ? undefined : Number(query.get('limit')),
    nested: minor >= NESTED_SINCE,
  };
}

function checkGroups(groups: ReadonlyMap<string, ProviderFilter>, mayBeWithout: ReadonlySet<string>): void {
  const without = [...groups].filter(([suffix, { resources }]) => resources.size === 0 && !(suffix !== '' && mayBeWithout.has(suffix)));
  const orphans = (what: string, key: string, has: (filter: ProviderFilter) => boolean) => {
    const names = without.filter(([, filter]) => has(filter)).map(([suffix]) => `${key}${suffix}`);
    if (names.length > 0)
      throw bad(
        `All ${what} parameters must be associated with resources.  Found the following orphaned ${what} keys: ${names.join(', ')}`,
      );
  };
  orphans('traits', 'required', ({ required, forbidden }) => required.length + forbidden.length > 0);
  orphans('member_of', 'member_of', ({ memberOf, forbiddenAggregates }) => memberOf.length + forbiddenAggregates.length > 0);
  orphans('in_tree', 'in_tree', ({ inTree }) => inTree !== undefined);
  if ([...groups.values()].every(({ resources }) => resources.size === 0)) throw bad('At least one request group must specify resources.');
}

function readSameSubtrees(query: URLSearchParams, groups: ReadonlyMap<string, ProviderFilter>): string[][] {
  return query.getAll('same_subtree').map((value) => {
    const suffixes = value.split(',');
    if (value === '' || suffixes.includes(''))
      throw bad(`Empty string (unsuffixed group) can not be specified in the value of same_subtree`);
    const unknown = suffixes.filter((suffix) => !groups.has(suffix));
    if (unknown.length > 0)
      throw bad(`Real suffixes should be specified in same_subtree: ${unknown.join(', ')} not found in ${[...groups.keys()].join(', ')}`);
    return suffixes;
  });
}

function readRootRequired(values: readonly string[]): Pick<CandidateRequest, 'rootRequired' | 'rootForbidden'> {
  if (values.length > 1) throw bad('Multiple root_required parameters are not supported');
  const names = values.length === 0 ? [] : values[0]!.split(',').map((name) => name.trim());
  if (names.some((name) => !/^!?[A-Z0-9_]{1,255}$/.test(name)))
    throw bad(
      `Invalid query string parameters: Expected 'root_required' parameter value of the form: HW_CPU_X86_VMX,!CUSTOM_MAGIC. Got: ${values[0]}`,
    );
  const rootRequired = names.filter((name) => !name.startsWith('!'));
  const rootForbidden = names.filter((name) => name.startsWith('!')).map((name) => name.slice(1));
  const both = rootRequired.filter((name) => rootForbidden.includes(name));
  if (both.length > 0) throw bad(`Conflicting required and forbidden traits found in root_required: ${both.join(', ')}`);
  return { rootRequired, rootForbidden };
}

const summaries = new WeakMap<Provider, Map<string, string>>();

function summaryText(provider: Provider, minor: number, onlyClasses: ReadonlySet<string> | undefined): string {
  const key = `${minor >= NESTED_SINCE ? 'tree' : minor >= 17 ? 'traits' : ''}:${onlyClasses === undefined ? '' : [...onlyClasses].join()}`;
  const known = summaries.get(provider);
  const text = known?.get(key);
  if (text !== undefined) return text;
  const made = `${JSON.stringify(provider.uuid)}:${JSON.stringify(summaryView(provider, minor, onlyClasses))}`;
  if (known) known.set(key, made);
  else summaries.set(provider, new Map([[key, made]]));
  return made;
}

const amountsText = (classes: ReadonlyMap<string, number>) => `{${[...classes].map(([name, amount]) => `"${name}":${amount}`).join(',')}}`;

function requestText({ allocations, mappings }: Candidate, minor: number): string {
  if (minor < 12)
    return `{"allocations":[${[...allocations].map(([{ uuid }, classes]) => `{"resource_provider":{"uuid":"${uuid}"},"resources":${amountsText(classes)}}`).join(',')}]}`;
  const parts = [...allocations].map(([{ uuid }, classes]) => `"${uuid}":{"resources":${amountsText(classes)}}`).join(',');
  if (minor < MAPPINGS_SINCE) return `{"allocations":{${parts}}}`;
  const served = [...mappings]
    .map(([suffix, providers]) => `"${suffix}":[${providers.map(({ uuid }) => `"${uuid}"`).join(',')}]`)
    .join(',');
  return `{"allocations":{${parts}},"mappings":{${served}}}`;
}

/** Providers of the candidates, from 1.29 on with all of their trees. */
function summarized(model: PlacementModel, candidates: readonly Candidate[], nested: boolean): Set<Provider> {
  const found = new Set<Provider>();
  for (const { allocations, mappings } of candidates) {
    for (const provider of [...allocations.keys(), ...[...mappings.values()].flat()]) {
      if (found.has(provider)) continue;
      if (!nested) found.add(provider);
      else for (const member of model.trees.get(provider.rootUuid) ?? []) found.add(member);
    }
  }
  return found;
}

export const candidateRoutes: readonly PlacementRoute[] = [
  {
    method: 'GET',
    path: '/allocation_candidates',
    since: 10,
    query: ['resources', 'required', 'member_of', 'in_tree', 'limit', 'group_policy', 'root_required', 'same_subtree', 'also'],
    async handle(call) {
      call.require('placement:allocation_candidates:list');
      checkQuery(call, querySchema(call.minor));
      const request = toRequest(call);
      const model = await call.context.snapshot.read();
      await requireKnownNames(call.context.database.db, request.groups, [...request.rootRequired, ...request.rootForbidden]);
      const candidates = findCandidates(model, request);
      const onlyClasses = call.minor >= 27 ? undefined : new Set(request.groups.flatMap(({ resources }) => [...resources.keys()]));
      const requests = candidates.map((candidate) => requestText(candidate, call.minor)).join(',');
      const shown = [...summarized(model, candidates, request.nested)]
        .map((provider) => summaryText(provider, call.minor, onlyClasses))
        .join(',');
      const why = call.query.has('also') ? `,"explain":${JSON.stringify(explainNoCandidates(model, request))}` : '';
      return answerJson(call, `{"allocation_requests":[${requests}],"provider_summaries":{${shown}}${why}}`);
    },
  },
];
