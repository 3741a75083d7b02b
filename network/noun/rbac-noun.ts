import { badRequest, conflict, notFound } from '../network-error.ts';
import { oneOf, text, uuid } from '../mechanism/attribute-types.ts';
import { readRow } from '../mechanism/row-read.ts';
import { insertRows, touch, updateRow } from '../mechanism/row-write.ts';
import { id, OWNED, project } from '../mechanism/standard-attributes.ts';
import { query } from '../mechanism/statement.ts';
import { attribute, attributes, type Resource, type Row, type Values, type Work } from '../resource.ts';
import { addressGroups } from './address-group-noun.ts';
import { addressScopes } from './address-scope-noun.ts';
import { networks } from './network-noun.ts';
import { qosPolicies } from './qos-noun.ts';
import { EXTERNAL, SHARED, type SharedKind } from './rbac-store.ts';
import { requireNotNeeded } from './rbac-use.ts';
import { securityGroups } from './security-group-noun.ts';
import { subnetpools } from './subnetpool-noun.ts';

/** Who else may use what a project has. */
const OBJECTS: Readonly<Record<SharedKind, Resource>> = {
  network: networks,
  qos_policy: qosPolicies,
  security_group: securityGroups,
  address_scope: addressScopes,
  subnetpool: subnetpools,
  address_group: addressGroups,
};

export const rbacPolicies: Resource = {
  member: 'rbac_policy',
  collection: 'rbac_policies',
  path: '/rbac-policies',
  table: 'network_rbac',
  verbs: ['create', 'update', 'delete'],
  quota: 'rbac_policy',
  scope: OWNED,
  notFound: (each) => notFound('RbacPolicyNotFound', `RBAC policy of type ${each} not found`),
  attributes: attributes({
    id,
    ...project,
    object_type: attribute(oneOf(...Object.keys(OBJECTS)), 'post filter sort'),
    object_id: attribute(uuid, 'post filter sort'),
    action: attribute(text(255), 'post filter sort'),
    target_tenant: attribute(text(255), 'post put filter sort', { default: undefined, sql: 't.target_project' }),
    target_project: attribute(text(255), 'post put filter', {
      default: undefined,
      sql: null,
      column: 'target_project',
      search: 't.target_project',
    }),
  }),
  create,
  update,
  remove,
};

const targetOf = (values: Values): string | undefined => (values['target_tenant'] ?? values['target_project']) as string | undefined;

async function create(work: Work, asked: readonly Values[]): Promise<string[]> {
  const rows = [];
  for (const values of asked) {
    const target = targetOf(values);
    if (target === undefined) throw badRequest("Failed to parse request. Required attribute 'target_tenant' not specified");
    const kind = values['object_type'] as SharedKind;
    if (values['action'] !== SHARED && !(kind === 'network' && values['action'] === EXTERNAL))
      throw badRequest(`Invalid action '${String(values['action'])}' for object type '${kind}'. Valid actions: ${SHARED}`);
    await requireOwned(work, kind, String(values['object_id']));
    rows.push({ ...values, target_project: target });
  }
  const ids = await insertRows(work.trx, rbacPolicies, rows, { skipTaken: true });
  if (ids.length < rows.length) throw conflict('DuplicateRbacPolicy', 'An RBAC policy already exists with those values.');
  for (const values of asked) await touchObject(work, values);
  return ids;
}

/** The object shows with whom it is shared. */
const touchObject = ({ trx }: Work, values: Values) =>
  touch(trx, OBJECTS[values['object_type'] as SharedKind].table, [String(values['object_id'])]);

/** What one can not see is not there; what is another's is not one's to share. */
async function requireOwned({ trx, actor }: Work, kind: SharedKind, objectId: string): Promise<void> {
  const resource = OBJECTS[kind];
  const row = await readRow(trx, actor, resource, objectId, { names: ['id', 'project_id'] });
  if (row === undefined) throw resource.notFound(objectId);
  if (!actor.seesAll && row.project_id !== actor.projectId)
    throw badRequest('Only admins can manipulate policies on objects they do not own');
}

const withdrawn = (row: Row, target: string) => ({
  kind: row['object_type'] as SharedKind,
  id: String(row['object_id']),
  action: String(row['action']),
  target,
});

async function update(work: Work, before: Row, changes: Values): Promise<void> {
  const { trx } = work;
  await touchObject(work, before);
  const target = targetOf(changes);
  if (target === undefined) return updateRow(trx, rbacPolicies, before.id, {});
  await updateRow(trx, rbacPolicies, before.id, { target_project: target });
  if (target !== before['target_tenant'])
    await requireNotNeeded(trx, { ...withdrawn(before, String(before['target_tenant'])), owner: await ownerOf(trx, before) });
}

async function remove(work: Work, row: Row): Promise<void> {
  const { trx } = work;
  await touchObject(work, row);
  await query(trx, 'delete from network_rbac where id = $1', [row.id]);
  await requireNotNeeded(trx, { ...withdrawn(row, String(row['target_tenant'])), owner: await ownerOf(trx, row) });
}

async function ownerOf(trx: Work['trx'], row: Row): Promise<string> {
  const resource = OBJECTS[row['object_type'] as SharedKind];
  const rows = await query<{ project_id: string }>(trx, `select project_id from ${resource.table} where id = $1`, [row['object_id']]);
  return rows[0]?.project_id ?? '';
}
