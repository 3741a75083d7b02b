import { X509Certificate } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../../core/base/clock.ts';
import type { Logger } from '../../../core/base/logger.ts';
import type { MachineEvent } from '../../../core/base/machine-event.ts';
import { systemRandom } from '../../../core/base/random.ts';
import type { Database } from '../../../core/database/connect-database.ts';
import { buildRamdisk, type BuiltRamdisk } from '../../../deploy-agent/build-ramdisk.ts';
import { buildBootIso, type BootIso } from '../../../images/build-boot-iso.ts';
import { buildBootModel, readBootHost, storeLeases } from '../../../inventory/boot-model-service.ts';
import type { BootFiles, BootModel, BootSubnet, ClientClass, RelayRule } from '../../../pxe/boot-model.ts';
import { readBootAddresses } from '../../../network/boot-address-service.ts';
import { startBootPlane, type BootPlane } from '../../../pxe/boot-plane.ts';
import { readShares, startBootSharing } from './boot-sharing.ts';
import { bootServerAddresses } from './boot-configuration.ts';
import { encodeTypedOption } from '../../../pxe/typed-option-codec.ts';
import type { Configuration } from '../configuration.ts';
import { imageDirectoriesOf } from '../image-setup.ts';
import type { Installation } from '../installation.ts';
import { METADATA_ADDRESS, startMetadataRole } from '../metadata/metadata-role.ts';

/*
 * The boot role: keeps the boot plane's model equal to the tables, and the last model on disk, so that known machines
 * boot while the database is away, also when it is away already at the start.
 */
const MODEL_FILE = 'boot-model.json';
const SHARES_FILE = 'boot-shares.json';
/** Several rows change in one moment; one new model is enough for all of them. */
const MODEL_DEBOUNCE_MS = 50;
/** A database that refused once (a full disk, a restart) sends no notice when it is well again. */
const MODEL_RETRY_MS = 5_000;

export interface BootRole {
  readonly plane: BootPlane;
  stop(): Promise<void>;
}

export async function startBootRole(options: {
  configuration: Configuration;
  /** Asked again until it succeeds: it is in the database. */
  installation: () => Promise<Installation>;
  database: Database;
  record: (event: MachineEvent) => void;
  logger: Logger;
}): Promise<BootRole> {
  const { configuration, installation, database, record, logger } = options;
  const directory = join(configuration.dataDirectory, 'boot');
  const imageDirectory = configuration.boot.image_directory ?? join(configuration.dataDirectory, 'images');
  await mkdir(imageDirectory, { recursive: true });
  await mkdir(directory, { recursive: true });
  const { agent, arm64, iso: agentIso } = await buildAgents(configuration, logger);
  const metadata = await startMetadataRole({ configuration, installation, database, logger });
  const modelPath = join(directory, MODEL_FILE);
  const read = async (): Promise<BootModel> => {
    const known = await installation();
    const { networks } = configuration.boot;
    const bound = await readBootAddresses(
      database.db,
      networks.flatMap(({ cidr, ipv6 }) => [cidr, ...(ipv6 === undefined ? [] : [ipv6.cidr])]),
      hostname(),
    );
    const model = await buildBootModel(database.db, {
      subnets: configuration.boot.networks.map((network) => toSubnet(network, metadata.isServed)),
      relayRules: configuration.boot.relay_rules.map(toRelayRule),
      classes: configuration.boot.classes.map(toClass),
      leaseQueriesFrom: configuration.boot.lease_queries_from,
      machineOptions: configuration.boot.machine_options,
      files: { ...bootFiles(configuration, known, agent, imageDirectory, agentIso), ...(arm64 === undefined ? {} : { arm64 }) },
      reservations: Object.assign({}, ...networks.map((network) => network.reservations), bound.ipv4) as Record<string, string>,
      reservations6: Object.assign({}, ...networks.map((network) => network.ipv6?.reservations), bound.ipv6) as Record<string, string>,
      withdrawnMacs: bound.withdrawn,
      bootSecret: known.bootSecret.toString('base64'),
      version: Date.now(),
    });
    // Machines boot by the newest model, whether or not the disk has room for it.
    await remember(modelPath, model).catch((error: unknown) => {
      logger.warn({ err: error }, 'the boot model could not be written down; it is in use, and tried again with the next');
    });
    return model;
  };
  const first = await read().catch(async (error: unknown) => {
    logger.warn({ err: error }, 'the database does not answer: booting from the last model on disk');
    return readRemembered(modelPath, error);
  });
  const sharesPath = join(directory, SHARES_FILE);
  const shares = await readShares(sharesPath);
  const plane = await startBootPlane({
    model: first,
    shares,
    dataDirectory: directory,
    httpPort: configuration.boot.http_port,
    ...(configuration.boot.dns ? { dnsPort: 53 } : {}),
    recordEvent: record,
    storeLeases: (batch) => storeLeases(database.db, batch),
    askHost: (mac) => readBootHost(database.db, mac),
    clock: systemClock,
    random: systemRandom,
    logger,
  });

  const sharing = startBootSharing({ networks: configuration.boot.networks, path: sharesPath, shares, plane, database, logger });
  let timer: NodeJS.Timeout | undefined;
  let retry: NodeJS.Timeout | undefined;
  let isStopped = false;
  const refresh = () => {
    if (isStopped) return;
    timer ??= setTimeout(() => {
      timer = undefined;
      read()
        .then((model) => plane.replaceModel(model))
        .catch((error: unknown) => {
          if (isStopped) return;
          logger.warn({ err: error }, 'the boot model could not be renewed; the last one stays for now');
          retry ??= setTimeout(() => {
            retry = undefined;
            refresh();
          }, MODEL_RETRY_MS);
        });
    }, MODEL_DEBOUNCE_MS);
  };
  const stopListening = [database.listen('boot_model', refresh), database.onReconnect(refresh)];
  refresh();
  return {
    plane,
    async stop() {
      isStopped = true;
      clearTimeout(timer);
      clearTimeout(retry);
      for (const stop of stopListening) stop();
      sharing.stop();
      await metadata.stop();
      await plane.stop();
    },
  };
}

