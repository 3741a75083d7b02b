import type { LeaseRecord } from '../boot-model.ts';

interface Pending {
  readonly record: LeaseRecord;
  /** On this server's disk: only then it is told. */
  isDurable: boolean;
}

/** Records in flight to one server: what a restart of it loses is told again. */
const IN_FLIGHT_MAX = 1000;

/**
 * What one other server of a network does not know yet: the newest record of each address, from the moment it is decided until the other
 * has it on its disk. Its size is bounded by the network's pools.
 */
export class PeerOutbox {
  readonly #pending = new Map<string, Pending>();
  /** Addresses that are to be told, and those that were and are not accepted yet. */
  readonly #waiting = new Set<string>();
  readonly #inFlight = new Set<string>();
  /** The newest record of each address that was accepted from the other. */
  readonly #heard = new Map<string, number>();

  get size(): number {
    return this.#pending.size;
  }

  has(ipAddress: string): boolean {
    return this.#pending.has(ipAddress);
  }

  /** It is told again what was accepted before, and may have been overtaken here in full knowledge of it. */
  hasHeard({ ipAddress, sequence }: LeaseRecord): boolean {
    return (this.#heard.get(ipAddress) ?? -1) >= sequence;
  }

  hear({ ipAddress, sequence }: LeaseRecord): void {
    this.#heard.set(ipAddress, sequence);
  }

  unhear({ ipAddress }: LeaseRecord): void {
    this.#heard.delete(ipAddress);
  }

  note(record: LeaseRecord, isDurable: boolean): void {
    this.#pending.set(record.ipAddress, { record, isDurable });
    this.#inFlight.delete(record.ipAddress);
    if (isDurable) this.#waiting.add(record.ipAddress);
    else this.#waiting.delete(record.ipAddress);
  }

  /** It is on the disk. Without effect when another record has taken its place. */
  release(record: LeaseRecord): void {
    const pending = this.#pending.get(record.ipAddress);
    if (pending?.record !== record) return;
    pending.isDurable = true;
    this.#waiting.add(record.ipAddress);
  }

  drop(ipAddress: string): void {
    this.#pending.delete(ipAddress);
    this.#waiting.delete(ipAddress);
    this.#inFlight.delete(ipAddress);
  }

  accepted(ipAddress: string, sequence: number): void {
    if (this.#pending.get(ipAddress)?.record.sequence === sequence) this.drop(ipAddress);
  }

  /** What is told next; nothing while too much is in flight. */
  next(max: number): LeaseRecord[] {
    const room = Math.min(max, IN_FLIGHT_MAX - this.#inFlight.size);
    const told: LeaseRecord[] = [];
    for (const ipAddress of this.#waiting) {
      if (told.length >= room) break;
      told.push(this.#pending.get(ipAddress)!.record);
      this.#waiting.delete(ipAddress);
      this.#inFlight.add(ipAddress);
    }
    return told;
  }

  /** The way to the other broke, or it has not accepted for a while: everything is told again. */
  again(): void {
    for (const ipAddress of this.#inFlight) this.#waiting.add(ipAddress);
    this.#inFlight.clear();
  }
}
