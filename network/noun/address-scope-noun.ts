import { badInput, conflict, notFound } from '../network-error.ts';
import { boolean, oneOf } from '../mechanism/attribute-types.ts';
import { insertRows, updateRow } from '../mechanism/row-write.ts';
import { ownedOrShared, sharedWith, standard } from '../mechanism/standard-attributes.ts';
import { query } from '../mechanism/statement.ts';
import { attribute, attributes, type Resource, type Row, type Values, type Work } from '../resource.ts';
import { forget, share, SHARED } from './rbac-store.ts';

/** Where addresses mean the same thing: within a scope there is routing without translation. */
const {
  tags: _tags,
  description: _description,
  revision_number: _revision,
  created_at: _created,
  updated_at: _updated,
  ...plain
} = standard;

export const addressScopes: Resource = {
  member: 'address_scope',
  collection: 'address_scopes',
  path: '/address-scopes',
  table: 'network_address_scope',
  verbs: ['create', 'update', 'delete'],
  scope: ownedOrShared('address_scope'),
  notFound: (id) => notFound('AddressScopeNotFound', `Address scope ${id} could not be found.`),
  attributes: attributes({
    ...plain,
    ip_version: attribute(oneOf(4, 6), 'post filter sort'),
    shared: attribute(boolean, 'post put filter sort', { default: false, sql: sharedWith('address_scope') }),
  }),
  async create({ trx }, asked) {
    const ids = await insertRows(trx, addressScopes, asked);
    for (const [at, values] of asked.entries())
      if (values['shared'] === true) await share(trx, 'address_scope', ids[at]!, String(values['project_id']), SHARED, '*');
    return ids;
  },
  update,
  remove,
};

async function update({ trx }: Work, before: Row, changes: Values): Promise<void> {
  if (before['shared'] === true && changes['shared'] === false)
    throw badInput(`Unable to update address scope ${before.id}: Shared address scope can't be unshared`);
  if (changes['shared'] === true) await share(trx, 'address_scope', before.id, before.project_id, SHARED, '*');
  await updateRow(trx, addressScopes, before.id, changes);
}

async function remove({ trx }: Work, row: Row): Promise<void> {
  const used = await query(trx, 'select from network_subnetpool where address_scope_id = $1 limit 1', [row.id]);
  if (used.length > 0)
    throw conflict(
      'AddressScopeInUse',
      `Unable to complete operation on address scope ${row.id}. There are one or more subnet pools in use on the address scope.`,
    );
  await forget(trx, row.id);
  await query(trx, 'delete from network_address_scope where id = $1', [row.id]);
}
