import { bitsOf, formatPrefix, overlaps, parsePrefix, rangeOf, type IpPrefix } from '../../core/base/ip-address.ts';
import { freePrefix } from '../address/subnet-policy.ts';
import { badInput, conflict, NetworkError } from '../network-error.ts';
import { mustSee } from '../mechanism/seen.ts';
import { query } from '../mechanism/statement.ts';
import type { Row, Trx, Values, Work } from '../resource.ts';
import { subnetpools } from './subnetpool-noun.ts';

/** Prefixes of a pool, each given out once: the pool's row is locked while one is chosen. */
export async function cidrFromPool(work: Work, values: Values): Promise<{ cidr: string; subnetpoolId: string | null }> {
  const asked = values['cidr'] as string | null | undefined;
  const poolId = await poolOf(work, values);
  if (poolId === null) {
    if (values['prefixlen'] !== undefined) throw badInput('prefixlen can only be set with a subnetpool_id');
    if (asked === null || asked === undefined) throw badInput('a subnetpool must be specified in the absence of a cidr');
    return { cidr: asked, subnetpoolId: null };
  }
  if (asked !== undefined && asked !== null && values['prefixlen'] !== undefined)
    throw badInput('cidr and prefixlen must not be supplied together');
  await query(work.trx, 'select from network_subnetpool where id = $1 for no key update', [poolId]);
  const pool = await mustSee(work, subnetpools, poolId);
  if (pool['ip_version'] !== values['ip_version'])
    throw badInput(`ip_version does not match the subnetpool's: ${String(pool['ip_version'])}`);
  if (values['gateway_ip'] !== undefined && values['gateway_ip'] !== null && (asked === undefined || asked === null))
    throw badInput('Specific subnet CIDR required for gateway_ip');
  const taken = await subnetsOf(work.trx, poolId);
  const wanted = asked === undefined || asked === null ? undefined : parsePrefix(asked)!;
  const length = wanted?.length ?? (values['prefixlen'] as number | undefined) ?? Number(pool['default_prefixlen']);
  requireLength(pool, length);
  await requireQuota(work, pool, String(values['project_id']), length);
  const prefix = wanted === undefined ? freePrefix(prefixesOf(pool), taken, length) : requireFree(pool, wanted, taken);
  if (prefix === undefined) throw exhausted(`Insufficient prefix space to allocate subnet size /${length}`);
  return { cidr: formatPrefix(prefix), subnetpoolId: poolId };
}

const exhausted = (reason: string) => conflict('SubnetAllocationError', `Failed to allocate subnet: ${reason}.`);
export const prefixesOf = (pool: Row): IpPrefix[] => (pool['prefixes'] as string[]).map((text) => parsePrefix(text)!);

export async function subnetsOf(trx: Trx, poolId: string): Promise<IpPrefix[]> {
  const rows = await query<{ cidr: string }>(trx, 'select cidr::text from network_subnet where subnetpool_id = $1', [poolId]);
  return rows.map(({ cidr }) => parsePrefix(cidr)!);
}

async function poolOf(work: Work, values: Values): Promise<string | null> {
  const named = values['subnetpool_id'] as string | null | undefined;
  if (values['use_default_subnetpool'] !== true) return named ?? null;
  if (named !== undefined && named !== null) throw badInput('subnetpool_id and use_default_subnetpool cannot both be specified');
  const found = await query<{ id: string }>(work.trx, 'select id from network_subnetpool where is_default and ip_version = $1', [
    values['ip_version'],
  ]);
  if (found.length === 0) throw badInput(`No default subnetpool found for IPv${String(values['ip_version'])}`);
  return found[0]!.id;
}

function requireLength(pool: Row, length: number): void {
  const [least, most] = [Number(pool['min_prefixlen']), Number(pool['max_prefixlen'])];
  if (length < least)
    throw new NetworkError(
      400,
      'MinPrefixSubnetAllocationError',
      `Unable to allocate subnet with prefix length ${length}, minimum allowed prefix is ${least}.`,
    );
  if (length > most)
    throw new NetworkError(
      400,
      'MaxPrefixSubnetAllocationError',
      `Unable to allocate subnet with prefix length ${length}, maximum allowed prefix is ${most}.`,
    );
}

/** Counted in addresses for IPv4, in /64 networks for IPv6. */
async function requireQuota({ trx }: Work, pool: Row, projectId: string, length: number): Promise<void> {
  if (pool['default_quota'] === null) return;
  const whole = pool['ip_version'] === 4 ? bitsOf(4) : 64;
  const rows = await query<{ length: number }>(
    trx,
    'select masklen(cidr) as length from network_subnet where subnetpool_id = $1 and project_id = $2',
    [pool.id, projectId],
  );
  const used = [...rows.map((row) => row.length), length].reduce((sum, each) => sum + 2 ** Math.max(whole - each, 0), 0);
  if (used > Number(pool['default_quota'])) throw conflict('SubnetPoolQuotaExceeded', 'Per-project subnet pool prefix quota exceeded.');
}

function requireFree(pool: Row, wanted: IpPrefix, taken: readonly IpPrefix[]): IpPrefix {
  const range = rangeOf(wanted);
  const holder = prefixesOf(pool).find((prefix) => {
    const whole = rangeOf(prefix);
    return whole.version === range.version && whole.first <= range.first && range.last <= whole.last;
  });
  if (holder === undefined || taken.some((each) => overlaps(rangeOf(each), range)))
    throw exhausted('Cannot allocate requested subnet from the available set of prefixes');
  return wanted;
}
