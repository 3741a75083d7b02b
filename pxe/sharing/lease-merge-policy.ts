import type { LeaseRecord } from '../boot-model.ts';

/**
 * What becomes of an address of which two servers tell different things. `take` theirs; `adopt` theirs under a sequence of ours, as
 * theirs is the lower; `ignore` theirs, ours is later; `object`: ours stands, and they must not believe that theirs was accepted.
 */
export type LeaseMerge = 'take' | 'adopt' | 'ignore' | 'object';

/** Two servers may come to one sequence by themselves. */
export const isOneRecord = (a: LeaseRecord, b: LeaseRecord): boolean =>
  a.sequence === b.sequence && a.mac === b.mac && a.state === b.state && a.expiresAtMs === b.expiresAtMs;

/**
 * @param isUntold the other server does not know our record yet, so theirs was not made in knowledge of it
 *
 * An address goes to another client only after every server has accepted the end of its lease. So a lease that the client still has
 * by this server's clock, or that this server gave without the other's knowledge, outlives the other's word that it ended.
 */
export function mergeLease(mine: LeaseRecord | undefined, theirs: LeaseRecord, isUntold: boolean, nowMs: number): LeaseMerge {
  if (mine === undefined || isOneRecord(mine, theirs)) return 'take';
  const isSame = mine.mac === theirs.mac;
  const isMine = mine.state === 'bound' && mine.expiresAtMs > nowMs;
  // By its giver's clock it may not be over yet.
  const isTheirs = theirs.state === 'bound';
  if (isSame && isMine && !isTheirs && theirs.state !== 'declined' && (isUntold || theirs.state === 'expired')) return 'object';
  // It went on to another client, so all have accepted the end of what they tell.
  if (!isSame && isMine && !(isTheirs && theirs.expiresAtMs > nowMs)) return 'ignore';
  const isLater = theirs.sequence > mine.sequence;
  const wins =
    isSame && isMine && isTheirs
      ? theirs.expiresAtMs >= mine.expiresAtMs
      : isLater || (isSame && isTheirs && isUntold && mine.state !== 'declined');
  if (!wins) return 'ignore';
  return isLater ? 'take' : 'adopt';
}
