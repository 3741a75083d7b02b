import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type { BmcConnector } from '../../bmc/connect-bmc.ts';
import { systemClock } from '../../core/base/clock.ts';
import type { RecordEvent } from '../../core/base/machine-event.ts';
import type { Logger } from '../../core/base/logger.ts';
import type { Database } from '../../core/database/connect-database.ts';
import { createFlowEngine } from '../../core/flow/flow-engine.ts';
import { imageReadyFlow } from '../../flows/image-ready-flow.ts';
import { imageImportFlow } from '../../flows/image-import-flow.ts';
import type { NodeFlowServices } from '../../flows/node-flow-services.ts';
import { nodeFlows } from '../../flows/node-flows.ts';
import { serverFlows } from '../../flows/server-flows.ts';
import { createPlacementSnapshot } from '../../compute/placement-snapshot.ts';
import type { ImageData } from '../../images/image-data-service.ts';
import type { ConsoleLogs } from '../../inventory/console-log-files.ts';
import { announceConductor } from '../../inventory/conductor-service.ts';
import type { Configuration } from './configuration.ts';
import { REGION } from './identity-setup.ts';
import type { Installation } from './installation.ts';
import { startBmcEvents } from './bmc/bmc-events.ts';
import { readBmcCertificates } from './bmc/bmc-certificates.ts';
import { leadConsoleRecorder } from './console/console-recorder.ts';
import { startImageSweep } from './image-setup.ts';
import { readVendorData } from './metadata/metadata-role.ts';
import { startPowerSync } from './bmc/power-sync.ts';

/** The worker role: flows, the look at the machines' power, their recorded consoles, and the conductor that others see. Returns its counters. */
export async function startWorkerRole(options: {
  configuration: Configuration;
  installation: Installation;
  database: Database;
  images: ImageData;
  bmcs: BmcConnector;
  consoleLogs: ConsoleLogs;
  record: RecordEvent;
  logger: Logger;
  stops: (() => Promise<void>)[];
}): Promise<() => Record<string, number>> {
  const { configuration, installation, database, images, bmcs, consoleLogs, record, logger, stops } = options;
  const { sealer } = installation;
  const services = {
    db: database.db,
    connectBmc: bmcs.connect,
    sealer,
    clock: systemClock,
    cleaning: configuration.cleaning,
    images,
    networks: machineNetworksOf(configuration),
    bmcCertificates: await readBmcCertificates(configuration, installation),
    bootMedia: bootMediaOf(configuration, installation),
  };
  const { convert_imports_to: convertTo } = configuration.images;
  const imports = imageImportFlow({ data: images, region: REGION, convertTo });
  const vendorData = await readVendorData(configuration);
  const servers = serverFlows({ db: database.db, sealer, vendorData, placement: createPlacementSnapshot(database.db) });
  const engine = createFlowEngine({
    database,
    definitions: [...nodeFlows(services), ...servers, imports, imageReadyFlow(images)],
    owner: `${hostname()}:${process.pid}:${randomBytes(4).toString('hex')}`,
    clock: systemClock,
    logger,
  });
  await engine.start();
  stops.push(() => engine.stop());
  const sweep = startImageSweep(images);
  stops.push(() => sweep.stop());
  const leave = await announceConductor(database, hostname());
  stops.push(async () => leave());
  const sync = startPowerSync({ database, bmcs, sealer, intervalMs: configuration.power_sync_seconds * 1000, logger });
  stops.push(() => sync.stop());
  const events = await startBmcEvents({ configuration, installation, database, bmcs, sync, record, logger, stops });
  const recorder = leadConsoleRecorder({ database, bmcs, sealer, logs: consoleLogs, logger });
  stops.push(() => recorder.stop());
  return () => ({ ...prefixed('flow', engine.metrics()), ...prefixed('power', sync.metrics()), ...prefixed('bmc', events()) });
}

function machineNetworksOf({ network }: Configuration): NodeFlowServices['networks'] {
  const purposes = ['provisioning', 'cleaning', 'rescuing', 'inspection', 'servicing'] as const;
  const named = purposes.flatMap((purpose) => {
    const name = network[`${purpose}_network`];
    return name === undefined ? [] : [[purpose, name]];
  });
  return { named: Object.fromEntries(named), timeoutMs: network.switch_timeout_seconds * 1000 };
}

/** Where BMCs fetch the boot CD; undefined when this installation serves none. */
function bootMediaOf({ boot }: Configuration, { bootSecret }: Installation): NodeFlowServices['bootMedia'] {
  const server = boot.networks[0]?.server_address;
  if (!boot.virtual_media || server === undefined) return undefined;
  return { baseUrl: `http://${server}:${boot.http_port}`, secret: bootSecret };
}

export const prefixed = (prefix: string, values: Readonly<Record<string, number>>) =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [`${prefix}_${name}`, value]));
