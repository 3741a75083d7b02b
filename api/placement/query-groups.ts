import { unknownClasses, unknownTraits } from '../../compute/placement-name-service.ts';
import { isUuid, type Db } from '../../compute/placement-provider-service.ts';
import type { ProviderFilter } from '../../compute/provider-filter-policy.ts';
import { Refusal } from '../service-plugin.ts';

/*
 * What is asked of providers, as query arguments: `resources`, `required`, `member_of` and `in_tree`, each maybe with a suffix that names
 * its group (api-ref "Granular"). What may be said changed with microversions.
 */
const FORBIDDEN_TRAITS_SINCE = 22;
const MANY_MEMBER_OF_SINCE = 24;
const NAMED_SUFFIXES_SINCE = 33;
const FORBIDDEN_AGGREGATES_SINCE = 32;
const ANY_TRAITS_SINCE = 39;

const bad = (message: string) => new Refusal(400, message, { type: 'placement.query.bad_value' });

export function suffixPattern(minor: number): string {
  return minor >= NAMED_SUFFIXES_SINCE ? '[a-zA-Z0-9_-]{1,64}' : '[1-9][0-9]*';
}

/** Suffix → the arguments of its group; '' is the group without one. @throws Refusal 400 */
export function readGroups(query: URLSearchParams, minor: number): Map<string, ProviderFilter> {
  const pattern = new RegExp(`^(resources|required|member_of|in_tree)(${suffixPattern(minor)})?$`);
  const raw = new Map<string, Record<string, string[]>>();
  for (const [key, value] of query) {
    const match = pattern.exec(key);
    if (match === null) continue;
    const group = raw.get(match[2] ?? '') ?? {};
    (group[match[1]!] ??= []).push(value);
    raw.set(match[2] ?? '', group);
  }
  return new Map([...raw].map(([suffix, group]) => [suffix, toFilter(group, suffix, minor)]));
}

function toFilter(group: Readonly<Record<string, readonly string[]>>, suffix: string, minor: number): ProviderFilter {
  const traits = readTraits(group['required'] ?? [], suffix, minor);
  const aggregates = readMemberOf(group['member_of'] ?? [], suffix, minor);
  const inTree = group['in_tree']?.at(-1);
  if (inTree !== undefined && !isUuid(inTree))
    throw bad(`Invalid query string parameters: Expected 'in_tree${suffix}' parameter to be a format of uuid. Got: ${inTree}`);
  return { resources: readResources(group['resources']?.at(-1)), ...traits, ...aggregates, inTree };
}

const AMOUNT_MAX = 2_147_483_647;

export function readResources(text: string | undefined): Map<string, number> {
  if (text === undefined) return new Map();
  const form = 'Badly formed resources parameter. Expected resources query string parameter in form: ?resources=VCPU:2,MEMORY_MB:1024.';
  if (text.trim() === '') throw bad(`${form} Got: empty string.`);
  return new Map(
    text.split(',').map((part) => {
      const [name, amount, ...more] = part.split(':');
      if (!name || amount === undefined || more.length > 0) throw bad(`${form} Got: ${part}.`);
      if (!/^\d+$/.test(amount) || Number(amount) < 1 || Number(amount) > AMOUNT_MAX)
        throw bad(`Requested resource ${name} expected positive integer amount. Got: ${amount}.`);
      return [name, Number(amount)];
    }),
  );
}

function readTraits(values: readonly string[], suffix: string, minor: number): Pick<ProviderFilter, 'required' | 'forbidden'> {
  const example =
    minor >= ANY_TRAITS_SINCE
      ? 'HW_CPU_X86_VMX,!CUSTOM_MAGIC or in:CUSTOM_A,CUSTOM_B'
      : minor >= FORBIDDEN_TRAITS_SINCE
        ? 'HW_CPU_X86_VMX,!CUSTOM_MAGIC'
        : 'HW_CPU_X86_VMX,CUSTOM_MAGIC';
  const refuse = (got: string) =>
    bad(`Invalid query string parameters: Expected 'required${suffix}' parameter value of the form: ${example}. Got: ${got}`);
  const some = minor >= ANY_TRAITS_SINCE ? values : values.slice(-1);
  const required: string[][] = [];
  const forbidden: string[] = [];
  for (const value of some) {
    if (value.startsWith('in:')) {
      const any = value.slice(3).split(',');
      if (minor < ANY_TRAITS_SINCE || any.some((name) => !isName(name))) throw refuse(value);
      required.push(any);
      continue;
    }
    for (const part of value.split(',').map((each) => each.trim())) {
      const isForbidden = part.startsWith('!') && minor >= FORBIDDEN_TRAITS_SINCE;
      const name = isForbidden ? part.slice(1) : part;
      if (!isName(name)) throw refuse(value);
      if (isForbidden) forbidden.push(name);
      else required.push([name]);
    }
  }
  const both = required.filter((any) => any.every((name) => forbidden.includes(name))).flat();
  if (both.length > 0)
    throw bad(
      `Conflicting required and forbidden traits found in the following traits keys: required${suffix}: (${[...new Set(both)].sort().join(', ')})`,
    );
  return { required, forbidden };
}

const isName = (text: string) => /^[A-Z0-9_]{1,255}$/.test(text);

function readMemberOf(values: readonly string[], suffix: string, minor: number): Pick<ProviderFilter, 'memberOf' | 'forbiddenAggregates'> {
  if (values.length > 1 && minor < MANY_MEMBER_OF_SINCE) throw bad('Multiple member_of parameters are not supported');
  const memberOf: string[][] = [];
  const forbiddenAggregates: string[] = [];
  for (const value of values) {
    const isForbidden = value.startsWith('!');
    if (isForbidden && minor < FORBIDDEN_AGGREGATES_SINCE)
      throw bad('Forbidden member_of parameters are not supported in the specified microversion');
    const rest = isForbidden ? value.slice(1) : value;
    const some = rest.startsWith('in:') ? rest.slice(3).split(',') : [rest];
    if (!some.every(isUuid))
      throw bad(`Invalid query string parameters: Expected 'member_of${suffix}' parameter to contain valid UUID(s). Got: ${value}`);
    const lower = some.map((one) => one.toLowerCase());
    if (isForbidden) forbiddenAggregates.push(...lower);
    else memberOf.push(lower);
  }
  return { memberOf, forbiddenAggregates };
}

/** Every class and trait that is named is one. @throws Refusal 400 */
export async function requireKnownNames(db: Db, groups: Iterable<ProviderFilter>, moreTraits: readonly string[] = []): Promise<void> {
  const all = [...groups];
  const classes = await unknownClasses(db, [...new Set(all.flatMap(({ resources }) => [...resources.keys()]))]);
  if (classes.length > 0) throw bad(`Invalid resource class in resources parameter: No such resource class ${classes.join(', ')}.`);
  const named = all.flatMap(({ required, forbidden }) => [...required.flat(), ...forbidden]);
  const traits = await unknownTraits(db, [...new Set([...named, ...moreTraits])]);
  if (traits.length > 0) throw bad(`Invalid query string parameters: No such trait(s): ${traits.join(', ')}.`);
}
