import { conflict, notFound } from '../network-error.ts';
import { DSCP_MARKS } from '../qos-rule-types.ts';
import { boolean, INTEGER_MAX, integer, oneOf, shown, anything } from '../mechanism/attribute-types.ts';
import { insertRows, touch, updateRow } from '../mechanism/row-write.ts';
import { ownedOrShared, sharedWith, standard, id as idAttribute } from '../mechanism/standard-attributes.ts';
import { query } from '../mechanism/statement.ts';
import { attribute, attributes, type Attribute, type Resource, type Row, type Trx, type Values, type Work } from '../resource.ts';
import { requireCarriedEverywhere } from './qos-use.ts';
import { forget, share, SHARED, unshare } from './rbac-store.ts';

/** Quality of service: policies and, under each, rules of five kinds. */
type Make = (name: string) => Attribute;
interface RuleKind {
  readonly kind: string;
  readonly words: Readonly<Record<string, Make>>;
}

const rate = attribute(integer(0), 'post put filter sort');
const burst = attribute(integer(0, INTEGER_MAX), 'post put filter sort', { default: 0 });
const bothWays = attribute(oneOf('ingress', 'egress'), 'post put filter sort', { default: 'egress' });
const RULE_KINDS: readonly RuleKind[] = [
  { kind: 'bandwidth_limit', words: { max_kbps: rate, max_burst_kbps: burst, direction: bothWays } },
  { kind: 'dscp_marking', words: { dscp_mark: attribute(oneOf(...DSCP_MARKS), 'post put filter sort') } },
  { kind: 'minimum_bandwidth', words: { min_kbps: rate, direction: bothWays } },
  {
    kind: 'minimum_packet_rate',
    words: { min_kpps: rate, direction: attribute(oneOf('any', 'ingress', 'egress'), 'post put filter sort', { default: 'egress' }) },
  },
  { kind: 'packet_rate_limit', words: { max_kpps: rate, max_burst_kpps: burst, direction: bothWays } },
];

const wordsOf = ({ kind, words }: RuleKind) =>
  `when '${kind}' then json_build_object('id', r.id, 'qos_policy_id', r.qos_policy_id, 'type', r.kind, ${Object.keys(words)
    .map((word) => `'${word}', r.${word}`)
    .join(', ')})`;
const RULES = `(select coalesce(json_agg(case r.kind ${RULE_KINDS.map(wordsOf).join(' ')} end order by r.created_at), '[]')
  from network_qos_rule r where r.qos_policy_id = t.id)`;

export const qosPolicies: Resource = {
  member: 'policy',
  collection: 'policies',
  path: '/qos/policies',
  table: 'network_qos_policy',
  verbs: ['create', 'update', 'delete'],
  scope: ownedOrShared('qos_policy'),
  notFound: (id) => notFound('QosPolicyNotFound', `QoS policy ${id} could not be found.`),
  attributes: attributes({
    ...standard,
    shared: attribute(boolean, 'post put filter', { default: false, sql: sharedWith('qos_policy') }),
    is_default: attribute(boolean, 'post put filter', { default: false }),
    rules: attribute(anything, '', { sql: RULES }),
  }),
  async create({ trx }, asked) {
    const ids = [];
    for (const values of asked) {
      if (values['is_default'] === true) await requireNoDefault(trx, String(values['project_id']));
      const [id] = await insertRows(trx, qosPolicies, [values]);
      if (values['shared'] === true) await share(trx, 'qos_policy', id!, String(values['project_id']), SHARED, '*');
      ids.push(id!);
    }
    return ids;
  },
  update,
  remove,
};

async function requireNoDefault(trx: Trx, projectId: string): Promise<void> {
  const found = await query(trx, 'select from network_qos_policy where is_default and project_id = $1', [projectId]);
  if (found.length > 0) throw conflict('QoSPolicyDefaultAlreadyExists', `A default QoS policy exists for project ${projectId}.`);
}

async function update({ trx }: Work, before: Row, changes: Values): Promise<void> {
  if (changes['is_default'] === true && before['is_default'] !== true) await requireNoDefault(trx, before.project_id);
  if (changes['shared'] === true) await share(trx, 'qos_policy', before.id, before.project_id, SHARED, '*');
  if (changes['shared'] === false && before['shared'] === true) await unshare(trx, 'qos_policy', before.id, before.project_id, SHARED, '*');
  await updateRow(trx, qosPolicies, before.id, changes);
}

async function remove({ trx }: Work, row: Row): Promise<void> {
  const used = await query<{ kind: string; id: string }>(
    trx,
    `select 'network' as kind, id from network where qos_policy_id = $1 union all select 'port', id from network_port where qos_policy_id = $1
     union all select 'floatingip', id from network_floatingip where qos_policy_id = $1
     union all select 'router', id from network_router where qos_policy_id = $1 limit 1`,
    [row.id],
  );
  if (used.length > 0) throw conflict('QosPolicyInUse', `QoS Policy ${row.id} is used by ${used[0]!.kind} ${used[0]!.id}.`);
  await forget(trx, row.id);
  await query(trx, 'delete from network_qos_policy where id = $1', [row.id]);
}

