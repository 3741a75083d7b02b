import { parse as parseYaml } from 'yaml';
import type { Actor } from '../core/base/actor.ts';
import { parseCheck, PolicySyntaxError, printCheck } from './policy/check-codec.ts';
import { compileCheck, credentialsOf, type Evaluate, type PolicyTarget } from './policy/check-policy.ts';

/*
 * Who may do what, for every service: rules are data in OpenStack's policy language, each service brings its own and the
 * operator's YAML replaces single ones. By default an older, wider check of a rule holds too and scope does not matter, as
 * today's clients expect; with `enforceScope` only the new check counts and the token must have one of the rule's scopes.
 */
export type PolicyScope = 'system' | 'domain' | 'project';

export interface PolicyRule {
  /** `identity:get_user`; without a colon it is a part that other rules name with `rule:`. */
  readonly name: string;
  readonly check: string;
  /** Empty or absent: any scope, also none. */
  readonly scopes?: readonly PolicyScope[];
  /** Holds too unless scope is enforced. */
  readonly deprecated?: string;
}

export type Verdict = { readonly allowed: true } | { readonly allowed: false; readonly rule: string; readonly wanted: string };

export interface PolicyEngine {
  readonly enforceScope: boolean;
  /** @throws Error for a name that no rule has: a route without a rule is a bug, not a refusal. */
  authorize(actor: Actor, rule: string, target?: PolicyTarget): Verdict;
  readonly rules: ReadonlyMap<string, PolicyRule>;
}

export interface PolicyOptions {
  readonly rules: readonly PolicyRule[];
  readonly overridesYaml?: string;
  readonly enforceScope: boolean;
}

interface Compiled {
  readonly rule: PolicyRule;
  readonly evaluate: Evaluate;
  readonly wanted: string;
}

/** @throws PolicySyntaxError that names the rule, for the operator's YAML as for ours. */
export function createPolicyEngine(options: PolicyOptions): PolicyEngine {
  const { enforceScope } = options;
  const rules = new Map(options.rules.map((rule) => [rule.name, rule]));
  for (const [name, check] of readOverrides(options.overridesYaml)) {
    rules.set(name, { name, check: check as string, ...(rules.get(name)?.scopes ? { scopes: rules.get(name)!.scopes! } : {}) });
  }
  const parts = new Map<string, Evaluate>();
  const running = new Set<string>();
  const findRule = (name: string): Evaluate => {
    const known = parts.get(name);
    if (known) return known;
    const rule = rules.get(name) ?? rules.get('default');
    if (rule === undefined || running.has(name)) return () => false;
    running.add(name);
    const evaluate = compileRule(rule).evaluate;
    running.delete(name);
    parts.set(name, evaluate);
    return evaluate;
  };
  const compileRule = (rule: PolicyRule): Compiled => {
    const [check, older] = [rule.check, enforceScope ? undefined : rule.deprecated].map((text) =>
      text === undefined ? undefined : parse(rule.name, text),
    );
    const both = older === undefined ? check! : ({ kind: 'or', checks: [check!, older] } as const);
    return { rule, evaluate: compileCheck(both, findRule), wanted: printCheck(both) };
  };
  const compiled = new Map([...rules.values()].map((rule) => [rule.name, compileRule(rule)]));
  return { enforceScope, rules, authorize: (actor, name, target = {}) => judge(compiled, enforceScope, actor, name, target) };
}

function judge(compiled: ReadonlyMap<string, Compiled>, enforceScope: boolean, actor: Actor, name: string, target: PolicyTarget): Verdict {
  const found = compiled.get(name);
  if (found === undefined) throw new Error(`no policy rule is called ${name}`);
  const scopes = found.rule.scopes ?? [];
  if (enforceScope && scopes.length > 0 && !scopes.some((scope) => hasScope(actor, scope)))
    return { allowed: false, rule: name, wanted: `a token with ${scopes.join(' or ')} scope` };
  if (found.evaluate(credentialsOf(actor), target)) return { allowed: true };
  return { allowed: false, rule: name, wanted: found.wanted };
}

const hasScope = (actor: Actor, scope: PolicyScope) =>
  scope === 'system' ? actor.systemScope : scope === 'domain' ? actor.domainId !== null : actor.projectId !== null;

function parse(name: string, text: unknown) {
  try {
    return parseCheck(text);
  } catch (error) {
    throw new PolicySyntaxError(`the policy rule ${name} can not be read: ${(error as Error).message}`);
  }
}

function readOverrides(yaml: string | undefined): [string, unknown][] {
  if (yaml === undefined) return [];
  const read: unknown = parseYaml(yaml) ?? {};
  if (typeof read !== 'object' || read === null || Array.isArray(read))
    throw new PolicySyntaxError('the policy file is not NAME: RULE lines');
  return Object.entries(read);
}
