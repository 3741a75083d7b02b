import type { MacAddress } from '../../core/base/mac-address.ts';
import type { BootHost } from '../boot-model.ts';
import { addressInRange, type AddressRange, type IndexedSubnet, type ModelIndex } from '../model/model-index.ts';
import { isActive, type LeaseView } from './lease-table.ts';

/**
 * Which address a client gets. A client is its MAC: firmware, iPXE and the operating system of one machine send three
 * different client identifiers, and one power-on shall not use three addresses.
 */
export interface AddressWish {
  readonly subnet: IndexedSubnet;
  readonly mac: MacAddress;
  readonly host: BootHost | undefined;
  readonly requested?: number | undefined;
  /** The pool of the client's rack, instead of the subnet's. */
  readonly rackPool?: AddressRange | undefined;
  readonly nowMs: number;
}

export type AddressChoice =
  | { readonly address: number; readonly reservationBlockedBy?: MacAddress }
  | { readonly address?: undefined; readonly reason: 'no-pool' }
  /** `searched`: the first addresses of the pools that have nothing left. */
  | { readonly address?: undefined; readonly reason: 'pool-exhausted'; readonly searched: readonly number[] };

/** After this many addresses that others have used before, the search settles for one of them instead of a never-used one. */
const UNUSED_ADDRESS_PROBES = 64;

/** FNV-1a: spreads MACs over the pool, so that a client finds the same place again even after the journal was lost. */
function hashMac(mac: MacAddress): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < mac.length; i += 1) hash = Math.imul(hash ^ mac.charCodeAt(i), 0x01000193) >>> 0;
  return hash;
}

const poolsFor = (wish: AddressWish): readonly AddressRange[] => {
  const { pools, discoveryPool } = wish.subnet;
  const discovery = discoveryPool ? [discoveryPool] : [];
  if (wish.rackPool) return wish.host || discoveryPool ? [wish.rackPool] : [];
  return wish.host ? [...pools, ...discovery] : discovery;
};

/** May this client use the address now? A sentence saying why not, or undefined when it may. */
export function refuseAddress(index: ModelIndex, leases: LeaseView, wish: AddressWish, address: number): string | undefined {
  if (index.ownAddresses.has(address)) return 'the address is the server’s own';
  const { network, broadcast, prefixLength } = wish.subnet.cidr;
  if (prefixLength < 31 && (address === network || address === broadcast)) return 'the address is the network’s or its broadcast';
  const owner = index.hostByReservedAddress.get(address);
  if (owner && owner !== wish.host) return 'the address is reserved for another machine';
  // Two ports of one machine may share the address that is reserved for it, as the ends of a bond do.
  const isSelf = (mac: MacAddress) => mac === wish.mac || (owner !== undefined && index.hostByMac.get(mac) === owner);
  const lease = leases.lease(address);
  if (isActive(lease, wish.nowMs)) {
    if (lease.state === 'declined') return 'the address is in quarantine: a client found it in use';
    if (!isSelf(lease.mac)) return 'the address is leased to another client';
  }
  const offered = leases.offeredTo(address, wish.nowMs);
  if (offered !== undefined && !isSelf(offered)) return 'the address is offered to another client';
  if (index.reservedAddressByMac.get(wish.mac) === address) return undefined;
  if (!poolsFor(wish).some((range) => addressInRange(address, range))) return 'the address lies in no pool for this client';
  return leases.leftToOther(wish.subnet.subnet.id, address, wish.mac, wish.nowMs);
}

function searchRange(index: ModelIndex, leases: LeaseView, wish: AddressWish, range: AddressRange): number | undefined {
  const size = range.last - range.first + 1;
  const start = hashMac(wish.mac) % size;
  let used: number | undefined;
  for (let i = 0; i < size; i += 1) {
    const address = range.first + ((start + i) % size);
    if (index.hostByReservedAddress.has(address) || refuseAddress(index, leases, wish, address) !== undefined) continue;
    if (leases.lease(address) === undefined) return address;
    used ??= address;
    if (i >= UNUSED_ADDRESS_PROBES) return used;
  }
  return used;
}

/** In order: its reservation, the address it has or had, the one it asks for, then a place in the pools found by its MAC. */
export function chooseAddress(index: ModelIndex, leases: LeaseView, wish: AddressWish): AddressChoice {
  const allowed = (address: number | undefined): address is number =>
    address !== undefined &&
    addressInRange(address, { first: wish.subnet.cidr.network, last: wish.subnet.cidr.broadcast }) &&
    refuseAddress(index, leases, wish, address) === undefined;
  const reserved = index.reservedAddressByMac.get(wish.mac);
  if (allowed(reserved)) return { address: reserved };
  const reservedHere =
    reserved !== undefined && addressInRange(reserved, { first: wish.subnet.cidr.network, last: wish.subnet.cidr.broadcast });
  const blocker = reservedHere ? (leases.lease(reserved)?.mac ?? leases.offeredTo(reserved, wish.nowMs)) : undefined;
  const found = (address: number): AddressChoice => (blocker === undefined ? { address } : { address, reservationBlockedBy: blocker });
  const ranges = poolsFor(wish);
  const inPool = (address: number | undefined) => allowed(address) && ranges.some((r) => addressInRange(address, r));
  const own = leases.addressOfClient(wish.subnet.subnet.id, wish.mac);
  if (inPool(own)) return found(own!);
  if (ranges.length === 0) return { reason: 'no-pool' };
  if (inPool(wish.requested)) return found(wish.requested!);
  for (const range of ranges) {
    if (leases.isExhausted(range.first, wish.nowMs)) continue;
    const address = searchRange(index, leases, wish, range);
    if (address !== undefined) return found(address);
  }
  return { reason: 'pool-exhausted', searched: ranges.map((range) => range.first) };
}