const ruleNotFound = (id: string, policyId = '') =>
  notFound('QosRuleNotFound', `QoS rule ${id} for policy ${policyId} could not be found.`);
const ofPolicy = `exists (select from network_qos_policy p where p.id = t.qos_policy_id and ${ownedOrShared('qos_policy').replaceAll('t.', 'p.')})`;

function ruleResource({ kind, words }: RuleKind): Resource {
  const resource: Resource = {
    member: `${kind}_rule`,
    collection: `${kind}_rules`,
    path: `/${kind}_rules`,
    policyName: `policy_${kind}_rule`,
    table: 'network_qos_rule',
    verbs: ['create', 'update', 'delete'],
    scope: ofPolicy,
    notFound: ruleNotFound,
    parent: { parameter: 'policy_id', resource: qosPolicies, column: 'qos_policy_id' },
    only: { column: 'kind', value: kind },
    attributes: attributes({
      id: idAttribute,
      project_id: attribute(shown(), 'post', { default: undefined, sql: null, column: 'project_id' }),
      tenant_id: attribute(shown(), 'post', { default: undefined, sql: null, column: null }),
      ...words,
    }),
    async create({ trx }, asked) {
      for (const values of asked) await requireRuleFits(trx, String(values['qos_policy_id']), kind, values, undefined);
      const ids = await insertRows(trx, withPolicy(resource), asked);
      await touch(
        trx,
        'network_qos_policy',
        asked.map((values) => String(values['qos_policy_id'])),
      );
      return ids;
    },
    async update({ trx }, before, changes) {
      const policyId = await policyOf(trx, before.id);
      await requireRuleFits(trx, policyId, kind, { ...before, ...changes }, before.id);
      await updateRow(trx, resource, before.id, changes);
      await touch(trx, 'network_qos_policy', [policyId]);
    },
    async remove({ trx }, row) {
      const policyId = await policyOf(trx, row.id);
      await query(trx, 'delete from network_qos_rule where id = $1', [row.id]);
      await touch(trx, 'network_qos_policy', [policyId]);
    },
  };
  return resource;
}

const withPolicy = (resource: Resource): Resource => ({
  ...resource,
  attributes: { ...resource.attributes, ...attributes({ qos_policy_id: attribute(shown('uuid'), '') }) },
});

const policyOf = async (trx: Trx, ruleId: string): Promise<string> =>
  (await query<{ qos_policy_id: string }>(trx, 'select qos_policy_id from network_qos_rule where id = $1', [ruleId]))[0]!.qos_policy_id;

/** One rule of a kind and direction; no guarantee above the limit; carried out wherever its policy is. */
async function requireRuleFits(trx: Trx, policyId: string, kind: string, values: Values, but: string | undefined): Promise<void> {
  await query(trx, 'select from network_qos_policy where id = $1 for no key update', [policyId]);
  const rules = await query<Values & { id: string; kind: string; direction: string | null }>(
    trx,
    'select * from network_qos_rule where qos_policy_id = $1 and id is distinct from $2',
    [policyId, but ?? null],
  );
  const direction = (values['direction'] ?? null) as string | null;
  const same = rules.find((rule) => rule.kind === kind && (rule.direction === direction || isEveryWay(kind, rule.direction, direction)));
  if (same !== undefined)
    throw conflict('QoSRulesConflict', `Rule ${kind} conflicts with rule ${same.id} which already exists in QoS Policy ${policyId}.`);
  const pairs = [
    ['max_kbps', 'min_kbps'],
    ['min_kbps', 'max_kbps'],
  ] as const;
  for (const [own, others] of pairs) {
    const limit = rules.find((rule) => rule.direction === direction && rule[others] !== null);
    if (values[own] === undefined || values[own] === null || limit === undefined) continue;
    const [least, most] = own === 'min_kbps' ? [values[own], limit[others]] : [limit[others], values[own]];
    if (Number(least) > Number(most))
      throw conflict(
        'QoSRuleParameterConflict',
        `Unable to add the rule with value ${String(values[own])} to the policy ${policyId} as the existing rule of type ${limit.kind} restricts the bandwidth to ${String(limit[others])}.`,
      );
  }
  await requireCarriedEverywhere(trx, policyId, { kind, direction });
}

const isEveryWay = (kind: string, a: string | null, b: string | null) => kind === 'minimum_packet_rate' && (a === 'any' || b === 'any');

export const qosRules: readonly Resource[] = RULE_KINDS.map(ruleResource);

/** The same rules without their policy in the path. */
export const qosAliasRules: readonly Resource[] = qosRules
  .filter((rule) => rule.member !== 'packet_rate_limit_rule')
  .map(({ parent: _parent, ...rule }) => ({
    ...rule,
    member: `alias_${rule.member}`,
    collection: `alias_${rule.collection}`,
    path: `/qos/alias_${rule.collection}`,
    policyName: `alias_${rule.member}`,
    verbs: ['update', 'delete'],
    unlisted: true,
    owner: { prefix: 'ext_parent', attribute: 'qos_policy_id', resource: () => qosPolicies },
  }));
