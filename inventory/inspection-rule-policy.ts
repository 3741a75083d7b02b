import { ipv4InCidr, ipv4ToNumber, parseIpv4Cidr } from '../core/base/ipv4-address.ts';
import type { Json, JsonObject } from '../core/base/json.ts';

/*
 * Inspection rules, apart from any database: what a rule may say, whether its conditions hold for a machine, and what its
 * actions make of the node. Words and forms are Ironic's (api-ref "Inspection rules"); texts may name parts of the node,
 * the inventory and the plugin data: `{inventory[system][manufacturer]}`, `{node[name]}`, `{item}` in a loop.
 */
export interface RuleOperation {
  readonly op: string;
  readonly args: Json;
  readonly loop?: Json;
  readonly multiple?: string;
}

export interface Rule {
  readonly uuid: string;
  readonly priority: number;
  readonly conditions: readonly RuleOperation[];
  readonly actions: readonly RuleOperation[];
}

/** What rules read and change. Actions change `node`, `ports`, `traits` and `plugin_data` in place. */
export interface RuleSubject {
  readonly node: JsonObject;
  readonly inventory: JsonObject;
  readonly plugin_data: JsonObject;
  readonly traits: Set<string>;
  readonly ports: Map<string, JsonObject>;
}

/** A rule that can not be applied, or whose `fail` says so: the inspection has failed for this reason. */
export class RuleFailure extends Error {
  override readonly name = 'RuleFailure';
}

/** Node fields that actions may write. Passwords are not among them: rules are shown to every reader of rules. */
export const RULE_NODE_FIELDS = [
  'properties',
  'extra',
  'driver_info',
  'instance_info',
  'description',
  'resource_class',
  'name',
  'shard',
  'owner',
  'lessee',
];
export const RULE_PORT_FIELDS = ['extra', 'local_link_connection', 'physical_network', 'pxe_enabled'];

type Args = Readonly<Record<string, Json>>;
interface Signature {
  readonly required: readonly string[];
  readonly optional?: readonly string[];
}

const values: Signature = { required: ['values'], optional: ['force_strings'] };
const value: Signature = { required: ['value'] };
const OPERATORS: Readonly<Record<string, Signature & { holds(args: Args): boolean }>> = {
  eq: { ...values, holds: (args) => inOrder(args, (a, b) => a === b) },
  lt: { ...values, holds: (args) => inOrder(args, (a, b) => a < b) },
  gt: { ...values, holds: (args) => inOrder(args, (a, b) => a > b) },
  'is-empty': { ...value, holds: (args) => ['', 'null', '[]', '{}'].includes(asText(args['value'])) },
  'is-none': { ...value, holds: (args) => args['value'] === null },
  'is-true': { ...value, holds: (args) => truth(args['value']!, ['yes', 'true']) },
  'is-false': { ...value, holds: (args) => args['value'] === null || truth(args['value']!, ['no', 'false'], true) },
  'in-net': { required: ['address', 'subnet'], holds: inNet },
  matches: { required: ['value', 'regex'], holds: (args) => regex(`^(?:${asText(args['regex'])})$`).test(asText(args['value'])) },
  contains: { required: ['value', 'regex'], holds: (args) => regex(asText(args['regex'])).test(asText(args['value'])) },
  'one-of': {
    required: ['value'],
    optional: ['values'],
    holds: (args) => Array.isArray(args['values']) && args['values'].includes(args['value']!),
  },
};