async function buildAgents({ boot, dataDirectory }: Configuration, logger: Logger) {
  const cacheDirectory = boot.ramdisk_cache ?? join(dataDirectory, 'ramdisk');
  const onProgress = (line: string) => logger.info({}, line);
  const agent = await buildRamdisk({ cacheDirectory, onProgress });
  const arm64 = boot.arm64 ? await buildRamdisk({ architecture: 'arm64', cacheDirectory, onProgress }) : undefined;
  const iso = boot.virtual_media ? await buildBootIso(agent, cacheDirectory) : undefined;
  return { agent, arm64, iso };
}

async function remember(path: string, model: BootModel): Promise<void> {
  await writeFile(`${path}.new`, JSON.stringify(model), { mode: 0o600 });
  await rename(`${path}.new`, path);
}

async function readRemembered(path: string, cause: unknown): Promise<BootModel> {
  const text = await readFile(path, 'utf8').catch(() => {
    throw new Error(
      `The boot role knows no machine yet: the database does not answer (${(cause as Error).message}) and ${path} is not there. Start it once while the control plane is up.`,
      { cause },
    );
  });
  return JSON.parse(text) as BootModel;
}

function bootFiles(
  configuration: Configuration,
  installation: Installation,
  ramdisk: BuiltRamdisk,
  imageDirectory: string,
  agentIso: BootIso | undefined,
): BootFiles {
  const { boot } = configuration;
  const pin = new X509Certificate(installation.agentTls.certificatePem).fingerprint256.replaceAll(':', '').toLowerCase();
  const commandLine = (server: string, api: string) =>
    [
      'quiet no_timer_check',
      `rackwright.api=https://${api}:${boot.agent_port}`,
      `rackwright.pin=${pin}`,
      `rackwright.boot=http://${server}:${boot.http_port}`,
      boot.kernel_arguments,
    ]
      .join(' ')
      .trim();
  const [server = '127.0.0.1', server6] = bootServerAddresses(boot);
  return {
    agentKernel: ramdisk.kernel,
    agentRamdisk: ramdisk.ramdisk,
    agentCommandLine: commandLine(server, boot.agent_address ?? server),
    ...(server6 === undefined ? {} : { agentCommandLine6: commandLine(`[${server6}]`, `[${boot.agent_address6 ?? server6}]`) }),
    ...(agentIso === undefined ? {} : { agentIso }),
    ipxeDirectory: boot.ipxe_directory,
    signed: { shim: ramdisk.shim, grub: ramdisk.grub },
    imageDirectory,
    storeDirectories: imageDirectoriesOf(configuration),
  };
}

