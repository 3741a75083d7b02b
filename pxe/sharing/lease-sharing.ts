import type { MacAddress } from '../../core/base/mac-address.ts';
import { parseIp } from '../../core/base/ip-address.ts';
import { ipv4FromNumber } from '../../core/base/ipv4-address.ts';
import type { LeaseRecord } from '../boot-model.ts';
import { type NetworkShare, slotOf } from '../network-share.ts';
import { PeerOutbox } from './peer-outbox.ts';

/** One network of this server and what its other servers do not know yet. */
export interface SharedNetwork {
  readonly share: NetworkShare;
  readonly outboxes: ReadonlyMap<string, PeerOutbox>;
}

type Holding = Pick<LeaseRecord, 'mac' | 'state' | 'expiresAtMs'> | undefined;

export const hasEnded = ({ state }: { readonly state: LeaseRecord['state'] }): boolean => state === 'expired' || state === 'released';

/**
 * Which addresses this server may give, and who has to hear of them. No address is two clients' because one server alone may give it to
 * somebody new, and that only after all others have accepted that its last lease ended; whoever knows a lease may make it longer.
 */
export class LeaseSharing {
  readonly #networks = new Map<string, SharedNetwork>();
  readonly #records: () => readonly LeaseRecord[];
  #push: () => void = () => {};
  /** False: nobody shares anything out, and this server may give all. */
  #isShared = false;

  /** @param records all that this server knows: what a new server is told */
  constructor(records: () => readonly LeaseRecord[]) {
    this.#records = records;
  }

  /** Called whenever there is more to tell. */
  onDurable(push: () => void): void {
    this.#push = push;
  }

  network(subnetId: string): SharedNetwork | undefined {
    return this.#networks.get(subnetId);
  }

  networks(): readonly SharedNetwork[] {
    return [...this.#networks.values()];
  }

  /** An older share never replaces a newer one. */
  setShares(shares: readonly NetworkShare[]): void {
    this.#isShared = true;
    const named = new Set(shares.map(({ subnetId }) => subnetId));
    for (const subnetId of this.#networks.keys()) if (!named.has(subnetId)) this.#networks.delete(subnetId);
    for (const share of shares) {
      const before = this.#networks.get(share.subnetId);
      if (before !== undefined && before.share.epoch > share.epoch) continue;
      const others = share.members.filter((member) => member !== share.self);
      const outboxes = new Map(others.map((peer) => [peer, before?.outboxes.get(peer) ?? this.#fullOutbox(share.subnetId)]));
      this.#networks.set(share.subnetId, { share, outboxes });
    }
  }

  #fullOutbox(subnetId: string): PeerOutbox {
    const outbox = new PeerOutbox();
    for (const record of this.#records()) if (record.subnetId === subnetId) outbox.note(record, true);
    return outbox;
  }

  /** Tells a server everything: it came back without its memory. */
  tellAll(subnetId: string, peer: string): void {
    const outbox = this.#networks.get(subnetId)?.outboxes.get(peer);
    if (outbox === undefined) return;
    for (const record of this.#records()) if (record.subnetId === subnetId && !outbox.has(record.ipAddress)) outbox.note(record, true);
    outbox.again();
  }

  /** Why this server may not give an address that is not reserved for the client, in a sentence; undefined: it may. */
  refuse(subnetId: string, address: number | string, lease: Holding, mac: MacAddress, nowMs: number): string | undefined {
    const network = this.#networks.get(subnetId);
    if (network === undefined)
      return this.#isShared ? 'the control plane has not told yet which addresses this server may give' : undefined;
    const { share, outboxes } = network;
    if (share.validUntilMs !== undefined && nowMs >= share.validUntilMs)
      return 'the control plane has not renewed this server’s share of the addresses for more than a day';
    if (lease?.mac === mac && lease.state === 'bound' && lease.expiresAtMs > nowMs) return undefined;
    const owner = share.slots[slotOf(typeof address === 'number' ? address : parseIp(address)!.value)] ?? null;
    if (owner !== share.self)
      return owner === null ? 'the address is being handed over between boot servers' : `the address is boot server ${owner}’s to give`;
    if (lease === undefined || lease.mac === mac || outboxes.size === 0) return undefined;
    const text = typeof address === 'number' ? ipv4FromNumber(address) : address;
    const waitsFor = hasEnded(lease) ? [...outboxes].find(([, outbox]) => outbox.has(text))?.[0] : share.self;
    return waitsFor === undefined ? undefined : `boot server ${waitsFor} has not accepted yet that the last lease of the address ended`;
  }

  /** Whether this server says when a lease is over. */
  maySayEnded({ subnetId, ipAddress }: Pick<LeaseRecord, 'subnetId' | 'ipAddress'>): boolean {
    const share = this.#networks.get(subnetId)?.share;
    if (share === undefined) return !this.#isShared;
    return share.slots[slotOf(parseIp(ipAddress)!.value)] === share.self;
  }

  /** @param except a server that knows it already */
  decided(record: LeaseRecord, except?: string): void {
    for (const [peer, outbox] of this.#networks.get(record.subnetId)?.outboxes ?? []) if (peer !== except) outbox.note(record, false);
  }

  durable(records: readonly LeaseRecord[]): void {
    if (this.#networks.size === 0) return;
    for (const record of records) for (const outbox of this.#outboxesOf(record)) outbox.release(record);
    this.#push();
  }

  /** The record could not be made durable; what was before it may not have been told yet. */
  undone(record: LeaseRecord, previous: LeaseRecord | undefined): void {
    for (const outbox of this.#outboxesOf(record))
      if (previous === undefined) outbox.drop(record.ipAddress);
      else outbox.note(previous, true);
  }

  #outboxesOf({ subnetId }: LeaseRecord): Iterable<PeerOutbox> {
    return this.#networks.get(subnetId)?.outboxes.values() ?? [];
  }
}
