import { NetworkError } from '../../network/network-error.ts';
import { deleteOne, mustShow, updateOne } from '../../network/resource-service.ts';
import { readUpdate } from '../../network/attribute-policy.ts';
import { securityGroupRules, securityGroups } from '../../network/resources.ts';
import type { Row } from '../../network/resource.ts';
import type { JsonSchema } from '../json-schema.ts';
import { ok, Refusal, type Answer } from '../service-plugin.ts';
import { readBody, wrapped } from './compute-body.ts';
import { dbOf, ownTarget, projectOf, type ComputeCall, type ComputeRoute } from './compute-context.ts';
import { createProxied, listProxied, networkActor, PROXIES_UNTIL, until } from './proxy.ts';

/** Security groups as compute showed them: rules of incoming traffic only. */
const ANY = { 4: '0.0.0.0/0', 6: '::/0' } as const;
const WITH_PORTS = new Set(['tcp', 'udp']);

/** Without ports a protocol that has them means all. */
function portsOf(rule: Record<string, unknown>): [unknown, unknown] {
  const [from, to, protocol] = [rule['port_range_min'] ?? null, rule['port_range_max'] ?? null, rule['protocol'] ?? null];
  if (protocol === null || from !== null) return [from, to];
  return WITH_PORTS.has(String(protocol)) ? [1, 65_535] : [-1, -1];
}

export function ruleView(rule: Record<string, unknown>, group: { readonly name: string; readonly project: string } | undefined) {
  const [from_port, to_port] = portsOf(rule);
  const cidr = rule['remote_ip_prefix'] ?? ANY[rule['ethertype'] === 'IPv6' ? 6 : 4];
  return {
    id: rule['id'],
    parent_group_id: rule['security_group_id'],
    ip_protocol: rule['protocol'] ?? null,
    from_port,
    to_port,
    group: group === undefined ? {} : { name: group.name, tenant_id: group.project },
    ip_range: rule['remote_group_id'] == null ? { cidr } : {},
  };
}

/** Groups with their rules; those that rules name are looked up once. */
export async function groupViews(call: ComputeCall, rows: readonly Row[]): Promise<object[]> {
  const rules = rows.flatMap((row) => row['security_group_rules'] as Record<string, unknown>[]);
  const ids = [...new Set(rules.flatMap((rule) => (rule['remote_group_id'] == null ? [] : [String(rule['remote_group_id'])])))];
  const named = ids.length === 0 ? [] : await listProxied(call, securityGroups, { id: ids }, true);
  const known = new Map(named.map((row) => [row.id, { name: String(row['name']), project: row.project_id }]));
  return rows.map((row) => ({
    id: row.id,
    name: row['name'],
    description: row['description'],
    tenant_id: row.project_id,
    rules: (row['security_group_rules'] as Record<string, unknown>[])
      .filter((rule) => rule['direction'] === 'ingress')
      .map((rule) => ruleView(rule, known.get(String(rule['remote_group_id'])))),
  }));
}

async function find(call: ComputeCall, id: string): Promise<Row> {
  requireUuid(id);
  return (await mustShow(dbOf(call), networkActor(call, true), securityGroups, id)).row;
}

function requireUuid(id: string): void {
  if (!/^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/i.test(id)) throw new Refusal(400, 'Security group id should be uuid');
}

const GROUP: JsonSchema = {
  type: 'object',
  properties: { name: { type: 'string', minLength: 1, maxLength: 255 }, description: { type: ['string', 'null'], maxLength: 255 } },
  required: ['name'],
  additionalProperties: true,
};
const requireOwn = (call: ComputeCall, rule: string) => call.require(`os_compute_api:os-security-groups:${rule}`, ownTarget(call));

/** Over a quota of the network it is forbidden here. */
const overQuota = (error: unknown): never => {
  throw error instanceof NetworkError && error.type === 'OverQuota' ? new Refusal(403, error.message) : error;
};

async function create(call: ComputeCall): Promise<Answer> {
  requireOwn(call, 'create');
  const { security_group: given } = readBody<{ security_group: { name: string; description?: string | null } }>(
    call,
    wrapped('security_group', GROUP),
  );
  const row = await createProxied(call, securityGroups, {
    name: given.name,
    description: given.description ?? '',
    project_id: projectOf(call),
  }).catch(overQuota);
  return ok({ security_group: (await groupViews(call, [row]))[0] });
}

async function list(call: ComputeCall): Promise<Answer> {
  requireOwn(call, 'get');
  const all = call.query.has('all_tenants') && call.actor.roles.includes('admin');
  const rows = await listProxied(call, securityGroups, all ? {} : { project_id: [call.actor.projectId ?? ''] }, all);
  const [offset, limit] = [Number(call.query.get('offset') ?? 0), Number(call.query.get('limit') ?? Number.POSITIVE_INFINITY)];
  return ok({ security_groups: await groupViews(call, rows.slice(offset || 0, (offset || 0) + (limit || 0))) });
}

