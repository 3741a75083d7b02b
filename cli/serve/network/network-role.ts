import type { Logger } from '../../../core/base/logger.ts';
import type { Database, DatabasePlace } from '../../../core/database/connect-database.ts';
import type { Configuration } from '../configuration.ts';
import type { Reconciler } from './network-reconciler.ts';
import { startReconcilerThread } from './network-thread.ts';
import { ovnPlaces } from './ovn-places.ts';

/** OVN behind the Network API: of all processes that are told where OVN is, one at a time carries networks out. */
export interface NetworkRole {
  metrics(): Record<string, number>;
  /** What networks wait for; empty in processes that do not carry them out. */
  waiting(): readonly { readonly what: string; readonly since: string }[];
}

export async function startNetworkRole(options: {
  readonly configuration: Configuration;
  readonly database: Database;
  readonly place: DatabasePlace;
  readonly logger: Logger;
  readonly stops: (() => Promise<void>)[];
}): Promise<NetworkRole | undefined> {
  const { database, logger, stops } = options;
  const places = await ovnPlaces(options.configuration);
  if (places === undefined) return undefined;
  const hasMetadata = options.configuration.metadata.listen !== undefined;
  let reconciler: Reconciler | undefined;
  const lead = database.lead('network', () => {
    logger.info({}, 'this process carries networks out');
    const mine = startReconcilerThread({ place: options.place, ...places, hasMetadata, logger });
    reconciler = mine;
    return async () => {
      reconciler = undefined;
      await mine.stop();
    };
  });
  stops.push(() => lead.stop());
  return {
    metrics() {
      const status = reconciler?.status();
      if (status === undefined) return { leading: 0 };
      const { applied, operations, failures, lastMs, waitingSinceMs } = status;
      const waitingSeconds = waitingSinceMs === null ? 0 : (Date.now() - waitingSinceMs) / 1000;
      return { leading: 1, applied, operations, failures, lastMs, waitingSeconds };
    },
    waiting() {
      const { waitingFor, waitingSinceMs } = reconciler?.status() ?? { waitingFor: null, waitingSinceMs: null };
      return waitingFor === null ? [] : [{ what: waitingFor, since: new Date(waitingSinceMs!).toISOString() }];
    },
  };
}
