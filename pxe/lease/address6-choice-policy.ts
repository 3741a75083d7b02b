import { createHash } from 'node:crypto';
import { formatIp, type IpRange } from '../../core/base/ip-address.ts';
import type { MacAddress } from '../../core/base/mac-address.ts';
import type { BootHost } from '../boot-model.ts';
import type { ModelIndex } from '../model/model-index.ts';
import { type IndexedSubnet6, inRange6 } from '../model/model-index6.ts';
import { isActive, type LeaseView } from './lease-table.ts';

/** Which IPv6 address a client gets: as `address-choice-policy.ts` does it, in pools that are too large to be searched whole. */
export interface Address6Wish {
  readonly subnetId: string;
  readonly subnet: IndexedSubnet6;
  readonly mac: MacAddress;
  readonly host: BootHost | undefined;
  readonly requested?: string | undefined;
  readonly nowMs: number;
}

/** A pool with less room than one in this many is as good as full, and a walk through 2^64 addresses would never end. */
const SEARCHED_ADDRESSES_MAX = 4096n;

const poolsFor = ({ subnet, host }: Address6Wish): readonly IpRange[] => {
  const discovery = subnet.discoveryPool ? [subnet.discoveryPool] : [];
  return host ? [...subnet.pools, ...discovery] : discovery;
};

/** Does anything stand between this client and the address? A sentence saying what, or undefined. */
export function refuseAddress6(index: ModelIndex, leases: LeaseView<string>, wish: Address6Wish, address: string): string | undefined {
  if (index.ownAddresses6.has(address)) return 'the address is the server’s own';
  const owner = index.hostByReservedAddress6.get(address);
  if (owner && owner !== wish.host) return 'the address is reserved for another machine';
  const isSelf = (mac: MacAddress) => mac === wish.mac || (owner !== undefined && index.hostByMac.get(mac) === owner);
  const lease = leases.lease(address);
  if (isActive(lease, wish.nowMs)) {
    if (lease.state === 'declined') return 'the address is in quarantine: a client found it in use';
    if (!isSelf(lease.mac)) return 'the address is leased to another client';
  }
  const offered = leases.offeredTo(address, wish.nowMs);
  if (offered !== undefined && !isSelf(offered)) return 'the address is offered to another client';
  if (index.reservedAddress6ByMac.get(wish.mac) === address) return undefined;
  if (!poolsFor(wish).some((range) => inRange6(address, range))) return 'the address lies in no pool for this client';
  return leases.leftToOther(wish.subnetId, address, wish.mac, wish.nowMs);
}

/** The same place for the same MAC, also after the journal was lost; hard to guess from outside it need not be. */
const placeOf = (mac: MacAddress, size: bigint): bigint => createHash('sha256').update(mac).digest().readBigUInt64BE(0) % size;

function searchRange(index: ModelIndex, leases: LeaseView<string>, wish: Address6Wish, range: IpRange): string | undefined {
  const size = range.last - range.first + 1n;
  const start = placeOf(wish.mac, size);
  const steps = size < SEARCHED_ADDRESSES_MAX ? size : SEARCHED_ADDRESSES_MAX;
  for (let i = 0n; i < steps; i += 1n) {
    const value = range.first + ((start + i) % size);
    // All zeros in the interface identifier are every router's (RFC 4291 §2.6.1).
    if (value === wish.subnet.prefix.value) continue;
    const address = formatIp(6, value);
    if (!index.hostByReservedAddress6.has(address) && refuseAddress6(index, leases, wish, address) === undefined) return address;
  }
  return undefined;
}

/** Undefined: nothing is left, or there is no pool for this client. */
export function chooseAddress6(index: ModelIndex, leases: LeaseView<string>, wish: Address6Wish): string | undefined {
  const isFree = (address: string | undefined): address is string =>
    address !== undefined && inRange6(address, wish.subnet.range) && refuseAddress6(index, leases, wish, address) === undefined;
  const known = [index.reservedAddress6ByMac.get(wish.mac), leases.addressOfClient(wish.subnetId, wish.mac), wish.requested].find(isFree);
  if (known !== undefined) return known;
  for (const range of poolsFor(wish)) {
    const first = formatIp(6, range.first);
    const address = leases.isExhausted(first, wish.nowMs) ? undefined : searchRange(index, leases, wish, range);
    if (address !== undefined) return address;
  }
  return undefined;
}

export const firstAddresses6 = (wish: Address6Wish): string[] => poolsFor(wish).map((range) => formatIp(6, range.first));
