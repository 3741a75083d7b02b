import type { Actor } from '../../core/base/actor.ts';
import type { Check } from './check-codec.ts';

/** What a rule may ask about: nested values, or flat ones whose name holds dots. */
export type PolicyTarget = { readonly [name: string]: unknown };
export type Evaluate = (credentials: PolicyTarget, target: PolicyTarget) => boolean;

/** The actor as the rules name it: `role:`, `user_id:`, `system_scope:all`, `token.project.domain.id:`. */
export const credentialsOf = (actor: Actor): PolicyTarget => ({
  user_id: actor.userId,
  user_domain_id: actor.userDomainId,
  project_id: actor.projectId,
  tenant_id: actor.projectId,
  project_domain_id: actor.projectDomainId,
  domain_id: actor.domainId,
  system_scope: actor.systemScope ? 'all' : null,
  roles: actor.roles,
  is_admin: false,
  token: {
    user: { id: actor.userId, domain: { id: actor.userDomainId } },
    project: { id: actor.projectId, domain: { id: actor.projectDomainId } },
    domain: { id: actor.domainId },
  },
});

function lookUp(values: PolicyTarget, path: string): unknown {
  if (path in values) return values[path];
  let at: unknown = values;
  for (const name of path.split('.')) {
    if (typeof at !== 'object' || at === null || !(name in at)) return undefined;
    at = (at as PolicyTarget)[name];
  }
  return at;
}

/** As Python prints it, because rules compare with `None` and `True`. */
const asText = (value: unknown): string =>
  value === null
    ? 'None'
    : value === true
      ? 'True'
      : value === false
        ? 'False'
        : typeof value === 'object'
          ? JSON.stringify(value)
          : String(value);

/** `%(target.user.id)s` from the target; undefined when the target does not have it: the check then fails. */
function fill(template: string): (target: PolicyTarget) => string | undefined {
  const parts = template.split(/%\(([^)]*)\)s/);
  if (parts.length === 1) return () => template;
  return (target) => {
    let text = parts[0]!;
    for (let at = 1; at < parts.length; at += 2) {
      const value = lookUp(target, parts[at]!);
      if (value === undefined) return undefined;
      text += asText(value) + parts[at + 1]!;
    }
    return text;
  };
}

const LITERAL = /^(?:'([^']*)'|"([^"]*)"|(None|True|False|-?\d+(?:\.\d+)?))$/;

/** One check as a function. `findRule` resolves `rule:NAME`; a rule that is not there, or calls itself, denies. */
export function compileCheck(check: Check, findRule: (name: string) => Evaluate): Evaluate {
  switch (check.kind) {
    case 'allow':
      return () => true;
    case 'deny':
      return () => false;
    case 'not': {
      const inner = compileCheck(check.check, findRule);
      return (credentials, target) => !inner(credentials, target);
    }
    case 'and': {
      const all = check.checks.map((one) => compileCheck(one, findRule));
      return (credentials, target) => all.every((one) => one(credentials, target));
    }
    case 'or': {
      const some = check.checks.map((one) => compileCheck(one, findRule));
      return (credentials, target) => some.some((one) => one(credentials, target));
    }
    default:
      return compileMatch(check.left, check.right, findRule);
  }
}

function compileMatch(left: string, right: string, findRule: (name: string) => Evaluate): Evaluate {
  if (left === 'rule') return findRule(right);
  if (left === 'field') return compileField(right);
  const wanted = fill(right);
  if (left === 'role') {
    return (credentials, target) => {
      const name = wanted(target)?.toLowerCase();
      return name !== undefined && (credentials['roles'] as readonly string[]).some((role) => role.toLowerCase() === name);
    };
  }
  const literal = LITERAL.exec(left);
  if (literal) {
    const value = literal[1] ?? literal[2] ?? literal[3];
    return (_credentials, target) => wanted(target) === value;
  }
  return (credentials, target) => {
    const text = wanted(target);
    const value = lookUp(credentials, left);
    if (text === undefined || value === undefined || value === null) return false;
    return Array.isArray(value) ? value.some((one) => asText(one) === text) : asText(value) === text;
  };
}

/** Neutron's own kind: `field:networks:shared=True`, `field:port:device_owner=~^network:`. A target that says nothing fails. */
function compileField(right: string): Evaluate {
  const [, name = '', isPattern = '', value = ''] = /^\w+:([^=]+)=(~?)(.*)$/.exec(right) ?? [];
  const pattern = isPattern === '' ? undefined : new RegExp(value);
  return (_credentials, target) => {
    const found = lookUp(target, name);
    if (found === undefined || found === null) return false;
    return pattern === undefined ? asText(found) === value : pattern.test(asText(found));
  };
}
