import type { LocalRule, MappingRule, RemoteRule } from '../mapping-policy.ts';

/**
 * What an identity provider says of somebody, turned into a user and groups of ours by the rules of a mapping. All rules whose
 * conditions hold count; `{0}` is the first value that a condition hands on. Spec: Keystone's "Mapping Combinations".
 */
export type Assertion = Readonly<Record<string, readonly string[]>>;

export interface Mapped {
  readonly user: {
    readonly id?: string;
    readonly name?: string;
    readonly email?: string;
    readonly type: 'ephemeral' | 'local';
    readonly domain?: Reference;
  };
  readonly groupIds: readonly string[];
  readonly groupNames: readonly { readonly name: string; readonly domain?: Reference }[];
  readonly projects: readonly { readonly name: string; readonly domain?: Reference; readonly roles: readonly string[] }[];
}

export interface Reference {
  readonly id?: string | undefined;
  readonly name?: string | undefined;
}

/** A rule's regular expression must not make one login take seconds. */
const VALUE_CHARACTERS_MAX = 2000;

function fits(value: string, wanted: readonly string[], isRegex: boolean | undefined): boolean {
  if (!isRegex) return wanted.includes(value);
  return wanted.some((pattern) => {
    try {
      return new RegExp(pattern).test(value.slice(0, VALUE_CHARACTERS_MAX));
    } catch {
      return false;
    }
  });
}

/** Undefined: the condition does not hold. Null: it holds and hands nothing on. */
function judge(condition: RemoteRule, assertion: Assertion): readonly string[] | null | undefined {
  const values = assertion[condition.type];
  if (values === undefined) return undefined;
  if ('any_one_of' in condition) return values.some((value) => fits(value, condition.any_one_of, condition.regex)) ? null : undefined;
  if ('not_any_of' in condition) return values.some((value) => fits(value, condition.not_any_of, condition.regex)) ? undefined : null;
  if ('blacklist' in condition) return values.filter((value) => !fits(value, condition.blacklist, condition.regex));
  if ('whitelist' in condition) return values.filter((value) => fits(value, condition.whitelist, condition.regex));
  return values;
}

type Fill = (template: string) => string;

const filler =
  (direct: readonly (readonly string[])[]): Fill =>
  (template) =>
    template.replace(/\{(\d+)\}/g, (_all, at: string) => direct[Number(at)]?.join(';') ?? '');

/** `{0}` alone hands on a whole list; JSON lists and `a;b` are lists too. */
function listOf(template: string, direct: readonly (readonly string[])[]): string[] {
  const alone = /^\{(\d+)\}$/.exec(template);
  const values = alone ? (direct[Number(alone[1])] ?? []) : filler(direct)(template).split(';');
  return values.flatMap((value) => (value.startsWith('[') ? fromJson(value) : value.split(';'))).filter((value) => value !== '');
}

function fromJson(text: string): string[] {
  try {
    return (JSON.parse(text) as unknown[]).map(String);
  } catch {
    return [text];
  }
}

/** Undefined when no rule applies, or none names a user. */
export function applyMapping(rules: readonly MappingRule[], assertion: Assertion): Mapped | undefined {
  let user: Mapped['user'] | undefined;
  const groupIds = new Set<string>();
  const groupNames: Mapped['groupNames'][number][] = [];
  const projects: Mapped['projects'][number][] = [];
  for (const rule of rules) {
    const judged = rule.remote.map((condition) => judge(condition, assertion));
    if (judged.includes(undefined)) continue;
    const direct = judged.filter((values) => values !== null && values !== undefined);
    for (const local of rule.local) {
      user ??= userOf(local, filler(direct));
      for (const id of groupIdsOf(local, direct)) groupIds.add(id);
      groupNames.push(...groupNamesOf(local, direct));
      projects.push(...projectsOf(local, filler(direct)));
    }
  }
  return user === undefined ? undefined : { user, groupIds: [...groupIds], groupNames, projects };
}

function userOf({ user }: LocalRule, fill: Fill): Mapped['user'] | undefined {
  if (user === undefined) return undefined;
  const filled = Object.fromEntries(
    (['id', 'name', 'email'] as const).flatMap((name) => (user[name] === undefined ? [] : [[name, fill(user[name])]])),
  );
  if (!filled['id'] && !filled['name']) return undefined;
  return { ...filled, type: user.type ?? 'ephemeral', ...(user.domain === undefined ? {} : { domain: user.domain }) };
}

function groupIdsOf(local: LocalRule, direct: readonly (readonly string[])[]): string[] {
  const listed = local.group_ids === undefined ? [] : listOf(local.group_ids, direct);
  return local.group !== undefined && 'id' in local.group ? [...listed, filler(direct)(local.group.id)] : listed;
}

function groupNamesOf(local: LocalRule, direct: readonly (readonly string[])[]): Mapped['groupNames'][number][] {
  const domain = local.domain === undefined ? {} : { domain: local.domain };
  const listed = local.groups === undefined ? [] : listOf(local.groups, direct).map((name) => ({ name, ...domain }));
  if (local.group === undefined || 'id' in local.group) return listed;
  return [...listed, { name: filler(direct)(local.group.name), domain: local.group.domain }];
}

const projectsOf = ({ projects = [], domain }: LocalRule, fill: Fill): Mapped['projects'][number][] =>
  projects.map((project) => ({
    name: fill(project.name),
    ...((project.domain ?? domain) === undefined ? {} : { domain: project.domain ?? domain! }),
    roles: project.roles.map((role) => role.name),
  }));
