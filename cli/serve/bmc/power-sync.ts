import { BmcError, type PowerState } from '../../../bmc/capability.ts';
import type { BmcConnector } from '../../../bmc/connect-bmc.ts';
import type { Logger } from '../../../core/base/logger.ts';
import type { JsonObject } from '../../../core/base/json.ts';
import { sentences } from '../../../core/base/sentences.ts';
import type { Database } from '../../../core/database/connect-database.ts';
import { bmcAddresses } from '../../../inventory/driver-info-codec.ts';
import { toldNodes } from '../../../inventory/power-source-service.ts';
import type { Sealer } from '../../../core/base/sealer-codec.ts';
import { FAKE_DRIVER } from '../../../inventory/driver-table.ts';
import { acceptPowerSighting, newsOf, type PowerSighting } from '../../../inventory/power-sync-service.ts';
import { sql } from 'kysely';

/** A BMC that restarts, or whose switch does, misses a reading or two; what a person has to mend is told at once. */
const SILENT_READINGS_MAX = 3;

/** A BMC that tells of its power itself is read this much less often. */
export const TOLD_INTERVALS = 10;

/** How long readings wait for others. */
const GATHER_MS = 100;

export interface PowerSync {
  /** The BMC said so itself. */
  told(id: string, state: PowerState): void;
  /** Something may have changed: a reading soon. */
  wake(id: string): void;
  /** From now on it tells when its power changes, or does so no more. */
  tells(id: string, isTelling: boolean): void;
  /** Counters: readings, those that failed, what was news, what BMCs told by themselves. */
  metrics(): Record<'readings' | 'failed' | 'changes' | 'told', number>;
  stop(): Promise<void>;
}

/** Polling is the backup: flows, and BMCs with events, report changes as they happen. The set of nodes is looked at again each round. */
export function startPowerSync(options: {
  database: Database;
  bmcs: BmcConnector;
  sealer: Sealer;
  intervalMs: number;
  logger: Logger;
}): PowerSync {
  const { database, bmcs, sealer, intervalMs, logger } = options;
  const silentReadings = new Map<string, number>();
  const counters = { readings: 0, failed: 0, changes: 0, told: 0 };
  /** Whether this reading says something about the machine. */
  const isTelling = (id: string, state: PowerState | BmcError): boolean => {
    if (!(state instanceof BmcError)) return silentReadings.delete(id) || true;
    const count = (silentReadings.get(id) ?? 0) + 1;
    silentReadings.set(id, count);
    return !state.retryable || count >= SILENT_READINGS_MAX;
  };
  /** Known from the table: another process may be the one that listens. */
  let telling = new Set<string>();
  const intervalOf = (id: string) => intervalMs * (telling.has(id) ? TOLD_INTERVALS : 1);
  let poll: ReturnType<BmcConnector['pollPower']> | undefined;
  let polled = '';
  let known: ReadonlySet<string> = new Set();
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
    if (isTelling(id, state)) store(id, state);
  };
  const store = (id: string, state: PowerState | BmcError) => {
    waiting.set(id, state instanceof BmcError ? { error: sentences(state.message, state.advice) } : { state });
    flushing ??= setTimeout(() => {
      flush().catch((error: unknown) =>
        logger.warn({ err: error }, 'power states could not be stored; the next readings bring them again'),
      );
    }, GATHER_MS);
  };
  const refresh = async () => {
    telling = await toldNodes(database.db);
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
    known = new Set(nodes.map(({ uuid }) => uuid));
    const targets = nodes.map((node) => ({
      id: node.uuid,
      connection: bmcs.connect(bmcAddresses({ ...node, driver_info: node.driver_info as JsonObject }, sealer)),
    }));
    poll = targets.length === 0 ? undefined : bmcs.pollPower(targets, accept, { intervalMs, intervalOf });
  };
  const tick = () => refresh().catch((error: unknown) => logger.warn({ err: error }, 'the power poll could not be renewed'));
  const wake = (id: string) => {
    // A machine that came since the last look.
    if (!known.has(id)) void tick().then(() => poll?.wake(id));
    else poll?.wake(id);
  };
  const timer = setInterval(tick, intervalMs);
  void tick();
  return {
    metrics: () => ({ ...counters }),
    told(id, state) {
      counters.told += 1;
      store(id, state);
    },
    wake,
    tells(id, isTelling) {
      if (isTelling) telling.add(id);
      // Its next reading may be far away.
      else if (telling.delete(id)) wake(id);
    },
    async stop() {
      clearInterval(timer);
      clearTimeout(flushing);
      poll?.stop();
    },
  };
}
