import type { CandidateRequest, RequestGroup } from './allocation-candidates-policy.ts';
import { NO_FILTER } from './provider-filter-policy.ts';

/*
 * What a flavor asks of Placement: its sizes, in whose place `resources:CLASS=N` stands (0: not asked for), and `trait:NAME=required` or
 * `forbidden`. Suffixes make groups of their own (`resources1:…`, `trait1:…`). An image may ask for traits too.
 */
export interface Sizes {
  readonly vcpus: number;
  readonly ram: number;
  readonly disk: number;
  readonly ephemeral: number;
  readonly swap: number;
}
type Specs = Readonly<Record<string, string>>;

const SPEC = /^(resources|trait)([A-Za-z0-9_-]*):([A-Z0-9_]+)$/;
const MIB_A_GIB = 1024;

interface Group {
  readonly resources: Map<string, number>;
  readonly required: string[];
  readonly forbidden: string[];
}

export interface FlavorRequest {
  readonly request: CandidateRequest;
  /** Of the group without a suffix: what the machine is deployed with. */
  readonly traits: readonly string[];
}

export function requestOf(sizes: Sizes, specs: Specs, imageProperties: Specs): FlavorRequest {
  const groups = new Map<string, Group>();
  const group = (suffix: string): Group => {
    const known = groups.get(suffix) ?? { resources: new Map(), required: [], forbidden: [] };
    groups.set(suffix, known);
    return known;
  };
  const own = group('').resources;
  own.set('VCPU', sizes.vcpus);
  own.set('MEMORY_MB', sizes.ram);
  own.set('DISK_GB', sizes.disk + sizes.ephemeral + Math.ceil(sizes.swap / MIB_A_GIB));
  for (const [key, value] of Object.entries(specs)) {
    const [, kind, suffix, name] = SPEC.exec(key) ?? [];
    if (kind === undefined) continue;
    if (kind === 'resources') group(suffix!).resources.set(name!, Number(value));
    else if (value === 'required') group(suffix!).required.push(name!);
    else if (value === 'forbidden') group(suffix!).forbidden.push(name!);
  }
  for (const [key, value] of Object.entries(imageProperties))
    if (key.startsWith('trait:') && value === 'required') group('').required.push(key.slice('trait:'.length));
  for (const one of groups.values()) for (const [name, amount] of one.resources) if (!(amount > 0)) one.resources.delete(name);
  const asked = [...groups]
    .filter(([suffix, one]) => one.resources.size > 0 || suffix === '')
    .map(([suffix, one]): RequestGroup => ({
      ...NO_FILTER,
      suffix,
      resources: one.resources,
      required: one.required.map((trait) => [trait]),
      forbidden: one.forbidden,
    }));
  return {
    request: {
      groups: asked,
      isolate: specs['group_policy'] === 'isolate',
      rootRequired: [],
      rootForbidden: [],
      sameSubtrees: [],
      limit: undefined,
      nested: true,
    },
    traits: group('').required,
  };
}
