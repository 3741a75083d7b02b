import { hostname } from 'node:os';
import { BmcError } from '../../../bmc/capability.ts';
import type { BmcConnector } from '../../../bmc/connect-bmc.ts';
import { systemClock } from '../../../core/base/clock.ts';
import type { JsonObject } from '../../../core/base/json.ts';
import type { Logger } from '../../../core/base/logger.ts';
import type { Sealer } from '../../../core/base/sealer-codec.ts';
import type { Database } from '../../../core/database/connect-database.ts';
import { bmcAddresses } from '../../../inventory/driver-info-codec.ts';

/*
 * BMCs that were told to send traps here are told to stop when the configuration of this host no longer wants it, or when the node is gone. The way to each is
 * remembered for that.
 */
const RETRY_MS = 5 * 60_000;
/** A BMC that was taken out of its rack never answers. */
const GIVE_UP_MS = 7 * 24 * 3_600_000;

interface Deps {
  readonly database: Database;
  readonly bmcs: BmcConnector;
  readonly sealer: Sealer;
  readonly logger: Logger;
}
type Way = { readonly uuid: string; readonly driver: string; readonly driver_info: unknown; readonly driver_secrets: string | null };

export async function rememberEnrolment({ db }: Database, node: Way, receiver: string): Promise<void> {
  const way = {
    driver: node.driver,
    driver_info: JSON.stringify(node.driver_info),
    driver_secrets: node.driver_secrets,
    owner: hostname(),
  };
  await db
    .insertInto('trap_enrolment')
    .values({ node_uuid: node.uuid, receiver, ...way })
    .onConflict((conflict) => conflict.columns(['node_uuid', 'receiver']).doUpdateSet(way))
    .execute();
}

/** Whether this host has anything to take back. */
export const hasEnrolments = async ({ db }: Database): Promise<boolean> =>
  (await db.selectFrom('trap_enrolment').select('receiver').where('owner', '=', hostname()).limit(1).executeTakeFirst()) !== undefined;

const enrolments = ({ db }: Database) =>
  db
    .selectFrom('trap_enrolment')
    .leftJoin('node', 'node.uuid', 'trap_enrolment.node_uuid')
    .selectAll('trap_enrolment')
    .select('node.uuid as present')
    .execute();
type Enrolment = Awaited<ReturnType<typeof enrolments>>[number];

export function createTrapWithdrawal(deps: Deps) {
  const { database, bmcs, sealer, logger } = deps;
  const retryAt = new Map<string, { atMs: number; sinceMs: number }>();
  const keyOf = (row: Enrolment) => `${row.node_uuid} ${row.receiver}`;
  const forget = async (row: Enrolment) => {
    retryAt.delete(keyOf(row));
    await database.db.deleteFrom('trap_enrolment').where('node_uuid', '=', row.node_uuid).where('receiver', '=', row.receiver).execute();
  };
  const withdraw = async (row: Enrolment, signal: AbortSignal) => {
    const address = bmcAddresses({ ...row, driver_info: row.driver_info as JsonObject }, sealer).find(
      ({ protocol }) => protocol === 'ipmi',
    );
    if (address === undefined) return forget(row);
    const bmc = bmcs.connect([address]);
    try {
      await bmc.withdrawTraps(row.receiver, signal);
      logger.info({ bmc: address.host, receiver: row.receiver }, 'the BMC sends no traps there any more');
      await forget(row);
    } catch (error) {
      if (signal.aborted) return;
      const sinceMs = retryAt.get(keyOf(row))?.sinceMs ?? systemClock.nowMs();
      // Whoever changed the password of a BMC whose node is gone has it now.
      const isHopeless = row.present === null && error instanceof BmcError && (error.code === 'auth' || error.code === 'unsupported');
      if (isHopeless || systemClock.nowMs() - sinceMs > GIVE_UP_MS) {
        logger.warn({ err: error, bmc: address.host, receiver: row.receiver }, 'the BMC could not be told to send no traps there any more');
        return forget(row);
      }
      retryAt.set(keyOf(row), { atMs: systemClock.nowMs() + RETRY_MS, sinceMs });
    } finally {
      await bmc.close();
    }
  };
  /** `wantedOf`: whom the BMC of a node that is there shall tell; undefined: nobody; `unknown`: not to be said now. `isHeld`: another node has this BMC. */
  return async (
    wantedOf: (nodeId: string) => string | undefined | 'unknown',
    isHeld: (host: string) => boolean,
    signal: () => AbortSignal,
  ): Promise<void> => {
    for (const row of await enrolments(database)) {
      const host = String((row.driver_info as JsonObject)['ipmi_address'] ?? '');
      const isGone = row.present === null;
      const wanted = isGone ? undefined : wantedOf(row.node_uuid);
      const isDue = isGone || (row.owner === hostname() && wanted !== 'unknown' && wanted !== row.receiver);
      if (!isDue || (retryAt.get(keyOf(row))?.atMs ?? 0) > systemClock.nowMs()) continue;
      if (isGone && isHeld(host)) await forget(row);
      else await withdraw(row, signal());
    }
  };
}
