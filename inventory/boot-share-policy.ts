import { SHARE_VALID_MS, SLOTS } from '../pxe/network-share.ts';

/* Which boot server may give which slots of a network's addresses, and when a slot passes from one to another. */

/** A server that has not reported for so long is silent: it reports three times in this time. */
export const BOOT_SERVER_SILENT_SECONDS = 30;

export interface ShareMember {
  readonly address: string;
  /** The newest epoch that it has on its disk and obeys. */
  readonly heldEpoch: number;
  /** Unix milliseconds of the database: when it last reported. */
  readonly seenMs: number;
  /** It stops by itself when it has not reported for `SHARE_VALID_MS`; the only server of a network does not. */
  readonly isBounded: boolean;
  readonly leaseSeconds: number;
}

export interface Slot {
  readonly owner: string | null;
  /** Whose it becomes once its owner holds epoch `since`, and with it knows that it is no more its own. */
  readonly next?: string;
  readonly since?: number;
}

export interface SlotBook {
  readonly epoch: number;
  readonly slots: readonly Slot[];
}

export const EMPTY_SLOTS: SlotBook = { epoch: 0, slots: Array.from({ length: SLOTS }, () => ({ owner: null })) };

/** Clocks run apart by far less in a day. */
const CLOCK_MARGIN_MS = 10 * 60 * 1000;

/** Has stopped by itself, and the last lease that it can have given is over. */
export const isGone = (member: ShareMember, leaseSecondsMax: number, nowMs: number): boolean =>
  member.isBounded && nowMs - member.seenMs > SHARE_VALID_MS + leaseSecondsMax * 1000 + CLOCK_MARGIN_MS;

/** Whose each slot is now; null while it passes on. */
export const shownSlots = ({ slots }: SlotBook): (string | null)[] => slots.map(({ owner, next }) => (next === undefined ? owner : null));

/** What has been let go passes on; then whoever has too many slots is to let some go. The same book when nothing changes. */
export function shareSlots(book: SlotBook, members: readonly ShareMember[]): SlotBook {
  const epoch = book.epoch + 1;
  const held = new Map(members.map(({ address, heldEpoch }) => [address, heldEpoch]));
  const settled = book.slots.map((slot): Slot => {
    const owner = slot.owner !== null && held.has(slot.owner) ? slot.owner : null;
    const next = slot.next !== undefined && held.has(slot.next) ? slot.next : undefined;
    if (next === undefined) return owner === slot.owner && slot.next === undefined ? slot : { owner };
    if (owner === null || held.get(owner)! >= slot.since!) return { owner: next };
    return slot;
  });
  const slots = level(settled, members.map(({ address }) => address).toSorted(), epoch);
  return slots.every((slot, at) => slot === book.slots[at]) ? book : { epoch, slots };
}

/** Moves as few as it takes until the numbers differ by one at most. */
function level(slots: readonly Slot[], members: readonly string[], epoch: number): Slot[] {
  const levelled = [...slots];
  if (members.length === 0) return levelled;
  const willBe = ({ owner, next }: Slot) => next ?? owner;
  const counts = new Map(members.map((member) => [member, 0]));
  for (const slot of slots) {
    const member = willBe(slot);
    if (member !== null) counts.set(member, counts.get(member)! + 1);
  }
  const poorest = () => members.reduce((least, member) => (counts.get(member)! < counts.get(least)! ? member : least));
  const give = (at: number, slot: Slot, to: string) => {
    levelled[at] = slot;
    counts.set(to, counts.get(to)! + 1);
  };
  slots.forEach((slot, at) => {
    const to = poorest();
    if (willBe(slot) === null) give(at, { owner: to }, to);
  });
  for (const [at, slot] of slots.entries()) {
    const to = poorest();
    if (slot.owner === null || slot.next !== undefined || counts.get(slot.owner)! - counts.get(to)! < 2) continue;
    counts.set(slot.owner, counts.get(slot.owner)! - 1);
    give(at, { owner: slot.owner, next: to, since: epoch }, to);
  }
  return levelled;
}
