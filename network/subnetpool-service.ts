import {
  compactPrefixes,
  formatPrefix,
  maskOf,
  overlaps,
  parsePrefix,
  rangeOf,
  type IpPrefix,
  type IpVersion,
} from '../core/base/ip-address.ts';
import { badRequest, conflict, NetworkError } from './network-error.ts';
import { subnetsOf } from './noun/pool-allocation.ts';
import { readPrefixes, requireScope, subnetpools } from './noun/subnetpool-noun.ts';
import { updateRow } from './mechanism/row-write.ts';
import { query } from './mechanism/statement.ts';
import { addressOrCidr, listOf } from './mechanism/attribute-types.ts';
import { InvalidValue, type Row, type Work } from './resource.ts';

/** Prefixes of a pool one by one. The pool's row is locked by the caller. */
const prefixList = listOf(addressOrCidr);

export function readPrefixBody(body: unknown): string[] {
  const prefixes = (body as { prefixes?: unknown } | undefined)?.prefixes;
  if (prefixes === undefined) throw badRequest("Failed to parse request. Required attribute 'prefixes' not specified");
  try {
    return prefixList.read(prefixes) as string[];
  } catch (error) {
    if (error instanceof InvalidValue) throw badRequest(`Invalid input for prefixes. Reason: ${error.message}.`);
    throw error;
  }
}

const own = (pool: Row): IpPrefix[] => (pool['prefixes'] as string[]).map((text) => parsePrefix(text)!);

export async function addPrefixes(work: Work, pool: Row, texts: readonly string[]): Promise<string[]> {
  const version = pool['ip_version'] as IpVersion;
  if (texts.length === 0) return own(pool).map(formatPrefix);
  const { prefixes } = readPrefixes(texts, version);
  const after = compactPrefixes([...own(pool), ...prefixes]);
  await requireScope(work, pool['address_scope_id'], version, prefixes, pool.id, false);
  const told = after.map(formatPrefix);
  await updateRow(work.trx, subnetpools, pool.id, { prefixes: told });
  return told;
}

/** @throws NetworkError 409 for what a subnet has */
export async function removePrefixes({ trx }: Work, pool: Row, texts: readonly string[]): Promise<string[]> {
  const going = texts.map((text) => parsePrefix(text)!);
  const taken = await subnetsOf(trx, pool.id);
  const busy = taken.find((subnet) => going.some((prefix) => overlaps(rangeOf(prefix), rangeOf(subnet))));
  if (busy !== undefined)
    throw conflict('IllegalSubnetPoolPrefixUpdate', `Illegal update to prefixes: ${formatPrefix(busy)} of the pool is allocated.`);
  const told = compactPrefixes(own(pool).flatMap((prefix) => without(prefix, going))).map(formatPrefix);
  if (told.length === 0) throw new NetworkError(400, 'EmptySubnetPoolPrefixList', 'Empty subnet pool prefix list.');
  await updateRow(trx, subnetpools, pool.id, { prefixes: told });
  return told;
}

/** Halves of it that do not meet these, as large as they can be. */
function without(prefix: IpPrefix, going: readonly IpPrefix[]): IpPrefix[] {
  const range = rangeOf(prefix);
  const met = going.filter((each) => overlaps(rangeOf(each), range));
  if (met.length === 0) return [prefix];
  if (met.some((each) => rangeOf(each).first <= range.first && range.last <= rangeOf(each).last)) return [];
  const length = prefix.length + 1;
  const half = { ...prefix, length };
  const step = ~maskOf(prefix.version, length) & maskOf(prefix.version, prefix.version === 4 ? 32 : 128);
  return [half, { ...half, value: prefix.value + step + 1n }].flatMap((each) => without(each, met));
}

/** Subnets of a network that were made without the pool become the pool's. */
export async function onboardSubnets(work: Work, pool: Row, networkId: string): Promise<{ id: string; cidr: string }[]> {
  const { trx } = work;
  const subnets = await query<{ id: string; cidr: string; subnetpool_id: string | null }>(
    trx,
    'select id, cidr::text, subnetpool_id from network_subnet where network_id = $1 and ip_version = $2 for no key update',
    [networkId, pool['ip_version']],
  );
  if (subnets.length === 0) return [];
  if (subnets.some((subnet) => subnet.subnetpool_id !== null))
    throw new NetworkError(
      400,
      'IllegalSubnetPoolUpdate',
      `Illegal subnetpool update: a subnet of network ${networkId} belongs to a pool already.`,
    );
  const taken = await subnetsOf(trx, pool.id);
  const over = subnets.find((subnet) => taken.some((each) => overlaps(rangeOf(each), rangeOf(parsePrefix(subnet.cidr)!))));
  if (over !== undefined)
    throw conflict('IllegalSubnetPoolPrefixUpdate', `Illegal update to prefixes: ${over.cidr} is allocated in the pool.`);
  await addPrefixes(
    work,
    pool,
    subnets.map((subnet) => subnet.cidr),
  );
  await query(
    trx,
    `update network_subnet set subnetpool_id = $2, revision_number = revision_number + 1, updated_at = now() where id = any($1::uuid[])`,
    [subnets.map((subnet) => subnet.id), pool.id],
  );
  return subnets.map(({ id, cidr }) => ({ id, cidr }));
}
