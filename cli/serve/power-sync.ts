import { BmcError, type PowerState } from '../../bmc/capability.ts';
import type { BmcConnector } from '../../bmc/connect-bmc.ts';
import type { Logger } from '../../core/base/logger.ts';
import type { JsonObject } from '../../core/base/json.ts';
import type { Database } from '../../core/database/connect-database.ts';
import { bmcAddresses } from '../../inventory/driver-info-codec.ts';
import type { Sealer } from '../../core/base/sealer-codec.ts';
import { FAKE_DRIVER } from '../../inventory/driver-table.ts';
import { acceptPowerSighting } from '../../inventory/power-sync-service.ts';
import { sql } from 'kysely';

/** Polling is the backup: flows and the boot plane report changes as they happen. The set of nodes is read again each round. */
export function startPowerSync(options: { database: Database; bmcs: BmcConnector; sealer: Sealer; intervalMs: number; logger: Logger }): {
  stop(): Promise<void>;
} {
  const { database, bmcs, sealer, intervalMs, logger } = options;
  let poll: ReturnType<BmcConnector['pollPower']> | undefined;
  const accept = (id: string, state: PowerState | BmcError) => {
    database.db
      .transaction()
      .execute((trx) => acceptPowerSighting(trx, id, state instanceof BmcError ? { error: `${state.message} ${state.advice}` } : { state }))
      .catch((error: unknown) => logger.warn({ err: error, node: id }, 'a power state could not be stored'));
  };
  const refresh = async () => {
    const nodes = await database.db
      .selectFrom('node')
      .selectAll()
      .where('provision_state', 'not in', ['enroll', 'verifying'])
      .where(sql<boolean>`driver_info <> '{}'`)
      .where('driver', '<>', FAKE_DRIVER)
      .execute();
    poll?.stop();
    const targets = nodes.map((node) => ({
      id: node.uuid,
      connection: bmcs.connect(bmcAddresses({ ...node, driver_info: node.driver_info as JsonObject }, sealer)),
    }));
    poll = targets.length === 0 ? undefined : bmcs.pollPower(targets, accept, { intervalMs });
  };
  const tick = () => refresh().catch((error: unknown) => logger.warn({ err: error }, 'the power poll could not be renewed'));
  const timer = setInterval(tick, intervalMs);
  void tick();
  return {
    async stop() {
      clearInterval(timer);
      poll?.stop();
    },
  };
}
