import type { Json, JsonObject } from '../core/base/json.ts';
import type { RuleOperation } from './inspection-rule-policy.ts';

/*
 * A rule as clients of ironic-inspector write it ("Introspection Rules"), as one of ours: `field` becomes a placeholder into the
 * introspection data or the node, each action an operation of the same name.
 */
export interface InspectorRule {
  readonly conditions: readonly InspectorCondition[];
  readonly actions: readonly (JsonObject & { readonly action: string })[];
  readonly scope?: string | null | undefined;
}
export type InspectorCondition = JsonObject & { readonly field: string; readonly op: string };

export class InspectorRuleError extends Error {
  override readonly name = 'InspectorRuleError';
}

const NAMED = new Set(['field', 'op', 'multiple', 'invert']);
/** Inspector's operator → ours, and whether ours is to be turned round. */
const OPERATORS: Readonly<Record<string, readonly [string, boolean]>> = {
  eq: ['eq', false],
  ne: ['eq', true],
  lt: ['lt', false],
  ge: ['lt', true],
  gt: ['gt', false],
  le: ['gt', true],
  'is-empty': ['is-empty', false],
  'in-net': ['in-net', false],
  matches: ['matches', false],
  contains: ['contains', false],
};

/** @throws InspectorRuleError */
export function fromInspectorRule({ conditions, actions, scope }: InspectorRule): {
  readonly conditions: readonly RuleOperation[];
  readonly actions: readonly RuleOperation[];
} {
  const scoped = scope == null || scope === '' ? [] : [{ op: 'eq', args: { values: ['{node[properties][inspection_scope]}', scope] } }];
  return { conditions: [...scoped, ...conditions.flatMap(toConditions)], actions: actions.map(toAction) };
}

function toConditions(condition: InspectorCondition): RuleOperation[] {
  const { field, op, invert } = condition;
  const known = Object.hasOwn(OPERATORS, op) ? OPERATORS[op]! : refuse(`unknown condition operator ${op}`);
  const [name, isInverted] = known;
  const place = placeholderOf(field);
  const isTurned = isInverted !== (invert === true);
  const rest = Object.fromEntries(Object.entries(condition).filter(([key]) => !NAMED.has(key)));
  const strange = Object.keys(rest).filter((key) => key !== 'value');
  if (strange.length > 0) return refuse(`the operator ${op} has no parameter ${strange.join(', ')}`);
  if (name !== 'is-empty' && rest['value'] === undefined) return refuse(`the operator ${op} needs a value`);
  const value = rest['value'] ?? null;
  const args = argsOf(name, place, value);
  const asked: RuleOperation = { op: `${isTurned ? '!' : ''}${name}`, args };
  // What a machine does not have fulfils nothing, except to be empty.
  return name === 'is-empty' ? [asked] : [{ op: '!is-none', args: { value: place } }, asked];
}

function argsOf(name: string, place: string, value: Json): JsonObject {
  if (name === 'is-empty') return { value: place };
  if (name === 'in-net') return { address: place, subnet: value };
  return name === 'matches' || name === 'contains' ? { value: place, regex: value } : { values: [place, value] };
}

/** `memory_mb`, `data://inventory.cpu.count`, `node://driver_info.ipmi_address`; lists by number, not by `[*]`. */
function placeholderOf(field: string): string {
  const [, scheme = 'data', path = ''] = /^(?:(data|node):\/\/)?(.*)$/s.exec(field) ?? [];
  if (!/^[\w-]+(?:\.[\w-]+|\[\d+\])*$/.test(path)) return refuse(`the field ${field.slice(0, 100)} is not a plain path`);
  const parts = path.split(/[.[\]]+/).filter((part) => part !== '');
  return `{${scheme === 'node' ? 'node' : 'plugin_data'}${parts.map((part) => `[${part}]`).join('')}}`;
}

const ACTIONS: Readonly<Record<string, readonly string[]>> = {
  fail: ['message'],
  'set-attribute': ['path', 'value'],
  'set-capability': ['name', 'value'],
  'extend-attribute': ['path', 'value', 'unique'],
  'add-trait': ['name'],
  'remove-trait': ['name'],
};

function toAction(action: JsonObject & { readonly action: string }): RuleOperation {
  const { action: name, ...given } = action;
  const known = Object.hasOwn(ACTIONS, name) ? ACTIONS[name]! : refuse(`unknown action ${name}`);
  const strange = Object.keys(given).filter((key) => !known.includes(key));
  if (strange.length > 0) return refuse(`the action ${name} has no parameter ${strange.join(', ')}`);
  const args = rename(given) as JsonObject;
  if (name !== 'fail') return { op: name, args };
  const { message = null } = args;
  return { op: 'fail', args: { msg: message } };
}

/** Values name the data as `{data[…]}`. */
function rename(value: Json): Json {
  if (typeof value === 'string') return value.replaceAll('{data[', '{plugin_data[');
  if (Array.isArray(value)) return value.map(rename);
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, rename(each)]));
  return value;
}

function refuse(reason: string): never {
  throw new InspectorRuleError(reason);
}
