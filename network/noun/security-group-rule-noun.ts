import { badInput, conflict, notFound } from '../network-error.ts';
import { boolean, oneOf, orNull, shown, text, uuid } from '../mechanism/attribute-types.ts';
import { insertRows, touch } from '../mechanism/row-write.ts';
import { mustSee } from '../mechanism/seen.ts';
import { description, id, project, times } from '../mechanism/standard-attributes.ts';
import { isAmong, query, statement } from '../mechanism/statement.ts';
import { attribute, attributes, type AttributeType, type Resource, type Row, type Trx, type Values, type Work } from '../resource.ts';
import { addressGroups } from './address-group-noun.ts';
import { ensureDefaultGroup } from './default-security-group.ts';
import { requireGroupsSeen } from './port-groups.ts';
import { checkRule, ethertypeType, protocolNumber, protocolType, remotePrefix, rulePort } from './security-rule-policy.ts';
import { GROUP_SCOPE } from './security-group-scope.ts';

/** What is no id of a group is the id of none: 404, not 400. */
const name: AttributeType = { kind: 'uuid', read: (value) => text(255).read(value) };

/** What a group lets through. A rule is there once: the constraint says so. */
const words = {
  direction: attribute(oneOf('ingress', 'egress'), 'post filter sort'),
  ethertype: attribute(ethertypeType, 'post filter sort', { default: 'IPv4' }),
  protocol: attribute(protocolType, 'post filter sort', { default: null }),
  port_range_min: attribute(rulePort, 'post filter sort', { default: null }),
  port_range_max: attribute(rulePort, 'post filter sort', { default: null }),
  remote_ip_prefix: attribute(remotePrefix, 'post filter sort', { default: null }),
  remote_address_group_id: attribute(orNull(name), 'post filter sort', { default: null }),
};

export const securityGroupRules: Resource = {
  member: 'security_group_rule',
  collection: 'security_group_rules',
  path: '/security-group-rules',
  table: 'network_security_group_rule',
  verbs: ['create', 'delete'],
  quota: 'security_group_rule',
  scope: `(t.project_id = :project or exists (select from network_security_group g where g.id = t.security_group_id and ${GROUP_SCOPE.replaceAll('t.', 'g.')}))`,
  notFound: (each) => notFound('SecurityGroupRuleNotFound', `Security group rule ${each} does not exist.`),
  attributes: attributes({
    id,
    ...project,
    security_group_id: attribute(name, 'post filter sort'),
    ...words,
    remote_group_id: attribute(orNull(name), 'post filter sort', { default: null }),
    normalized_cidr: attribute(shown('cidr'), 'filter sort'),
    belongs_to_default_sg: attribute(boolean, 'filter', {
      sql: '(select g.is_default from network_security_group g where g.id = t.security_group_id)',
    }),
    description,
    ...times,
  }),
  async prepare({ trx, actor }) {
    if (actor.projectId !== null) await ensureDefaultGroup(trx, actor.projectId);
  },
  create,
  async settle({ trx }, made) {
    await touch(
      trx,
      'network_security_group',
      made.map((rule) => String(rule['security_group_id'])),
    );
    await refuseOtherNames(trx, made);
  },
  async remove({ trx }, row) {
    await query(trx, 'delete from network_security_group_rule where id = $1', [row.id]);
    await touch(trx, 'network_security_group', [String(row['security_group_id'])]);
  },
};

async function create(work: Work, asked: readonly Values[]): Promise<string[]> {
  const groupIds = [...new Set(asked.map((values) => String(values['security_group_id'])))];
  if (groupIds.length > 1) throw badInput('Only allowed to update rules for one security profile at a time');
  const remotes = asked.map((values) => values['remote_group_id']).filter((each) => each !== null);
  await requireGroupsSeen(work, [...new Set([...groupIds, ...(remotes as string[])])]);
  const rows = [];
  for (const values of asked) {
    if ((values['remote_address_group_id'] ?? null) !== null) await mustSee(work, addressGroups, values['remote_address_group_id']);
    rows.push({ ...values, ...checkRule(values) });
  }
  const ids = await insertRows(work.trx, securityGroupRules, rows, { skipTaken: true });
  if (ids.length < rows.length) throw await duplicate(work.trx, rows);
  return ids;
}

