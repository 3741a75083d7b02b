import { createHash } from 'node:crypto';
import type { Clock } from '../../core/base/clock.ts';
import { BmcError, type BmcAddress } from '../capability.ts';

/**
 * Stops a wrong password from locking a BMC's account for everyone: after two refusals of the same credentials none is
 * tried for a while. New credentials are tried at once.
 */
export interface LockoutGuard {
  /** Throws `lockout` while the credentials are on hold. */
  check(address: BmcAddress): void;
  failed(address: BmcAddress): void;
  succeeded(address: BmcAddress): void;
}

/** BMCs lock an account after 3 to 5 failures. */
export const AUTH_FAILURES_MAX = 2;
/** The usual lockout of a BMC is 5 minutes; ours is a little longer than theirs. */
export const LOCKOUT_MS = 6 * 60_000;
/** Remembered credentials; the oldest go first. */
const ENTRIES_MAX = 10_000;

export const credentialKey = (address: BmcAddress): string => {
  const digest = createHash('sha256').update(`${address.username}\0${address.password.reveal()}`).digest('base64url');
  return `${address.protocol}|${address.host}|${address.port ?? ''}|${digest}`;
};

export function createLockoutGuard(clock: Clock): LockoutGuard {
  const failures = new Map<string, { count: number; lastAtMs: number }>();
  return {
    check(address) {
      const entry = failures.get(credentialKey(address));
      if (!entry || entry.count < AUTH_FAILURES_MAX) return;
      const remainingMs = entry.lastAtMs + LOCKOUT_MS - clock.nowMs();
      if (remainingMs <= 0) return;
      throw new BmcError(
        'lockout',
        `${address.host}: user ${address.username} was refused ${entry.count} times; not tried again for ${Math.ceil(remainingMs / 1000)} s`,
        'Correct the user name or password of this BMC; new credentials are tried at once.',
      );
    },
    failed(address) {
      const key = credentialKey(address);
      const known = failures.get(key);
      const expired = known !== undefined && clock.nowMs() - known.lastAtMs >= LOCKOUT_MS;
      failures.delete(key);
      failures.set(key, { count: known && !expired ? known.count + 1 : 1, lastAtMs: clock.nowMs() });
      if (failures.size > ENTRIES_MAX) failures.delete(failures.keys().next().value!);
    },
    succeeded: (address) => void failures.delete(credentialKey(address)),
  };
}
