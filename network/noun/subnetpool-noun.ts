import {
  bitsOf,
  compactPrefixes,
  formatPrefix,
  overlaps,
  parsePrefix,
  rangeOf,
  type IpPrefix,
  type IpVersion,
} from '../../core/base/ip-address.ts';
import { badInput, conflict, notFound, NetworkError } from '../network-error.ts';
import { boolean, cidr, integer, listOf, orNull, shown, textNotEmpty, uuid } from '../mechanism/attribute-types.ts';
import { insertRows, updateRow } from '../mechanism/row-write.ts';
import { mustSee } from '../mechanism/seen.ts';
import { NAME_LENGTH_MAX, ownedOrShared, sharedWith, standard } from '../mechanism/standard-attributes.ts';
import { query } from '../mechanism/statement.ts';
import { attribute, attributes, type Resource, type Row, type Values, type Work } from '../resource.ts';
import { addressScopes } from './address-scope-noun.ts';
import { forget, share, SHARED } from './rbac-store.ts';

/** Where prefixes of subnets come from. In one address scope no two pools have the same addresses. */
const LENGTHS = { 4: { least: 8, most: 32 }, 6: { least: 64, most: 128 } } as const;
/** Neutron tells these numbers as text, and so do we. */
const length = (column: string) =>
  attribute(integer(0), 'post put filter sort', { default: undefined, column, sql: `to_json(t.${column}::text)`, search: `t.${column}` });

export const subnetpools: Resource = {
  member: 'subnetpool',
  collection: 'subnetpools',
  path: '/subnetpools',
  table: 'network_subnetpool',
  verbs: ['create', 'update', 'delete'],
  quota: 'subnetpool',
  scope: ownedOrShared('subnetpool'),
  notFound: (id) => notFound('SubnetPoolNotFound', `Subnet pool ${id} could not be found.`),
  attributes: attributes({
    ...standard,
    name: attribute(textNotEmpty(NAME_LENGTH_MAX), 'post put filter sort'),
    prefixes: attribute(listOf(cidr, { kind: 'text[]' }), 'post put', { sql: 't.prefixes::text[]', column: 'prefixes' }),
    ip_version: attribute(shown('integer'), 'filter sort'),
    default_quota: attribute(orNull(integer(0)), 'post put filter sort', { default: undefined }),
    default_prefixlen: length('default_prefixlen'),
    min_prefixlen: length('min_prefixlen'),
    max_prefixlen: length('max_prefixlen'),
    is_default: attribute(boolean, 'post put filter sort', { default: false }),
    shared: attribute(boolean, 'post filter sort', { default: false, sql: sharedWith('subnetpool') }),
    address_scope_id: attribute(orNull(uuid), 'post put filter sort', { default: undefined }),
  }),
  create,
  update,
  remove,
};

export function readPrefixes(texts: readonly string[], version?: IpVersion): { version: IpVersion; prefixes: IpPrefix[] } {
  const prefixes = texts.map((text) => parsePrefix(text)!);
  const first = version ?? prefixes[0]?.version;
  if (first === undefined) throw new NetworkError(400, 'EmptySubnetPoolPrefixList', 'Empty subnet pool prefix list.');
  if (prefixes.some((prefix) => prefix.version !== first))
    throw new NetworkError(400, 'PrefixVersionMismatch', 'Cannot mix IPv4 and IPv6 prefixes in a subnet pool.');
  return { version: first, prefixes: compactPrefixes(prefixes) };
}

async function create(work: Work, asked: readonly Values[]): Promise<string[]> {
  const ids = [];
  for (const values of asked) {
    const { version, prefixes } = readPrefixes(values['prefixes'] as string[]);
    const lengths = readLengths(values, LENGTHS[version]);
    requireLengths(version, lengths);
    await requireScope(work, values['address_scope_id'], version, prefixes, undefined, values['shared'] === true);
    if (values['is_default'] === true) await requireNoDefault(work, version);
    const row = { ...values, ip_version: version, prefixes: prefixes.map(formatPrefix), ...lengths };
    const [id] = await insertRows(work.trx, subnetpools, [row]);
    if (values['shared'] === true) await share(work.trx, 'subnetpool', id!, String(values['project_id']), SHARED, '*');
    ids.push(id!);
  }
  return ids;
}

interface Lengths {
  readonly min_prefixlen: number;
  readonly max_prefixlen: number;
  readonly default_prefixlen: number;
}

function readLengths(values: Values, by: { readonly least: number; readonly most: number }): Lengths {
  const least = Number(values['min_prefixlen'] ?? by.least);
  return {
    min_prefixlen: least,
    max_prefixlen: Number(values['max_prefixlen'] ?? by.most),
    default_prefixlen: Number(values['default_prefixlen'] ?? least),
  };
}

function requireLengths(version: IpVersion, lengths: Lengths): void {
  const { min_prefixlen: least, max_prefixlen: most, default_prefixlen: usual } = lengths;
  const refuse = (a: string, x: number, b: string, y: number | string) =>
    new NetworkError(400, 'IllegalSubnetPoolPrefixBounds', `Illegal prefix bounds: ${a}=${x}, ${b}=${y}.`);
  if (most > bitsOf(version)) throw refuse('max_prefixlen', most, 'ip_version', `IPv${version}`);
  if (least > most) throw refuse('min_prefixlen', least, 'max_prefixlen', most);
  if (usual < least) throw refuse('default_prefixlen', usual, 'min_prefixlen', least);
  if (usual > most) throw refuse('default_prefixlen', usual, 'max_prefixlen', most);
}

