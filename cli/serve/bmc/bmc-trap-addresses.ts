import { lookup } from 'node:dns/promises';
import { sql } from 'kysely';
import type { Database } from '../../../core/database/connect-database.ts';
import { FAKE_DRIVER } from '../../../inventory/driver-table.ts';

/** The machines whose BMCs may send traps, and where those are. */
export const nodesWithIpmi = (database: Database) =>
  database.db
    .selectFrom('node')
    .select(['uuid', 'driver', 'driver_info', 'driver_secrets'])
    .where('provision_state', 'not in', ['enroll', 'verifying'])
    .where('driver', '<>', FAKE_DRIVER)
    .where(sql<boolean>`driver_info ? 'ipmi_address'`)
    .orderBy('created_at')
    .execute();

/** A name service that is away for a while does not make strangers of them: what was `known` stays. The first is the one that is asked. */
export const addressesOf = (host: string, known: readonly string[]): Promise<readonly string[]> =>
  lookup(host, { all: true }).then(
    (found) => found.map(({ address }) => address),
    () => known,
  );
