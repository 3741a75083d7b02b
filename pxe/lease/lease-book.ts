import type { LeaseRecord } from '../boot-model.ts';
import type { LeaseForwarder } from './lease-forwarder.ts';
import type { LeaseJournal } from './lease-journal.ts';
import { ipv4ToNumber } from '../../core/base/ipv4-address.ts';
import { hasEnded, LeaseSharing } from '../sharing/lease-sharing.ts';
import { isOneRecord, mergeLease } from '../sharing/lease-merge-policy.ts';
import { LeaseTable } from './lease-table.ts';

export interface LeaseGroup {
  add(drafts: readonly Omit<LeaseRecord, 'sequence'>[]): void;
  /** Rejects, with the table as it was before, when the leases cannot be made durable. */
  commit(): Promise<void>;
}

/** The one writer of leases: memory at once, so that nobody else gets the address; then the disk; then other boot servers and the control plane. */
export class LeaseBook {
  readonly sharing = new LeaseSharing(() => this.records());
  readonly table = new LeaseTable(ipv4ToNumber, this.sharing);
  readonly table6 = new LeaseTable<string>((text) => text, this.sharing);
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
    const put: { record: LeaseRecord; previous: LeaseRecord | undefined }[] = [];
    return {
      add: (drafts) => {
        for (const draft of drafts) {
          this.#sequence += 1;
          const record = { ...draft, sequence: this.#sequence };
          put.push({ record, previous: this.#tableOf(record).put(record) });
          this.sharing.decided(record);
        }
      },
      commit: async () => {
        if (put.length === 0) return;
        const records = put.map(({ record }) => record);
        try {
          await this.#journal.append(records);
        } catch (cause) {
          for (const { record, previous } of put.toReversed())
            if (this.#tableOf(record).revert(record, previous)) this.sharing.undone(record, previous);
          throw cause;
        }
        this.sharing.durable(records);
        this.#forwarder.add(records);
      },
    };
  }

  /**
   * Takes in what another server told, or the rows of the control plane when no `peer` is given. Resolves with the records that are accepted
   * and on the disk; rejects when they cannot be made durable.
   */
  async merge(theirs: readonly LeaseRecord[], nowMs: number, peer?: string): Promise<readonly LeaseRecord[]> {
    const taken: LeaseRecord[] = [];
    const accepted: LeaseRecord[] = [];
    const before: (LeaseRecord | undefined)[] = [];
    const adopted = this.group();
    for (const record of theirs) {
      const table = this.#tableOf(record);
      const mine = table.record(record.ipAddress);
      const outbox = peer === undefined ? undefined : this.sharing.network(record.subnetId)?.outboxes.get(peer);
      const isKnown = outbox?.hasHeard(record) === true && mine !== undefined && !isOneRecord(mine, record);
      const merge = isKnown ? 'ignore' : mergeLease(mine, record, outbox?.has(record.ipAddress) ?? false, nowMs);
      if (merge === 'object') continue;
      accepted.push(record);
      outbox?.hear(record);
      this.#sequence = Math.max(this.#sequence, record.sequence);
      if (merge === 'adopt') adopted.add([record]);
      if (merge !== 'take') continue;
      table.put(record);
      taken.push(record);
      before.push(mine);
      // An older word of ours may be on its way to it, and a third server may still believe in the lease that ended here.
      if (outbox?.has(record.ipAddress) === true) outbox.note(record, false);
      if (peer === undefined || hasEnded(record)) this.sharing.decided(record, peer);
    }
    try {
      // Also when nothing is new: what was accepted a moment ago may still be on its way to the disk.
      if (accepted.length > 0) await Promise.all([this.#journal.append(taken), adopted.commit()]);
      this.sharing.durable(taken);
    } catch (cause) {
      taken.forEach((record, at) => this.#tableOf(record).revert(record, before[at]));
      if (peer !== undefined) for (const record of accepted) this.sharing.network(record.subnetId)?.outboxes.get(peer)?.unhear(record);
      throw cause;
    }
    return accepted;
  }

  /** Resolves when the leases are durable. Rejects, with the table as it was before, when they cannot be made so. */
  async write(drafts: readonly Omit<LeaseRecord, 'sequence'>[]): Promise<void> {
    const group = this.group();
    group.add(drafts);
    await group.commit();
  }

  /** Marks what ran out and is ours to end, in memory and, without hurry, everywhere else. Answers how many. */
  async expire(nowMs: number): Promise<number> {
    const all = [...this.table.takeExpired(nowMs), ...this.table6.takeExpired(nowMs)];
    const expired = all.filter((lease) => this.sharing.maySayEnded(lease));
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
