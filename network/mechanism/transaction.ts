import { sql } from 'kysely';
import { NETWORK_CHANGED } from '../network-state-record.ts';
import type { Trx } from '../resource.ts';
import type { Db } from './row-read.ts';

/** Deadlock and serialization failure: PostgreSQL rolled one of the two back, to be made again. */
const MADE_AGAIN = new Set(['40P01', '40001']);
/** Each round at least one of those that meet gets through. */
const ROUNDS_MAX = 20;

/** One transaction that changes networks, made again when it met another one. */
export async function inTransaction<T>(db: Db, work: (trx: Trx) => Promise<T>): Promise<T> {
  for (let round = 1; ; round += 1) {
    try {
      return await db.transaction().execute(async (trx) => {
        const result = await work(trx);
        await sql`select pg_notify(${NETWORK_CHANGED}, '')`.execute(trx);
        return result;
      });
    } catch (error) {
      if (round >= ROUNDS_MAX || !MADE_AGAIN.has((error as { code?: string }).code ?? '')) throw error;
    }
  }
}