async function requireNoDefault({ trx }: Work, version: IpVersion, but?: string): Promise<void> {
  const found = await query(trx, 'select from network_subnetpool where is_default and ip_version = $1 and id is distinct from $2', [
    version,
    but ?? null,
  ]);
  if (found.length > 0)
    throw badInput(`A default subnetpool for this IP family has already been set. Only one default may exist per IP family`);
}

/** @throws NetworkError 400 for a scope of another family, a stranger or the other sharing; 409 for addresses of another pool */
export async function requireScope(
  work: Work,
  scopeId: unknown,
  version: IpVersion,
  prefixes: readonly IpPrefix[],
  poolId: string | undefined,
  isShared: boolean,
): Promise<void> {
  if (scopeId === null || scopeId === undefined) return;
  const scope = await mustSee(work, addressScopes, scopeId);
  if (scope['project_id'] !== work.actor.projectId && !work.actor.seesAll && scope['shared'] !== true)
    throw new NetworkError(
      400,
      'IllegalSubnetPoolAssociationToAddressScope',
      `Illegal subnetpool association: subnetpool cannot be associated with address scope ${scope.id}.`,
    );
  if (isShared && scope['shared'] !== true)
    throw new NetworkError(
      400,
      'IllegalSubnetPoolAssociationToAddressScope',
      `Illegal subnetpool association: a shared subnetpool needs a shared address scope, ${scope.id} is not.`,
    );
  if (scope['ip_version'] !== version)
    throw new NetworkError(
      400,
      'IllegalSubnetPoolIpVersionAssociationToAddressScope',
      `Illegal subnetpool association: address scope ${scope.id} is not of IPv${version}.`,
    );
  // One writer of a scope at a time.
  await query(work.trx, 'select from network_address_scope where id = $1 for no key update', [scope.id]);
  const others = await query<{ prefixes: string[] }>(
    work.trx,
    'select prefixes::text[] as prefixes from network_subnetpool where address_scope_id = $1 and id is distinct from $2',
    [scope.id, poolId ?? null],
  );
  const taken = others.flatMap((other) => other.prefixes.map((text) => rangeOf(parsePrefix(text)!)));
  if (prefixes.some((prefix) => taken.some((range) => overlaps(range, rangeOf(prefix)))))
    throw conflict(
      'AddressScopePrefixConflict',
      'Failed to associate address scope: subnetpools within an address scope must have unique prefixes.',
    );
}

async function update(work: Work, before: Row, changes: Values): Promise<void> {
  const version = before['ip_version'] as IpVersion;
  const prefixes = changes['prefixes'] === undefined ? undefined : grown(before, changes['prefixes'] as string[], version);
  const now = prefixes ?? (before['prefixes'] as string[]).map((text) => parsePrefix(text)!);
  const lengths = readLengths({ ...before, ...changes }, LENGTHS[version]);
  requireLengths(version, lengths);
  const scopeId = 'address_scope_id' in changes ? changes['address_scope_id'] : before['address_scope_id'];
  if (scopeId !== before['address_scope_id'] || prefixes !== undefined) {
    if (scopeId !== before['address_scope_id']) await requireNoOtherNetworkPools(work, before.id);
    await requireScope(work, scopeId, version, now, before.id, before['shared'] === true);
  }
  if (changes['is_default'] === true && before['is_default'] !== true) await requireNoDefault(work, version, before.id);
  const row = prefixes === undefined ? changes : { ...changes, prefixes: prefixes.map(formatPrefix) };
  await updateRow(work.trx, subnetpools, before.id, row);
  if (scopeId !== before['address_scope_id']) await touchNetworks(work, before.id);
}

/** A pool's networks show its scope. */
const touchNetworks = ({ trx }: Work, poolId: string) =>
  query(
    trx,
    `update network set revision_number = revision_number + 1, updated_at = now()
     where id in (select network_id from network_subnet where subnetpool_id = $1)`,
    [poolId],
  );

async function requireNoOtherNetworkPools({ trx }: Work, poolId: string): Promise<void> {
  const rows = await query(
    trx,
    `select from network_subnet a join network_subnet b on b.network_id = a.network_id and b.ip_version = a.ip_version
     where a.subnetpool_id = $1 and b.subnetpool_id is distinct from $1 limit 1`,
    [poolId],
  );
  if (rows.length > 0)
    throw new NetworkError(
      400,
      'NetworkAddressScopeAffinityError',
      'Subnets of the same address family hosted on the same network must all participate in the same address scope.',
    );
}

/** Prefixes may be added this way, not taken away. */
function grown(before: Row, texts: readonly string[], version: IpVersion): IpPrefix[] {
  const { prefixes } = readPrefixes(texts, version);
  const ranges = prefixes.map(rangeOf);
  for (const text of before['prefixes'] as string[]) {
    const old = rangeOf(parsePrefix(text)!);
    if (!ranges.some((range) => range.first <= old.first && old.last <= range.last))
      throw new NetworkError(
        400,
        'IllegalSubnetPoolPrefixUpdate',
        `Illegal update to prefixes: the updated prefix list does not contain ${text}.`,
      );
  }
  return prefixes;
}

async function remove({ trx }: Work, row: Row): Promise<void> {
  const used = await query(trx, 'select from network_subnet where subnetpool_id = $1 limit 1', [row.id]);
  if (used.length > 0)
    throw conflict('SubnetPoolInUse', `Unable to complete operation on subnet pool ${row.id}. Subnet pool has existing allocations.`);
  await forget(trx, row.id);
  await query(trx, 'delete from network_subnetpool where id = $1', [row.id]);
}