async function duplicate(trx: Trx, rows: readonly Values[]): Promise<Error> {
  const keys = rows.map((row) => JSON.stringify(KEY.map((name) => row[name] ?? null)));
  if (new Set(keys).size < keys.length) return conflict('DuplicateSecurityGroupRuleInPost', 'Duplicate Security Group Rule in POST.');
  const found = await query<{ id: string }>(
    trx,
    `select id from network_security_group_rule where ${KEY.map((name, at) => `${name} is not distinct from $${at + 1}`).join(' and ')}`,
    KEY.map((name) => rows[0]![name] ?? null),
  );
  return exists(found[0]?.id);
}

const exists = (ruleId = 'unknown') => conflict('SecurityGroupRuleExists', `Security group rule already exists. Rule id is ${ruleId}.`);

const KEY = [
  'security_group_id',
  'direction',
  'ethertype',
  'protocol',
  'port_range_min',
  'port_range_max',
  'normalized_cidr',
  'remote_group_id',
  'remote_address_group_id',
] as const;

/** What two rules that are the same rule have in common to the letter. */
const LITERAL = ['security_group_id', 'direction', 'ethertype'] as const;

/** `tcp` and `6` are the same rule, which a constraint over names does not see. The group is locked: nobody adds another one meanwhile. */
async function refuseOtherNames(trx: Trx, rows: readonly Row[]): Promise<void> {
  const made = rows.map(({ id }) => id);
  const at = statement(null);
  const rules = await at.run<Record<string, unknown> & { id: string }>(
    trx,
    `select distinct o.id, ${KEY.map((name) => `o.${name}::text`).join(', ')} from network_security_group_rule m
     join network_security_group_rule o on ${LITERAL.map((name) => `o.${name} = m.${name}`).join(' and ')}
       and o.port_range_min is not distinct from m.port_range_min
     where ${isAmong('m.id', made, at.bind)}`,
  );
  const seen = new Map<string, string>();
  for (const rule of rules.toSorted((a, b) => Number(made.includes(a.id)) - Number(made.includes(b.id)))) {
    const key = JSON.stringify(
      KEY.map((name) => (name === 'protocol' ? protocolNumber(rule[name] as string | null) : anyPrefix(rule[name]))),
    );
    const other = seen.get(key);
    if (other !== undefined && made.includes(rule.id)) throw exists(other);
    seen.set(key, rule.id);
  }
}

/** From everywhere is the same as from nowhere in particular. */
const anyPrefix = (value: unknown) => (value === '0.0.0.0/0' || value === '::/0' ? null : value);

const templateGroup = {
  kind: 'text',
  read: (value: unknown) => (value === null || value === 'PARENT' ? value : uuid.read(value)),
} as const;

/** What new groups begin with; an administrator's. */
export const defaultSecurityGroupRules: Resource = {
  member: 'default_security_group_rule',
  collection: 'default_security_group_rules',
  path: '/default-security-group-rules',
  table: 'network_default_security_group_rule',
  verbs: ['create', 'delete'],
  scope: 'true',
  notFound: (each) => notFound('DefaultSecurityGroupRuleNotFound', `Default Security group rule ${each} does not exist.`),
  attributes: attributes({
    id,
    ...words,
    remote_group_id: attribute(templateGroup, 'post filter sort', { default: null }),
    used_in_default_sg: attribute(boolean, 'post filter sort', { default: false }),
    used_in_non_default_sg: attribute(boolean, 'post filter sort', { default: true }),
    description,
  }),
  async create({ trx }, asked) {
    const rows = asked.map((values) => ({ ...values, ...checkRule(values), project_id: '' }));
    const ids = await insertRows(trx, withHidden(defaultSecurityGroupRules), rows, { skipTaken: true });
    if (ids.length < rows.length) throw conflict('DefaultSecurityGroupRuleExists', 'Default Security group rule already exists.');
    return ids;
  },
};

/** Stored and never shown. */
const hidden = attributes({ project_id: attribute(shown(), '', { column: 'project_id' }), normalized_cidr: attribute(shown('cidr'), '') });
const withHidden = (resource: Resource): Resource => ({ ...resource, attributes: { ...resource.attributes, ...hidden } });
