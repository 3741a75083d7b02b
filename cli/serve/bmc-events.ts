import type { BmcConnector } from '../../bmc/connect-bmc.ts';
import type { Logger } from '../../core/base/logger.ts';
import type { RecordEvent } from '../../core/base/machine-event.ts';
import type { Database } from '../../core/database/connect-database.ts';
import { startEventEndpoint } from './bmc-event-endpoint.ts';
import { leadEventWatch } from './bmc-event-watch.ts';
import { splitEndpoint, type Configuration } from './configuration.ts';
import type { Installation } from './installation.ts';
import type { PowerSync } from './power-sync.ts';

/** What BMCs tell by themselves: their streams, and what they post. Returns its counters. */
export async function startBmcEvents(options: {
  configuration: Configuration;
  installation: Installation;
  database: Database;
  bmcs: BmcConnector;
  sync: PowerSync;
  record: RecordEvent;
  logger: Logger;
  stops: (() => Promise<void>)[];
}): Promise<() => Record<string, number>> {
  const { configuration, installation, stops } = options;
  const { enabled, listen, public_url: publicUrl } = configuration.bmc_events;
  if (!enabled) return () => ({});
  const endpoint =
    listen === undefined
      ? undefined
      : await startEventEndpoint({
          listen: splitEndpoint(listen),
          publicUrl,
          secret: installation.bootSecret,
          tls: installation.agentTls,
          onEvents: (nodeId, events) => watch.accept(nodeId, events),
        });
  if (endpoint !== undefined) stops.push(() => endpoint.close());
  const watch = leadEventWatch({ ...options, sealer: installation.sealer, endpoint });
  stops.push(() => watch.stop());
  return () => ({ ...watch.metrics(), ...endpoint?.metrics() });
}
