import type { Kysely } from 'kysely';
import type { DatabaseSchema } from '../../database/schema-types.ts';
import type { LeasedFlow } from './flow-row.ts';
import { releaseLeases } from './flow-store.ts';

/** Leases that could not be given up, as the database was away: nobody waits for their end once it is back. */
export interface KeptLeases {
  add(flow: LeasedFlow): void;
  giveUp(): void;
}

export function keepLeases(db: Kysely<DatabaseSchema>, owner: string): KeptLeases {
  let kept: LeasedFlow[] = [];
  return {
    add: (flow) => void kept.push(flow),
    giveUp() {
      const flows = kept;
      kept = [];
      releaseLeases(db, owner, flows, { after: 'database-lost' }).catch(() => void kept.push(...flows));
    },
  };
}