const path: Signature = { required: ['path'] };
const pathValue: Signature = { required: ['path', 'value'] };
const ACTIONS: Readonly<Record<string, Signature & { act(subject: RuleSubject, args: Args): void }>> = {
  fail: { required: ['msg'], act: (_subject, args) => fail(asText(args['msg'])) },
  log: { required: ['msg'], optional: ['level'], act: () => {} },
  'set-attribute': { ...pathValue, act: ({ node }, args) => setAt(node, partsOf(args['path'], RULE_NODE_FIELDS), args['value']!) },
  'extend-attribute': {
    ...pathValue,
    optional: ['unique'],
    act: ({ node }, args) => extendAt(node, partsOf(args['path'], RULE_NODE_FIELDS), args),
  },
  'del-attribute': { ...path, act: ({ node }, args) => deleteAt(node, partsOf(args['path'], RULE_NODE_FIELDS)) },
  'set-capability': {
    required: ['name', 'value'],
    act: ({ node }, args) => setCapability(node, asText(args['name']), asText(args['value'])),
  },
  'unset-capability': { required: ['name'], act: ({ node }, args) => setCapability(node, asText(args['name']), undefined) },
  'add-trait': { required: ['name'], act: ({ traits }, args) => void traits.add(asText(args['name'])) },
  'remove-trait': { required: ['name'], act: ({ traits }, args) => void traits.delete(asText(args['name'])) },
  'set-plugin-data': { ...pathValue, act: (subject, args) => setAt(subject.plugin_data, partsOf(args['path']), args['value']!) },
  'extend-plugin-data': {
    ...pathValue,
    optional: ['unique'],
    act: (subject, args) => extendAt(subject.plugin_data, partsOf(args['path']), args),
  },
  'unset-plugin-data': { ...path, act: (subject, args) => deleteAt(subject.plugin_data, partsOf(args['path'])) },
  'set-port-attribute': {
    required: ['port_id', 'path', 'value'],
    act: (subject, args) => setAt(portOf(subject, args), partsOf(args['path'], RULE_PORT_FIELDS), args['value']!),
  },
  'extend-port-attribute': {
    required: ['port_id', 'path', 'value'],
    optional: ['unique'],
    act: (subject, args) => extendAt(portOf(subject, args), partsOf(args['path'], RULE_PORT_FIELDS), args),
  },
  'del-port-attribute': {
    required: ['port_id', 'path'],
    act: (subject, args) => deleteAt(portOf(subject, args), partsOf(args['path'], RULE_PORT_FIELDS)),
  },
};

/** Highest priority first; a rule whose conditions do not hold does nothing. @throws RuleFailure */
export function applyRules(rules: readonly Rule[], subject: RuleSubject): readonly string[] {
  const applied: string[] = [];
  for (const rule of rules.toSorted((a, b) => b.priority - a.priority)) {
    if (!conditionsHold(rule.conditions, subject)) continue;
    for (const action of rule.actions)
      for (const item of itemsOf(action) ?? [undefined])
        ACTIONS[action.op]!.act(subject, argsOf(ACTIONS[action.op]!, action, subject, item));
    applied.push(rule.uuid);
  }
  return applied;
}

/** @throws RuleFailure for a condition that makes no sense with these values */
export const conditionsHold = (conditions: readonly RuleOperation[], subject: RuleSubject): boolean =>
  conditions.every((condition) => holds(condition, subject));

/** What is wrong with a rule's operations; undefined when nothing is. */
export function checkRule(rule: {
  readonly conditions: readonly RuleOperation[];
  readonly actions: readonly RuleOperation[];
}): string | undefined {
  const conditions = rule.conditions.map((each) => checkOperation('condition operator', OPERATORS, each.op.replace(/^!\s*/, ''), each));
  const actions = rule.actions.map((each) => checkOperation('action operator', ACTIONS, each.op, each) ?? checkPath(each));
  return [...conditions, ...actions].find((problem) => problem !== undefined);
}