type BootNetwork = Configuration['boot']['networks'][number];
type MetadataNetwork = Pick<BootNetwork, 'routes' | 'options' | 'gateway' | 'server_address'>;

const toSubnet = (network: BootNetwork, hasMetadata: boolean): BootSubnet => ({
  id: network.name,
  cidr: network.cidr,
  serverAddress: network.server_address,
  dnsServers: network.dns_servers,
  pools: network.pools,
  leaseSeconds: network.lease_seconds,
  routerAdvertisements: network.router_advertisements,
  signedLoaders: network.signed_loaders,
  options: {
    ...network.options,
    ...(network.ntp_servers === undefined ? {} : { 42: network.ntp_servers }),
    ...(network.domain_search === undefined ? {} : { 119: network.domain_search }),
    ...(network.routes === undefined ? {} : { 121: network.routes }),
  },
  ...(network.metadata && hasMetadata ? { instanceOptions: { 121: routesToMetadata(network) } } : {}),
  probeAddresses: network.probe_addresses,
  ...(network.interface === undefined ? {} : { interface: network.interface }),
  ...(network.gateway === undefined ? {} : { gateway: network.gateway }),
  ...(network.domain === undefined ? {} : { domain: network.domain }),
  ...(network.discovery_pool === undefined ? {} : { discoveryPool: network.discovery_pool }),
  ...(network.proxy === undefined ? {} : { proxy: network.proxy }),
  ...(network.ipv6 === undefined ? {} : { ipv6: toSubnetIpv6(network.ipv6) }),
});

/**
 * Whoever gets routes by option 121 ignores the router of option 3 (RFC 3442), so the default route is one of them; what the configuration says
 * already has it or wants none.
 */
export function routesToMetadata({ routes, options, gateway, server_address: server }: MetadataNetwork): string {
  const own = routes ?? options['121'];
  const defaults = own === undefined && gateway !== undefined ? [{ to: '0.0.0.0/0', via: gateway }] : [];
  const value = encodeTypedOption({ routes: [...defaults, { to: `${METADATA_ADDRESS}/32`, via: server }] });
  return (own ?? '') + (Buffer.isBuffer(value) ? value.toString('hex') : '');
}

const toClass = (one: Configuration['boot']['classes'][number]): ClientClass => ({
  name: one.name,
  options: one.options,
  ...(one.vendor_class === undefined ? {} : { vendorClass: one.vendor_class }),
  ...(one.user_class === undefined ? {} : { userClass: one.user_class }),
  ...(one.architectures === undefined ? {} : { architectures: one.architectures }),
  ...(one.networks === undefined ? {} : { subnetIds: one.networks }),
  ...(one.boot_file === undefined ? {} : { bootFile: one.boot_file }),
});

const toRelayRule = (rule: Configuration['boot']['relay_rules'][number]): RelayRule => ({
  rack: rule.rack,
  ...(rule.circuit_id === undefined ? {} : { circuitId: rule.circuit_id }),
  ...(rule.remote_id === undefined ? {} : { remoteId: rule.remote_id }),
  ...(rule.vpn === undefined ? {} : { vpn: rule.vpn }),
  ...(rule.network === undefined ? {} : { subnetId: rule.network }),
  ...(rule.pool === undefined ? {} : { pool: rule.pool }),
});

const toSubnetIpv6 = (network: NonNullable<Configuration['boot']['networks'][number]['ipv6']>): NonNullable<BootSubnet['ipv6']> => ({
  cidr: network.cidr,
  serverAddress: network.server_address,
  dnsServers: network.dns_servers,
  ntpServers: network.ntp_servers,
  domainSearch: network.domain_search,
  pools: network.pools,
  ...(network.discovery_pool === undefined ? {} : { discoveryPool: network.discovery_pool }),
  advertisement: {
    managed: network.router_advertisements.managed,
    otherConfiguration: network.router_advertisements.other_configuration,
    routerLifetimeSeconds: network.router_advertisements.router_lifetime_seconds,
  },
});
