import { sql, type Transaction } from 'kysely';
import type { DatabaseSchema } from '../../database/schema-types.ts';

/**
 * Parking and signalling look at each other's table (is there an event? does somebody wait?). Without this lock, two
 * transactions could each look before the other commits, and the event would wait for its flow for ever.
 */
export const lockWaitKey = (trx: Transaction<DatabaseSchema>, waitKey: string) =>
  sql`select pg_advisory_xact_lock(hashtextextended(${waitKey}, 7051))`.execute(trx);
