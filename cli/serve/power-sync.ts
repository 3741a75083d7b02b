import { BmcError, type PowerState } from '../../bmc/capability.ts';
import type { BmcConnector } from '../../bmc/connect-bmc.ts';
import type { Logger } from '../../core/base/logger.ts';
import type { JsonObject } from '../../core/base/json.ts';
import type { Database } from '../../core/database/connect-database.ts';
import { bmcAddresses } from '../../inventory/driver-info-codec.ts';
import type { Sealer } from '../../core/base/sealer-codec.ts';
import { FAKE_DRIVER } from '../../inventory/driver-table.ts';
import { acceptPowerSighting, newsOf, type PowerSighting } from '../../inventory/power-sync-service.ts';
import { sql } from 'kysely';

/** A BMC that restarts, or whose switch does, misses a reading or two; what a person has to mend is told at once. */
const SILENT_READINGS_MAX = 3;

/** How long readings wait for others. */
const GATHER_MS = 100;

export interface PowerSync {
  /** Counters: readings, those that failed, those that were news. */
  metrics(): Record<'readings' | 'failed' | 'changes', number>;
  stop(): Promise<void>;
}

/** Polling is the backup: flows and the boot plane report changes as they happen. The set of nodes is looked at again each round. */
export function startPowerSync(options: {
  database: Database;
  bmcs: BmcConnector;
  sealer: Sealer;
  intervalMs: number;
  logger: Logger;
}): PowerSync {
  const { database, bmcs, sealer, intervalMs, logger } = options;
  const silentReadings = new Map<string, number>();
  const counters = { readings: 0, failed: 0, changes: 0 };
  /** Whether this reading says something about the machine. */
  const isTelling = (id: string, state: PowerState | BmcError): boolean => {
    if (!(state instanceof BmcError)) return silentReadings.delete(id) || true;
    const count = (silentReadings.get(id) ?? 0) + 1;
    silentReadings.set(id, count);
    return !state.retryable || count >= SILENT_READINGS_MAX;
  };
  let poll: ReturnType<BmcConnector['pollPower']> | undefined;
  let polled = '';
  let waiting = new Map<string, PowerSighting>();
  let flushing: NodeJS.Timeout | undefined;
  /** A fleet's readings come in crowds: one statement finds the few that are news. */
  const flush = async () => {
    const sightings = waiting;
    [waiting, flushing] = [new Map(), undefined];
    const news = await newsOf(database.db, sightings);
    counters.changes += news.length;
    for (const id of news) await database.db.transaction().execute((trx) => acceptPowerSighting(trx, id, sightings.get(id)!));
  };
  const accept = (id: string, state: PowerState | BmcError) => {
    counters.readings += 1;
    if (state instanceof BmcError) counters.failed += 1;
    if (!isTelling(id, state)) return;
    waiting.set(id, state instanceof BmcError ? { error: `${state.message} ${state.advice}` } : { state });
    flushing ??= setTimeout(() => {
      flush().catch((error: unknown) =>
        logger.warn({ err: error }, 'power states could not be stored; the next readings bring them again'),
      );
    }, GATHER_MS);
  };
  const refresh = async () => {
    const nodes = await database.db
      .selectFrom('node')
      .selectAll()
      .where('provision_state', 'not in', ['enroll', 'verifying'])
      .where(sql<boolean>`driver_info <> '{}'`)
      .where('driver', '<>', FAKE_DRIVER)
      .execute();
    // A reading of a silent BMC outlasts a short interval: it is left alone while the fleet is the same.
    const fleet = JSON.stringify(nodes.map(({ uuid, driver, driver_info, driver_secrets }) => [uuid, driver, driver_info, driver_secrets]));
    if (fleet === polled) return;
    polled = fleet;
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
    metrics: () => ({ ...counters }),
    async stop() {
      clearInterval(timer);
      clearTimeout(flushing);
      poll?.stop();
    },
  };
}
