import { conflict, notFound, NetworkError } from '../network-error.ts';
import { addressOrCidr, boolean, cidr, listOf, orEmpty } from '../mechanism/attribute-types.ts';
import { insertRows, touch } from '../mechanism/row-write.ts';
import { ownedOrShared, sharedWith, standard } from '../mechanism/standard-attributes.ts';
import { query } from '../mechanism/statement.ts';
import { attribute, attributes, type Resource, type Row, type Trx, type Work } from '../resource.ts';
import { forget } from './rbac-store.ts';

/** Addresses under one name, for rules of security groups. */
const { tags: _tags, ...untagged } = standard;
/** Prefixes, with their lengths; the ones that go may be written without. */
export const addressList = listOf(cidr, { unique: true });
export const leavingList = listOf(addressOrCidr, { unique: true });

export const addressGroups: Resource = {
  member: 'address_group',
  collection: 'address_groups',
  path: '/address-groups',
  table: 'network_address_group',
  verbs: ['create', 'update', 'delete'],
  scope: ownedOrShared('address_group'),
  notFound: (id) => notFound('AddressGroupNotFound', `Address group ${id} could not be found.`),
  attributes: attributes({
    ...untagged,
    addresses: attribute(orEmpty(addressList), 'post', {
      default: [],
      sql: 'array(select m.address::text from network_address_group_member m where m.address_group_id = t.id order by m.address)',
    }),
    shared: attribute(boolean, 'filter', { sql: sharedWith('address_group') }),
  }),
  async create({ trx }, asked) {
    const ids = await insertRows(trx, addressGroups, asked);
    for (const [at, values] of asked.entries()) await insertMembers(trx, ids[at]!, values['addresses'] as string[]);
    return ids;
  },
  async remove({ trx }: Work, row: Row) {
    const used = await query(trx, 'select from network_security_group_rule where remote_address_group_id = $1 limit 1', [row.id]);
    if (used.length > 0) throw conflict('AddressGroupInUse', `Address group ${row.id} is in use on one or more security group rules.`);
    await forget(trx, row.id);
    await query(trx, 'delete from network_address_group where id = $1', [row.id]);
  },
};

const insertMembers = (trx: Trx, id: string, addresses: readonly string[]) =>
  query<{ address: string }>(
    trx,
    `insert into network_address_group_member (address_group_id, address) select $1, unnest($2::cidr[])
     on conflict do nothing returning address::text`,
    [id, addresses],
  );

/** @throws NetworkError 400 for one that is there already */
export async function addAddresses(trx: Trx, id: string, addresses: readonly string[]): Promise<void> {
  const added = await insertMembers(trx, id, addresses);
  const there = addresses.filter((address) => !added.some((each) => each.address === address));
  if (there.length > 0)
    throw new NetworkError(400, 'AddressesAlreadyExist', `Addresses ${there.join(', ')} already exist in the address group ${id}.`);
  await touch(trx, 'network_address_group', [id]);
}

/** @throws NetworkError 404 for one that is not there */
export async function removeAddresses(trx: Trx, id: string, addresses: readonly string[]): Promise<void> {
  const removed = await query<{ address: string }>(
    trx,
    'delete from network_address_group_member where address_group_id = $1 and address = any($2::cidr[]) returning address::text',
    [id, addresses],
  );
  const missing = addresses.filter((address) => !removed.some((each) => each.address === address));
  if (missing.length > 0) throw notFound('AddressesNotFound', `Addresses ${missing.join(', ')} not found in the address group ${id}.`);
  await touch(trx, 'network_address_group', [id]);
}
