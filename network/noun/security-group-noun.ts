import { conflict } from '../network-error.ts';
import { claim } from '../mechanism/quota-store.ts';
import { anything, boolean, text } from '../mechanism/attribute-types.ts';
import { insertRows, updateRow } from '../mechanism/row-write.ts';
import { NAME_LENGTH_MAX, sharedWith, standard } from '../mechanism/standard-attributes.ts';
import { query } from '../mechanism/statement.ts';
import { attribute, attributes, type AttributeType, type Resource, type Row, type Values, type Work } from '../resource.ts';
import { addTemplateRules, ensureDefaultGroup } from './default-security-group.ts';
import { forget } from './rbac-store.ts';
import { GROUP_SCOPE, groupNotFound } from './security-group-scope.ts';
import { securityGroupRules } from './security-group-rule-noun.ts';

/** Who may talk to a port. */
const notDefault: AttributeType = {
  kind: 'text',
  read(value) {
    const read = text(NAME_LENGTH_MAX).read(value) as string;
    if (read.toLowerCase() === 'default') throw conflict('SecurityGroupDefaultAlreadyExists', 'Default security group already exists.');
    return read;
  },
};

/** A group's rules as their own list shows them. */
const RULES = `(select coalesce(json_agg((select row_to_json(y) from (select ${Object.entries(securityGroupRules.attributes)
  .filter(([, each]) => each.sql !== undefined)
  .map(([name, each]) => `${each.sql!.replaceAll('t.', 'u.')} as "${name}"`)
  .join(', ')}) y) order by u.created_at, u.id), '[]') from network_security_group_rule u where u.security_group_id = t.id)`;

export const securityGroups: Resource = {
  member: 'security_group',
  collection: 'security_groups',
  path: '/security-groups',
  table: 'network_security_group',
  verbs: ['create', 'update', 'delete'],
  quota: 'security_group',
  isCountedFirst: true,
  scope: GROUP_SCOPE,
  notFound: groupNotFound,
  attributes: attributes({
    ...standard,
    name: attribute(notDefault, 'post put filter sort', { default: '' }),
    stateful: attribute(boolean, 'post put filter', { default: true }),
    shared: attribute(boolean, 'filter', { sql: sharedWith('security_group') }),
    security_group_rules: attribute(anything, '', { sql: RULES }),
  }),
  async prepare({ trx, actor }) {
    if (actor.projectId !== null) await ensureDefaultGroup(trx, actor.projectId);
  },
  create,
  update,
  remove,
};

async function create({ trx }: Work, asked: readonly Values[]): Promise<string[]> {
  for (const projectId of new Set(asked.map((values) => String(values['project_id'])))) await ensureDefaultGroup(trx, projectId);
  const ids = await insertRows(trx, securityGroups, asked);
  for (const [at, values] of asked.entries()) {
    const projectId = String(values['project_id']);
    await claim(trx, 'security_group_rule', 'network_security_group_rule', projectId, 2);
    await addTemplateRules(trx, ids[at]!, projectId, 'used_in_non_default_sg');
  }
  return ids;
}

async function update({ trx }: Work, before: Row, changes: Values): Promise<void> {
  if (before['name'] === 'default' && changes['name'] !== undefined)
    throw conflict('SecurityGroupCannotUpdateDefault', 'Updating default security group not allowed.');
  if (changes['stateful'] !== undefined && changes['stateful'] !== before['stateful']) {
    const used = await query(trx, 'select from network_port_security_group where security_group_id = $1 limit 1', [before.id]);
    if (used.length > 0) throw conflict('SecurityGroupInUse', `Security Group ${before.id} cannot be updated: it is in use.`);
  }
  await updateRow(trx, securityGroups, before.id, changes);
}

async function remove({ trx, actor }: Work, row: Row): Promise<void> {
  if (row['name'] === 'default' && !actor.seesAll)
    throw conflict('SecurityGroupCannotRemoveDefault', 'Insufficient rights for removing default security group.');
  const used = await query(trx, 'select from network_port_security_group where security_group_id = $1 limit 1', [row.id]);
  if (used.length > 0) throw conflict('SecurityGroupInUse', `Security Group ${row.id} in use.`);
  await forget(trx, row.id);
  await query(trx, `delete from network_log where resource_type = 'security_group' and resource_id = $1`, [row.id]);
  await query(trx, 'delete from network_security_group where id = $1', [row.id]);
}
