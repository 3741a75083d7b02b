import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { createBmcConnector } from '../../bmc/connect-bmc.ts';
import { systemClock } from '../../core/base/clock.ts';
import type { Logger } from '../../core/base/logger.ts';
import { systemRandom } from '../../core/base/random.ts';
import { connectDatabase } from '../../core/database/connect-database.ts';
import { keepEmbeddedPostgres } from '../../core/database/postgres-keeper.ts';
import { migrateDatabase } from '../../core/database/migrate.ts';
import { createWebSource } from '../../core/transfer/web-source.ts';
import { createConsoleLogs } from '../../inventory/console-log-files.ts';
import { createEventRecorder } from '../../inventory/event-recorder.ts';
import { announceAgents } from './network/agent-announcement.ts';
import { startTrapRelay } from './bmc/bmc-trap-relay.ts';
import { startApiRole } from './api-role.ts';
import { startBootRole } from './boot/boot-role.ts';
import type { Configuration } from './configuration.ts';
import { startHypervisorMetadata } from './metadata/hypervisor-metadata.ts';
import { startImages } from './image-setup.ts';
import { startMetadataForProxies } from './metadata/metadata-role.ts';
import { startNetworkRole } from './network/network-role.ts';
import { startSwitchRole } from './switch/switch-role.ts';
import { prefixed, startWorkerRole } from './worker-role.ts';
import { loadInstallation, loadSecretKey, type Installation } from './installation.ts';

/** One process of the control plane: starts what its roles need, in order, and stops it in reverse. */
export interface ControlPlane {
  readonly address: string;
  stop(): Promise<void>;
}

export async function startControlPlane(configuration: Configuration, logger: Logger): Promise<ControlPlane> {
  const stops: (() => Promise<void>)[] = [];
  const stop = async () => {
    for (const end of stops.splice(0).reverse())
      await end().catch((error: unknown) => logger.warn({ err: error }, 'a part did not stop cleanly'));
  };
  try {
    return { address: await start(configuration, logger, stops), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function start(configuration: Configuration, logger: Logger, stops: (() => Promise<void>)[]): Promise<string> {
  const { dataDirectory, roles } = configuration;
  if (roles.includes('metadata')) {
    stops.push(await startHypervisorMetadata(configuration, logger));
    return 'no API in this process';
  }
  await mkdir(dataDirectory, { recursive: true });
  const key = await loadSecretKey(dataDirectory, configuration.secret_key);
  const postgres = configuration.database_url === undefined ? await keepEmbeddedPostgres({ dataDirectory, logger }) : undefined;
  if (postgres) stops.push(() => postgres.stop());
  // A rack controller boots known machines also while the database is away.
  const isBootOnly = roles.every((role) => role === 'boot');
  const place = postgres ? { connection: postgres.connection } : { url: configuration.database_url! };
  const database = await connectDatabase({ ...place, logger, mayBeAway: isBootOnly });
  stops.push(() => database.close());
  const recorder = createEventRecorder(database, systemClock, logger);
  stops.push(() => recorder.stop());
  const counters: (() => Record<string, number>)[] = [() => ({ events_dropped: recorder.dropped() })];
  const startBoot = async (installation: () => Promise<Installation>) => {
    const boot = await startBootRole({ configuration, installation, database, record: recorder.record, logger });
    stops.push(() => boot.stop());
    counters.push(() => prefixed('boot', boot.plane.metrics()));
  };
  const announce = async () => {
    const stopAnnouncing = await announceAgents(configuration, database, logger);
    stops.push(async () => stopAnnouncing());
  };
  if (isBootOnly) {
    if (configuration.boot.networks.length === 0)
      throw new Error('The role boot alone has nothing to do: boot.networks of the configuration is empty.');
    await startBoot(() => loadInstallation(database, key));
    stops.push(await startTrapRelay({ configuration, database, logger }));
    await announce();
    return 'no API in this process';
  }
  const migrated = await migrateDatabase(database.db);
  if (migrated.length > 0) logger.info({ migrations: migrated }, 'the database schema was brought up to date');
  const installation = await loadInstallation(database, key);
  const web = createWebSource(configuration.images.forbidden_hosts);
  const bmcs = createBmcConnector({
    logger,
    clock: systemClock,
    random: systemRandom,
    recordEvent: recorder.record,
    web,
  });
  stops.push(async () => bmcs.close());

  const images = await startImages(configuration, database, web, logger);
  const consoleLogs = createConsoleLogs(join(dataDirectory, 'consoles'));
  if (roles.includes('worker'))
    counters.push(
      await startWorkerRole({ configuration, installation, database, images, bmcs, consoleLogs, record: recorder.record, logger, stops }),
    );
  if (roles.includes('boot') && configuration.boot.networks.length > 0) await startBoot(async () => installation);
  const networks = roles.includes('worker') ? await startNetworkRole({ configuration, database, place, logger, stops }) : undefined;
  if (networks !== undefined) counters.push(() => prefixed('network', networks.metrics()));
  const { record } = recorder;
  const switches = roles.includes('worker') ? await startSwitchRole({ configuration, database, record, logger, stops }) : undefined;
  if (switches !== undefined) counters.push(() => prefixed('switch', switches.metrics()));
  const endMetadata = await startMetadataForProxies({ configuration, installation: async () => installation, database, logger });
  if (endMetadata !== undefined) stops.push(endMetadata);
  await announce();
  if (!roles.includes('api')) return 'no API in this process';
  return startApiRole({
    configuration,
    installation,
    database,
    images,
    connectBmc: bmcs.connect,
    consoleLogs,
    logger,
    metrics: metricsOf(counters),
    waiting: () => [...(networks?.waiting() ?? []), ...(switches?.waiting() ?? [])],
    stops,
  });
}

function metricsOf(counters: readonly (() => Record<string, number>)[]): () => Promise<string> {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, prefix: 'rackwright_' });
  const gauges = new Map<string, Gauge>();
  return async () => {
    for (const [name, value] of counters.flatMap((read) => Object.entries(read()))) {
      const metric = `rackwright_${name
        .replace(/([a-z])([A-Z])/g, '$1_$2')
        .replace(/[^A-Za-z0-9]+/g, '_')
        .toLowerCase()}`;
      const gauge = gauges.get(metric) ?? new Gauge({ name: metric, help: name, registers: [registry] });
      gauges.set(metric, gauge);
      gauge.set(value);
    }
    return registry.metrics();
  };
}
