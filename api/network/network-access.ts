import { isAsked } from '../../network/attribute-policy.ts';
import { rowOf, shownNames, type Db } from '../../network/resource-service.ts';
import type { NetworkActor, Resource, Row, Values } from '../../network/resource.ts';
import { NETWORK_RULES } from '../network-rules.ts';
import { Refusal, type Call } from '../service-plugin.ts';

/** Who may do what with a noun: rules are named after it, and those of an attribute after both (`update_port:fixed_ips`). */
export interface NetworkContext {
  readonly db: Db;
}
export type NetworkCall = Call<NetworkContext>;
type Verb = 'create' | 'get' | 'update' | 'delete';

const KNOWN: ReadonlySet<string> = new Set(NETWORK_RULES.map((rule) => rule.name));
export const ruleName = (resource: Resource, verb: Verb): string => `${verb}_${resource.policyName ?? resource.member}`;

export function actorOf(call: NetworkCall): NetworkActor {
  const seesAll = ['context_is_admin', 'service_api', 'context_is_advsvc'].some((rule) => call.allows(rule));
  return { projectId: call.actor.projectId, seesAll };
}

/** What a rule may ask about: the row, whose it is, and whose its network, group or parent is. */
export const targetOf = (values: Values, more: Values = {}): Values => ({ ...values, tenant_id: values['project_id'], ...more });

/** @throws the owner's own "not found" for who can not see it */
export async function ownerTarget(call: NetworkCall, db: Db, resource: Resource, values: Values): Promise<Values> {
  const { owner } = resource;
  if (owner === undefined) return {};
  const id = values[owner.attribute];
  if (typeof id !== 'string') return {};
  const found = await rowOf(db, owner.resource(), id, call.actor.projectId, [
    'id',
    'project_id',
    ...('shared' in owner.resource().attributes ? ['shared'] : []),
  ]);
  if (found === undefined) return {};
  return {
    [`${owner.prefix}:project_id`]: found.project_id,
    [`${owner.prefix}:tenant_id`]: found.project_id,
    ...('shared' in values ? {} : { shared: found['shared'] }),
  };
}

/** The row's own rule; the owner is only looked up when it could matter. */
export async function isAllowed(
  call: NetworkCall,
  db: Db,
  resource: Resource,
  rule: string,
  row: Values,
  parent: Values = {},
): Promise<boolean> {
  if (call.allows(rule, targetOf(row, parent))) return true;
  if (resource.owner === undefined) return false;
  return call.allows(rule, targetOf(row, { ...parent, ...(await ownerTarget(call, db, resource, row)) }));
}

/** @throws Refusal 403; the noun's "not found" for who may not even see it */
export async function requireChange(
  call: NetworkCall,
  db: Db,
  resource: Resource,
  verb: 'update' | 'delete',
  row: Row,
  parent: Values,
  rule = ruleName(resource, verb),
): Promise<void> {
  if (await isAllowed(call, db, resource, rule, row, parent)) return;
  if (!(await isAllowed(call, db, resource, ruleName(resource, 'get'), row, parent))) throw resource.notFound(call.params['id'] ?? row.id);
  throw new Refusal(403, `${rule} is disallowed by policy`, { type: 'PolicyNotAuthorized' });
}

/** The rule of each attribute that was asked for, and of the keys inside it. @throws Refusal 403 */
export function requireAttributes(call: NetworkCall, resource: Resource, verb: 'create' | 'update', asked: Values, target: Values): void {
  const base = ruleName(resource, verb);
  const check = (rule: string) => {
    if (KNOWN.has(rule) && !call.allows(rule, target))
      throw new Refusal(403, `${rule} is disallowed by policy`, { type: 'PolicyNotAuthorized' });
  };
  for (const [name, value] of Object.entries(asked)) {
    if (verb === 'create' && !isAsked(resource.attributes[name]!, asked, name)) continue;
    check(`${base}:${name}`);
    for (const inner of Array.isArray(value) ? value : [value])
      if (typeof inner === 'object' && inner !== null) for (const key of Object.keys(inner)) check(`${base}:${name}:${key}`);
  }
}

/** Attributes that this caller is shown of rows of any project, and those that depend on whose the row is. */
export interface Visible {
  readonly names: readonly string[];
  readonly perRow: readonly string[];
}

export function visibleNames(call: NetworkCall, resource: Resource): Visible {
  const base = ruleName(resource, 'get');
  const own = { project_id: call.actor.projectId, tenant_id: call.actor.projectId };
  const perRow: string[] = [];
  const names = shownNames(resource).filter((name) => {
    const rule = `${base}:${name}`;
    if (name === 'tags' || !KNOWN.has(rule)) return true;
    const [ofOwn, ofOthers] = [call.allows(rule, own), call.allows(rule, { project_id: '', tenant_id: '' })];
    if (ofOwn !== ofOthers) perRow.push(name);
    return ofOwn || ofOthers;
  });
  return { names, perRow };
}

/** A row as this caller is shown it. */
export function showRow(call: NetworkCall, resource: Resource, row: Row, { names, perRow }: Visible, fields?: ReadonlySet<string>): Values {
  const base = ruleName(resource, 'get');
  return Object.fromEntries(
    names
      .filter(
        (name) => (fields === undefined || fields.has(name)) && (!perRow.includes(name) || call.allows(`${base}:${name}`, targetOf(row))),
      )
      .map((name) => [name, row[name]]),
  );
}
