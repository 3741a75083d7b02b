import { systemClock } from '../../../core/base/clock.ts';
import type { BmcConnector } from '../../../bmc/connect-bmc.ts';
import type { Logger } from '../../../core/base/logger.ts';
import type { RecordEvent } from '../../../core/base/machine-event.ts';
import { Secret } from '../../../core/base/secret.ts';
import type { Database } from '../../../core/database/connect-database.ts';
import { startEventEndpoint } from './bmc-event-endpoint.ts';
import { startTrapListener } from './bmc-trap-listener.ts';
import { leadTrapWatch } from './bmc-trap-watch.ts';
import { hasEnrolments } from './bmc-trap-withdrawal.ts';
import { leadEventWatch } from './bmc-event-watch.ts';
import { hostOf, receiverFor } from './trap-receiver-policy.ts';
import { splitEndpoint, type Configuration } from '../configuration.ts';
import type { Installation } from '../installation.ts';
import type { PowerSync } from './power-sync.ts';

interface Options {
  readonly configuration: Configuration;
  readonly installation: Installation;
  readonly database: Database;
  readonly bmcs: BmcConnector;
  readonly sync: PowerSync;
  readonly record: RecordEvent;
  readonly logger: Logger;
  readonly stops: (() => Promise<void>)[];
}

/** What BMCs tell by themselves: their streams, and what they post and their traps. Returns its counters. */
export async function startBmcEvents(options: Options): Promise<() => Record<string, number>> {
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
  const traps = await startTraps(options);
  return () => ({ ...watch.metrics(), ...endpoint?.metrics(), ...traps?.() });
}

/** Without `traps` only what an earlier configuration has set up is taken back. */
async function startTraps(options: Options): Promise<(() => Record<string, number>) | undefined> {
  const { traps } = options.configuration.bmc_events;
  if (traps === undefined && !(await hasEnrolments(options.database))) return undefined;
  const community = traps?.community ?? '';
  const watch = leadTrapWatch({
    ...options,
    sealer: options.installation.sealer,
    community: new Secret(community),
    receiverFor: (bmc) => (traps === undefined ? undefined : receiverFor(traps, bmc)),
  });
  options.stops.push(() => watch.stop());
  if (traps === undefined) return () => watch.metrics();
  const { isBmc, accept: onTrap } = watch;
  const listen = { host: hostOf(traps.listen), port: splitEndpoint(traps.listen).port };
  const listener = await startTrapListener({ listen, community, clock: systemClock, logger: options.logger, isBmc, onTrap });
  options.stops.push(() => listener.close());
  return () => ({ ...watch.metrics(), ...listener.metrics() });
}