function checkOperation(
  kind: string,
  table: Readonly<Record<string, Signature>>,
  op: string,
  operation: RuleOperation,
): string | undefined {
  if (!Object.hasOwn(table, op)) return `Unsupported ${kind}: ${op}. Supported: ${Object.keys(table).join(', ')}`;
  const { required, optional = [] } = table[op]!;
  const { args } = operation;
  if (Array.isArray(args)) {
    if (args.length < required.length) return `${op}: not enough arguments, missing: ${required.slice(args.length).join(', ')}`;
    return args.length > required.length + optional.length ? `${op}: too many arguments` : undefined;
  }
  if (typeof args !== 'object' || args === null) return `${op}: args must be a list or an object`;
  const missing = required.filter((name) => !(name in args));
  if (missing.length > 0) return `${op}: missing required argument(s): ${missing.join(', ')}`;
  const unexpected = Object.keys(args).filter((name) => !required.includes(name) && !optional.includes(name));
  return unexpected.length > 0 ? `${op}: unexpected argument(s): ${unexpected.join(', ')}` : undefined;
}

/** A path with a placeholder is known only when the rule is applied. */
function checkPath({ op, args }: RuleOperation): string | undefined {
  const at = named(ACTIONS[op]!, args)['path'];
  if (typeof at !== 'string' || at.includes('{') || op.endsWith('plugin-data')) return undefined;
  const fields = op.includes('port') ? RULE_PORT_FIELDS : RULE_NODE_FIELDS;
  try {
    partsOf(at, fields);
    return undefined;
  } catch (error) {
    return `${op}: ${(error as Error).message}`;
  }
}

function holds(condition: RuleOperation, subject: RuleSubject): boolean {
  const isInverted = condition.op.startsWith('!');
  const operator = OPERATORS[condition.op.replace(/^!\s*/, '')]!;
  const check = (item?: Json) => operator.holds(argsOf(operator, condition, subject, item)) !== isInverted;
  const items = itemsOf(condition);
  if (items === undefined) return check();
  switch (condition.multiple ?? 'any') {
    case 'all':
      return items.every((item) => check(item));
    case 'first':
      return items.length > 0 && check(items[0]);
    case 'last':
      return items.length > 0 && check(items.at(-1));
    default:
      return items.some((item) => check(item));
  }
}

const itemsOf = ({ loop }: RuleOperation): readonly Json[] | undefined =>
  Array.isArray(loop) ? (loop.length === 0 ? undefined : loop) : typeof loop === 'object' && loop !== null ? [loop] : undefined;

function named({ required, optional = [] }: Signature, args: Json): JsonObject {
  if (!Array.isArray(args)) return args as JsonObject;
  return Object.fromEntries([...required, ...optional].slice(0, args.length).map((name, at) => [name, args[at]!]));
}

const argsOf = (signature: Signature, operation: RuleOperation, subject: RuleSubject, item: Json | undefined): Args =>
  fill(named(signature, operation.args), { ...subject, ...(item === undefined ? {} : { item }) }) as JsonObject;

/** A text that is one placeholder becomes the value itself; placeholders within a text become text. */
function fill(given: Json, context: object): Json {
  if (Array.isArray(given)) return given.map((each) => fill(each, context));
  if (typeof given === 'object' && given !== null)
    return Object.fromEntries(Object.entries(given).map(([key, each]) => [asText(fill(key, context)), fill(each, context)]));
  if (typeof given !== 'string') return given;
  const whole = /^\{([^{}]+)\}$/.exec(given);
  if (whole) return lookUp(whole[1]!, context) ?? null;
  return given.replaceAll(/\{([^{}]+)\}/g, (all, name: string) => asText(lookUp(name, context) ?? all));
}

/** `inventory[cpu][threads]` or `node.properties.cpus`; undefined where there is nothing. */
function lookUp(name: string, context: object): Json | undefined {
  let at: unknown = context;
  for (const part of name.split(/[[\].]+/).filter((each) => each !== '')) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, part)) return undefined;
    at = (at as Record<string, unknown>)[part];
  }
  return at as Json;
}

const asText = (given: Json | undefined): string => (typeof given === 'string' ? given : JSON.stringify(given ?? null));

