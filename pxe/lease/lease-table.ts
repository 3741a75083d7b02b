import type { MacAddress } from '../../core/base/mac-address.ts';
import type { LeaseRecord } from '../boot-model.ts';
import type { LeaseSharing } from '../sharing/lease-sharing.ts';

/** An address that was offered is kept for the client this long: the slowest firmware asks for it within some seconds. */
export const OFFER_HOLD_MS = 60_000;

/** An address that was found in use by something we do not see; an hour later that may have changed. */
export const QUARANTINE_MS = 60 * 60 * 1000;

/** A pool that was searched in vain is not searched again for this long: strangers' packets must not buy a walk through it each. */
const EXHAUSTED_MS = 1000;

/** How policies name an address: IPv4 as a number, IPv6 as its canonical text. */
export type AddressKey = number | string;

/** What policies may read of the leases of one family. */
export interface LeaseView<A extends AddressKey = number> {
  lease(address: A): LeaseRecord | undefined;
  /** The address that this client holds or held last on the subnet. */
  addressOfClient(subnetId: string, mac: MacAddress): A | undefined;
  /** Who the address is promised to in an offer that has not run out. */
  offeredTo(address: A, nowMs: number): MacAddress | undefined;
  /** How many addresses this client has declined that are still in quarantine. */
  declinesOf(mac: MacAddress, nowMs: number): number;
  /** Was the pool that starts at this address found full a moment ago? */
  isExhausted(firstAddress: A, nowMs: number): boolean;
  /** Why another boot server of the network alone may give this address to the client; undefined where we may. */
  leftToOther(subnetId: string, address: A, mac: MacAddress, nowMs: number): string | undefined;
}

export const isActive = (lease: LeaseRecord | undefined, nowMs: number): lease is LeaseRecord =>
  lease !== undefined && (lease.state === 'bound' || lease.state === 'declined') && lease.expiresAtMs > nowMs;

const clientKey = (subnetId: string, mac: MacAddress) => `${subnetId} ${mac}`;

/**
 * All leases of one family in memory, one record for each address: the size is bounded by the pools. Ended leases stay until somebody else
 * needs the address, so that a machine that comes back finds its old one. Offers live here only and are never written down.
 */
export class LeaseTable<A extends AddressKey = number> implements LeaseView<A> {
  readonly #keyOf: (ipAddress: string) => A | undefined;
  readonly #sharing: Pick<LeaseSharing, 'refuse'> | undefined;
  readonly #byAddress = new Map<A, LeaseRecord>();
  readonly #addressByClient = new Map<string, A>();
  /** Declined leases are few; kept apart so that counting them does not walk the table. */
  readonly #declined = new Map<A, LeaseRecord>();
  readonly #exhaustedUntilMs = new Map<A, number>();
  readonly #offers = new Map<A, { mac: MacAddress; untilMs: number }>();

  /** @param sharing absent: no other server gives addresses */
  constructor(keyOf: (ipAddress: string) => A | undefined, sharing?: Pick<LeaseSharing, 'refuse'>) {
    this.#keyOf = keyOf;
    this.#sharing = sharing;
  }

  leftToOther(subnetId: string, address: A, mac: MacAddress, nowMs: number): string | undefined {
    return this.#sharing?.refuse(subnetId, address, this.#byAddress.get(address), mac, nowMs);
  }

  record(ipAddress: string): LeaseRecord | undefined {
    const address = this.#keyOf(ipAddress);
    return address === undefined ? undefined : this.#byAddress.get(address);
  }

  lease(address: A): LeaseRecord | undefined {
    return this.#byAddress.get(address);
  }

  addressOfClient(subnetId: string, mac: MacAddress): A | undefined {
    return this.#addressByClient.get(clientKey(subnetId, mac));
  }

  offeredTo(address: A, nowMs: number): MacAddress | undefined {
    const offer = this.#offers.get(address);
    return offer && offer.untilMs > nowMs ? offer.mac : undefined;
  }

  declinesOf(mac: MacAddress, nowMs: number): number {
    let count = 0;
    for (const lease of this.#declined.values()) if (lease.mac === mac && lease.expiresAtMs > nowMs) count += 1;
    return count;
  }

  isExhausted(firstAddress: A, nowMs: number): boolean {
    return (this.#exhaustedUntilMs.get(firstAddress) ?? 0) > nowMs;
  }

  noteExhausted(firstAddresses: readonly A[], nowMs: number): void {
    for (const first of firstAddresses) if (!this.isExhausted(first, nowMs)) this.#exhaustedUntilMs.set(first, nowMs + EXHAUSTED_MS);
  }

  hold(address: A, mac: MacAddress, nowMs: number): void {
    this.#offers.set(address, { mac, untilMs: nowMs + OFFER_HOLD_MS });
  }

  dropOffer(address: A, mac: MacAddress): void {
    if (this.#offers.get(address)?.mac === mac) this.#offers.delete(address);
  }

  /** Puts a record in place and answers what it replaced. */
  put(record: LeaseRecord): LeaseRecord | undefined {
    const address = this.#keyOf(record.ipAddress)!;
    const previous = this.#byAddress.get(address);
    if (previous && previous.mac !== record.mac) this.#forgetClient(previous, address);
    this.#byAddress.set(address, record);
    if (record.state === 'declined') {
      this.#declined.set(address, record);
      this.#forgetClient(record, address);
    } else {
      this.#declined.delete(address);
      this.#addressByClient.set(clientKey(record.subnetId, record.mac), address);
    }
    this.dropOffer(address, record.mac);
    return previous;
  }

  /** Takes a record back that could not be made durable. False when a newer one took its place. */
  revert(record: LeaseRecord, previous: LeaseRecord | undefined): boolean {
    const address = this.#keyOf(record.ipAddress)!;
    if (this.#byAddress.get(address) !== record) return false;
    this.#forgetClient(record, address);
    this.#declined.delete(address);
    if (previous) this.put(previous);
    else this.#byAddress.delete(address);
    return true;
  }

  /** Bound leases and quarantines whose time is over. Also lets go of old offers. */
  takeExpired(nowMs: number): LeaseRecord[] {
    for (const [address, offer] of this.#offers) if (offer.untilMs <= nowMs) this.#offers.delete(address);
    const expired: LeaseRecord[] = [];
    for (const lease of this.#byAddress.values())
      if ((lease.state === 'bound' || lease.state === 'declined') && lease.expiresAtMs <= nowMs) expired.push(lease);
    return expired;
  }

  /** The MAC that holds an address now, for requests that name only an address. */
  clientAt(ipAddress: string, nowMs: number): LeaseRecord | undefined {
    const lease = this.record(ipAddress);
    return lease?.state === 'bound' && lease.expiresAtMs > nowMs ? lease : undefined;
  }

  records(): LeaseRecord[] {
    return [...this.#byAddress.values()];
  }

  get size(): number {
    return this.#byAddress.size;
  }

  #forgetClient(record: LeaseRecord, address: A): void {
    const key = clientKey(record.subnetId, record.mac);
    if (this.#addressByClient.get(key) === address) this.#addressByClient.delete(key);
  }
}
