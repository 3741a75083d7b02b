import { formatIp, parseIp } from '../../core/base/ip-address.ts';
import type { AddressSubnet, AddressWish } from '../address/port-address-policy.ts';
import { conflict } from '../network-error.ts';
import { query } from '../mechanism/statement.ts';
import type { Trx } from '../resource.ts';

/*
 * Addresses are given out by their constraint: whoever inserts one has it. Guesses first, since creators in parallel that all
 * want the lowest address would wait for each other; when guesses fail, the subnet's row is locked and its gaps are looked for.
 */
const GUESSES = 6;
/** IPv6 addresses are read by people too: of a pool of 2^64 only the first ones are guessed at. */
const GUESSED_SPAN_MAX = 65_536n;
/** A pool that is this small is counted through at once. */
const GUESSED_SPAN_MIN = 16n;
const COLLISIONS_MAX = 50;

export async function takeAddresses(trx: Trx, networkId: string, portId: string, wishes: readonly AddressWish[], from = 0): Promise<void> {
  for (const [position, wish] of wishes.entries()) await takeAddress(trx, networkId, portId, wish, from + position);
}

async function takeAddress(trx: Trx, networkId: string, portId: string, wish: AddressWish, position: number): Promise<void> {
  const insert = async (subnet: AddressSubnet, candidates: readonly string[]) => {
    const rows = await query(
      trx,
      `insert into network_address (subnet_id, network_id, port_id, ip_address, position)
       select $1, $2, $3, c, $4 from unnest($5::inet[]) c
       where not exists (select from network_address a where a.network_id = $2 and a.ip_address = c) limit 1
       on conflict do nothing returning ip_address`,
      [subnet.id, networkId, portId, position, candidates],
    );
    return rows.length > 0;
  };
  if (wish.ip !== undefined) {
    if (await insert(wish.subnets[0]!, [wish.ip])) return;
    throw conflict(
      'IpAddressAlreadyAllocated',
      `Unable to complete operation for network ${networkId}. IP address ${wish.ip} already allocated in subnet ${wish.subnets[0]!.id}.`,
    );
  }
  for (const subnet of wish.subnets) {
    const guesses = guess(subnet);
    if (guesses.length > 0 && (await insert(subnet, guesses))) return;
  }
  for (const subnet of wish.subnets) {
    for (let collision = 0; collision < COLLISIONS_MAX; collision += 1) {
      const free = await firstFree(trx, networkId, subnet.id);
      if (free === undefined) break;
      if (await insert(subnet, [free])) return;
    }
  }
  throw conflict('IpAddressGenerationFailure', `No more IP addresses available on network ${networkId}.`);
}

function guess(subnet: AddressSubnet): string[] {
  const pool = subnet.pools[Math.floor(Math.random() * subnet.pools.length)];
  if (pool === undefined) return [];
  const { version, value: first } = parseIp(pool.first)!;
  const size = parseIp(pool.last)!.value - first + 1n;
  if (size < GUESSED_SPAN_MIN) return [];
  const span = Number(size < GUESSED_SPAN_MAX ? size : GUESSED_SPAN_MAX);
  return Array.from({ length: GUESSES }, () => formatIp(version, first + BigInt(Math.floor(Math.random() * span))));
}

/** The lowest address that nobody has, or is about to have: the lock lets one look at a time. */
async function firstFree(trx: Trx, networkId: string, subnetId: string): Promise<string | undefined> {
  await query(trx, 'select from network_subnet where id = $1 for no key update', [subnetId]);
  const rows = await query<{ ip: string }>(
    trx,
    `select host(c.ip) as ip from (
       select p.first as ip from network_allocation_pool p where p.subnet_id = $1
       union all
       select a.ip_address + 1 from network_address a
       join network_allocation_pool p on p.subnet_id = a.subnet_id and a.ip_address >= p.first and a.ip_address < p.last
       where a.subnet_id = $1
     ) c where not exists (select from network_address x where x.network_id = $2 and x.ip_address = c.ip)
     order by c.ip limit 1`,
    [subnetId, networkId],
  );
  return rows[0]?.ip;
}