function inOrder(args: Args, compare: (a: Json & (string | number), b: Json & (string | number)) => boolean): boolean {
  const list = args['values'];
  if (!Array.isArray(list)) return fail(`values is not a list: ${asText(list)}`);
  const comparable = (args['force_strings'] === true ? list.map(asText) : list) as (string & number)[];
  return comparable.slice(1).every((each, at) => compare(comparable[at]!, each));
}

function truth(given: Json, words: readonly string[], inverted = false): boolean {
  if (typeof given === 'boolean') return given !== inverted;
  if (typeof given === 'number') return (given !== 0) !== inverted;
  return typeof given === 'string' && words.includes(given.toLowerCase());
}

function inNet(args: Args): boolean {
  const cidr = parseIpv4Cidr(asText(args['subnet']));
  const address = ipv4ToNumber(asText(args['address']));
  if (cidr === undefined) return fail(`${asText(args['subnet'])} is not a network`);
  return address !== undefined && ipv4InCidr(address, cidr);
}

function regex(source: string): RegExp {
  try {
    return new RegExp(source);
  } catch (error) {
    return fail(`invalid regular expression: ${(error as Error).message}`);
  }
}

function fail(message: string): never {
  throw new RuleFailure(message);
}

const FORBIDDEN = new Set(['__proto__', 'constructor', 'prototype']);

/** `/properties/cpus` or `properties/cpus`; the first part has to be one of the fields, when they are given. */
function partsOf(given: Json | undefined, fields?: readonly string[]): string[] {
  const parts = asText(given)
    .split(fields === undefined ? /[/.]/ : '/')
    .filter((part) => part !== '');
  const [root] = parts;
  if (root === undefined || parts.some((part) => FORBIDDEN.has(part))) return fail(`${asText(given)} is not a path`);
  if (fields !== undefined && !fields.includes(root)) return fail(`${root} can not be changed by a rule; these can: ${fields.join(', ')}`);
  if (root === 'driver_info' && parts.at(-1)!.endsWith('password')) return fail('a rule can not set passwords: it is readable');
  return parts;
}

function parentOf(document: JsonObject, parts: readonly string[]): JsonObject {
  let at = document;
  for (const part of parts.slice(0, -1)) {
    const next = (at[part] ??= {});
    if (typeof next !== 'object' || next === null || Array.isArray(next)) return fail(`${parts.join('/')}: ${part} is not an object`);
    at = next;
  }
  return at;
}

const setAt = (document: JsonObject, parts: readonly string[], given: Json): void =>
  void (parentOf(document, parts)[parts.at(-1)!] = given);
const deleteAt = (document: JsonObject, parts: readonly string[]): void => {
  if (parts.length === 1) document[parts[0]!] = null;
  else delete parentOf(document, parts)[parts.at(-1)!];
};

function extendAt(document: JsonObject, parts: readonly string[], args: Args): void {
  const parent = parentOf(document, parts);
  const list = (parent[parts.at(-1)!] ??= []);
  if (!Array.isArray(list)) return fail(`${parts.join('/')} is not a list`);
  const isThere = list.some((each) => asText(each) === asText(args['value']));
  if (args['unique'] !== true || !isThere) list.push(args['value']!);
}

/** `properties/capabilities` is one text: `name:value,name:value`. */
function setCapability(node: JsonObject, name: string, given: string | undefined): void {
  const properties = (node['properties'] ?? {}) as JsonObject;
  const kept = String(properties['capabilities'] ?? '')
    .split(',')
    .filter((each) => each !== '' && each.split(':')[0] !== name);
  node['properties'] = { ...properties, capabilities: [...kept, ...(given === undefined ? [] : [`${name}:${given}`])].join(',') };
}

function portOf(subject: RuleSubject, args: Args): JsonObject {
  const id = asText(args['port_id']);
  return subject.ports.get(id) ?? fail(`Port ${id} could not be found.`);
}
