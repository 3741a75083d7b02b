import { sql, type Kysely } from 'kysely';
import { absentOf } from '../../database/absent-of.ts';
import type { DatabaseSchema } from '../../database/schema-types.ts';

/*
 * Leases of engines that are gone are due at once, instead of when they run out: a control plane that was killed and
 * starts again goes on within two seconds. The lease stays the truth: an engine that was only cut off for a moment finds
 * its lease taken and changes nothing more.
 */

/** Two looks this far apart prove that an owner is gone: one that lost its connection comes back in a tenth of it. */
const ABSENT_FOR_MS = 1_500;

export interface AbsentOwners {
  /** Resolves to true when leases became due, and to false otherwise. */
  look(nowMs: number): Promise<boolean>;
  /** In how many milliseconds the next look can decide something; undefined: nobody is under suspicion. */
  nextLookInMs(nowMs: number): number | undefined;
}

export function watchAbsentOwners(db: Kysely<DatabaseSchema>, me: string): AbsentOwners {
  const absentSinceMs = new Map<string, number>();
  return {
    async look(nowMs) {
      const owners = await db
        .selectFrom('flow')
        .select('lease_owner')
        .distinct()
        .where('status', 'in', ['running', 'unwinding'])
        .where('lease_owner', 'is not', null)
        .where('lease_owner', '!=', me)
        .execute();
      const absent = new Set(
        await absentOf(
          db,
          owners.map(({ lease_owner }) => lease_owner!),
        ),
      );
      for (const owner of absentSinceMs.keys()) if (!absent.has(owner)) absentSinceMs.delete(owner);
      for (const owner of absent) if (!absentSinceMs.has(owner)) absentSinceMs.set(owner, nowMs);
      const gone = [...absentSinceMs].filter(([, sinceMs]) => nowMs - sinceMs >= ABSENT_FOR_MS).map(([owner]) => owner);
      if (gone.length === 0) return false;
      for (const owner of gone) absentSinceMs.delete(owner);
      await db
        .updateTable('flow')
        .set({ due_at: sql`least(due_at, now())` })
        .where('lease_owner', 'in', gone)
        .execute();
      return true;
    },
    nextLookInMs(nowMs) {
      if (absentSinceMs.size === 0) return undefined;
      return Math.max(0, Math.min(...absentSinceMs.values()) + ABSENT_FOR_MS - nowMs);
    },
  };
}
