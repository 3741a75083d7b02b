/**
 * What one boot server may give on a network that several serve, as the control plane shares it out. Addresses fall into `SLOTS` slots by
 * their number; a slot is one server's or nobody's. Servers are named by their IPv4 address on the network.
 */
export interface NetworkShare {
  readonly subnetId: string;
  /** Rises with every change of `members` or `slots`. */
  readonly epoch: number;
  readonly self: string;
  /** All servers of the network, this one too; in order. */
  readonly members: readonly string[];
  /** Whose each slot is; null while it is handed over. */
  readonly slots: readonly (string | null)[];
  /**
   * Unix milliseconds: from then on no addresses but reserved ones are given, since the control plane may have given the slots away.
   * Absent for the only server of a network.
   */
  readonly validUntilMs?: number;
}

/** Divides by 2, 3, 4, 5 and 6, so that as many servers get equal parts. */
export const SLOTS = 60;

/** A day without the control plane, and two hours to bring it back. */
export const SHARE_VALID_MS = 26 * 60 * 60 * 1000;

/** Neighbouring addresses lie in different slots, so a part of a pool is as large for each server as its number of slots. */
export const slotOf = (address: number | bigint): number => Number(BigInt(address) % BigInt(SLOTS));
