import type { Logger } from '../../../core/base/logger.ts';
import type { RecordEvent } from '../../../core/base/machine-event.ts';
import type { Database } from '../../../core/database/connect-database.ts';
import { writeSwitches } from '../../../flows/switch-port-service.ts';
import type { Configuration } from '../configuration.ts';
import { readSwitches } from './switch-configuration.ts';
import { startSwitchReconciler, type SwitchReconciler } from './switch-reconciler.ts';

/** The switches of machines: of all processes that are told of them, one at a time makes them as they shall be. */
export interface SwitchRole {
  metrics(): Record<string, number>;
  /** What switches wait for; empty in processes that do not carry them out. */
  waiting(): readonly { readonly what: string; readonly since: string }[];
}

export async function startSwitchRole(options: {
  readonly configuration: Configuration;
  readonly database: Database;
  readonly record: RecordEvent;
  readonly logger: Logger;
  readonly stops: (() => Promise<void>)[];
}): Promise<SwitchRole | undefined> {
  const { configuration, database, record, logger, stops } = options;
  const switches = await readSwitches(configuration.switches);
  // Also none: what an earlier configuration had is gone.
  await database.db.transaction().execute((trx) =>
    writeSwitches(
      trx,
      switches.map(({ access, ...one }) => ({ ...one, driver: access.driver })),
    ),
  );
  if (switches.length === 0) return undefined;
  let reconcilers: readonly SwitchReconciler[] = [];
  const lead = database.lead('switches', () => {
    logger.info({ switches: switches.map(({ name }) => name) }, 'this process makes switches as they shall be');
    const mine = switches.map((settings) => startSwitchReconciler({ database, settings, record, logger }));
    reconcilers = mine;
    return async () => {
      reconcilers = [];
      await Promise.all(mine.map((each) => each.stop()));
    };
  });
  stops.push(() => lead.stop());
  return {
    metrics() {
      const all = reconcilers.map((each) => each.status());
      const sum = (of: (status: (typeof all)[number]) => number) => all.reduce((total, one) => total + of(one), 0);
      return {
        leading: all.length > 0 ? 1 : 0,
        looks: sum(({ looks }) => looks),
        changes: sum(({ changes }) => changes),
        failures: sum(({ failures }) => failures),
        waiting: sum(({ waitingFor }) => (waitingFor === null ? 0 : 1)),
      };
    },
    waiting: () =>
      reconcilers
        .map((each) => each.status())
        .flatMap(({ name, waitingFor, waitingSinceMs }) =>
          waitingFor === null ? [] : [{ what: `the switch ${name}: ${waitingFor}`, since: new Date(waitingSinceMs!).toISOString() }],
        ),
  };
}
