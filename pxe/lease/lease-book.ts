import type { LeaseRecord } from '../boot-model.ts';
import type { LeaseForwarder } from './lease-forwarder.ts';
import type { LeaseJournal } from './lease-journal.ts';
import { ipv4ToNumber } from '../../core/base/ipv4-address.ts';
import { LeaseTable } from './lease-table.ts';

export interface LeaseGroup {
  add(drafts: readonly Omit<LeaseRecord, 'sequence'>[]): void;
  /** Rejects, with the table as it was before, when the leases cannot be made durable. */
  commit(): Promise<void>;
}

/** The one writer of leases: memory at once, so that nobody else gets the address; then the disk; then the control plane. */
export class LeaseBook {
  readonly table = new LeaseTable(ipv4ToNumber);
  readonly table6 = new LeaseTable<string>((text) => text);
  readonly #journal: LeaseJournal;
  readonly #forwarder: LeaseForwarder;
  #sequence: number;

  /** @param leases what earlier processes left */
  constructor(leases: readonly LeaseRecord[], journal: LeaseJournal, forwarder: LeaseForwarder, lastSequence: number) {
    for (const lease of leases.toSorted((a, b) => a.sequence - b.sequence)) this.#tableOf(lease).put(lease);
    this.#journal = journal;
    this.#forwarder = forwarder;
    this.#sequence = lastSequence;
  }

  /** Who holds an address of either family now. */
  clientAt(ipAddress: string, nowMs: number): LeaseRecord | undefined {
    return this.#tableOf({ ipAddress }).clientAt(ipAddress, nowMs);
  }

  records(): LeaseRecord[] {
    return [...this.table.records(), ...this.table6.records()];
  }

  /** Leases that become durable together: in memory with `add`, on disk when `commit` resolves. */
  group(): LeaseGroup {
    const undo: (() => void)[] = [];
    const records: LeaseRecord[] = [];
    return {
      add: (drafts) => {
        for (const draft of drafts) {
          this.#sequence += 1;
          const record = { ...draft, sequence: this.#sequence };
          const table = this.#tableOf(record);
          const previous = table.put(record);
          records.push(record);
          undo.push(() => table.revert(record, previous));
        }
      },
      commit: async () => {
        try {
          await this.#journal.append(records);
        } catch (cause) {
          for (const one of undo.toReversed()) one();
          throw cause;
        }
        this.#forwarder.add(records);
      },
    };
  }

  /** Resolves when the leases are durable. Rejects, with the table as it was before, when they cannot be made so. */
  async write(drafts: readonly Omit<LeaseRecord, 'sequence'>[]): Promise<void> {
    const group = this.group();
    group.add(drafts);
    await group.commit();
  }

  /** Marks what ran out, in memory and, without hurry, everywhere else. Answers how many. */
  async expire(nowMs: number): Promise<number> {
    const expired = [...this.table.takeExpired(nowMs), ...this.table6.takeExpired(nowMs)];
    if (expired.length > 0) await this.write(expired.map((lease) => ({ ...lease, state: 'expired' as const })));
    return expired.length;
  }

  #tableOf({ ipAddress }: Pick<LeaseRecord, 'ipAddress'>): LeaseTable | LeaseTable<string> {
    return ipAddress.includes(':') ? this.table6 : this.table;
  }
}

/** A journal that was lost must not start below the one before it, or its records would look old: time is always above. */
export const firstSequence = (leases: readonly LeaseRecord[], storedThrough: number, nowMs: number): number =>
  leases.reduce((highest, lease) => Math.max(highest, lease.sequence), Math.max(storedThrough, nowMs * 1000));