async function update(call: ComputeCall): Promise<Answer> {
  requireOwn(call, 'update');
  const { security_group: given } = readBody<{ security_group: Record<string, unknown> }>(call, wrapped('security_group', GROUP));
  const id = call.params['group_id']!;
  await find(call, id);
  const values = readUpdate(securityGroups, {
    name: given['name'],
    ...('description' in given ? { description: given['description'] ?? '' } : {}),
  });
  const row = await updateOne(dbOf(call), networkActor(call, true), securityGroups, { key: id, values }, async () => {});
  return ok({ security_group: (await groupViews(call, [row]))[0] });
}

async function remove(call: ComputeCall): Promise<Answer> {
  requireOwn(call, 'delete');
  const id = call.params['group_id']!;
  await find(call, id);
  await deleteOne(dbOf(call), networkActor(call, true), securityGroups, { key: id }, async () => {}).catch((error: unknown) => {
    throw error instanceof NetworkError && error.status === 409 ? new Refusal(400, error.message) : error;
  });
  return { status: 202 };
}

const PORT: JsonSchema = { type: ['integer', 'string', 'null'], pattern: '^-?[0-9]*$' };
const RULE: JsonSchema = {
  type: 'object',
  properties: {
    parent_group_id: { type: 'string' },
    ip_protocol: { type: ['string', 'integer', 'null'] },
    from_port: PORT,
    to_port: PORT,
    cidr: { type: ['string', 'null'] },
    group_id: { type: ['string', 'null'] },
  },
  required: ['parent_group_id'],
  additionalProperties: true,
};

/** A port of a rule; -1 and nothing: all. */
const portOf = (value: unknown): number | null =>
  value === undefined || value === null || value === '' || Number(value) === -1 ? null : Number(value);

async function createRule(call: ComputeCall): Promise<Answer> {
  requireOwn(call, 'rule:create');
  const { security_group_rule: given } = readBody<{ security_group_rule: Record<string, unknown> }>(
    call,
    wrapped('security_group_rule', RULE),
  );
  const parent = await find(call, String(given['parent_group_id']));
  const remote = given['group_id'] == null ? undefined : await find(call, String(given['group_id']));
  const cidr = given['cidr'] == null || given['cidr'] === '' ? ANY[4] : String(given['cidr']);
  const protocol = given['ip_protocol'] == null ? null : String(given['ip_protocol']).toLowerCase();
  const row = await createProxied(call, securityGroupRules, {
    security_group_id: parent.id,
    project_id: parent.project_id,
    direction: 'ingress',
    ethertype: cidr.includes(':') ? 'IPv6' : 'IPv4',
    protocol,
    port_range_min: portOf(given['from_port']),
    port_range_max: portOf(given['to_port']),
    ...(remote === undefined ? { remote_ip_prefix: cidr } : { remote_group_id: remote.id }),
  }).catch((error: unknown) => {
    // What there is already was refused as bad here.
    if (error instanceof NetworkError && error.status === 409 && error.type !== 'OverQuota') throw new Refusal(400, error.message);
    return overQuota(error);
  });
  const group = remote === undefined ? undefined : { name: String(remote['name']), project: remote.project_id };
  return ok({ security_group_rule: ruleView(row, group) });
}

const GROUPS = '/v2.1/os-security-groups';
const RULES = '/v2.1/os-security-group-rules';

const routes: readonly ComputeRoute[] = [
  { method: 'GET', path: GROUPS, query: ['all_tenants', 'limit', 'offset'], handle: list },
  { method: 'POST', path: GROUPS, handle: create },
  {
    method: 'GET',
    path: `${GROUPS}/:group_id`,
    async handle(call) {
      requireOwn(call, 'get');
      return ok({ security_group: (await groupViews(call, [await find(call, call.params['group_id']!)]))[0] });
    },
  },
  { method: 'PUT', path: `${GROUPS}/:group_id`, handle: update },
  { method: 'DELETE', path: `${GROUPS}/:group_id`, handle: remove },
  { method: 'POST', path: RULES, handle: createRule },
  {
    method: 'DELETE',
    path: `${RULES}/:rule_id`,
    async handle(call) {
      requireOwn(call, 'rule:delete');
      const id = call.params['rule_id']!;
      requireUuid(id);
      await deleteOne(dbOf(call), networkActor(call, true), securityGroupRules, { key: id }, async () => {});
      return { status: 202 };
    },
  },
];

export const securityGroupRoutes: readonly ComputeRoute[] = routes.map((route) => until(PROXIES_UNTIL, route));
