import { once } from 'node:events';
import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { rmSync } from 'node:fs';
import type { Server } from 'node:http';
import type { ListenOptions } from 'node:net';
import { ComputeError } from '../../../compute/compute-error.ts';
import { readServer } from '../../../compute/server-store.ts';
import type { TlsIdentity } from '../../../core/base/tls-identity.ts';
import type { Json, JsonObject } from '../../../core/base/json.ts';
import type { Logger } from '../../../core/base/logger.ts';
import type { Database } from '../../../core/database/connect-database.ts';
import { createMetadataServer, type MetadataServerOptions } from '../../../api/metadata-server.ts';
import { runCommand } from '../../../deploy-agent/native-command.ts';
import { instanceDocuments } from '../../../flows/instance-documents.ts';
import { serverOfAddress } from '../../../flows/instance-of-address.ts';
import { holderOnNetwork } from '../../../network/metadata-port-service.ts';
import { isOfThisHost, splitEndpoint, type Configuration } from '../configuration.ts';
import type { Installation } from '../installation.ts';

/*
 * Where instances ask for metadata: at 169.254.169.254 on the networks that want it, whose machines get the way there by DHCP; and at an address of its own for
 * proxies on hypervisors.
 */
export const METADATA_ADDRESS = '169.254.169.254';
const METADATA_PORT = 80;
const isMac = (text: string) => /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(text);

export interface MetadataRole {
  /** Whether machines can be sent to 169.254.169.254. */
  readonly isServed: boolean;
  stop(): Promise<void>;
}

interface MetadataRoleOptions {
  readonly configuration: Configuration;
  readonly installation: () => Promise<Installation>;
  readonly database: Database;
  readonly logger: Logger;
}

/** What the installation tells every instance. @throws Error when the file is no JSON object */
export async function readVendorData({ metadata }: Configuration): Promise<JsonObject> {
  const { vendor_data_file: path } = metadata;
  if (path === undefined) return {};
  const value = JSON.parse(await readFile(path, 'utf8')) as Json;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error(`${path} is not a JSON object`);
  return value;
}

/** At 169.254.169.254, when this process may have it. */
export async function startMetadataRole(options: MetadataRoleOptions): Promise<MetadataRole> {
  const { configuration, logger } = options;
  const networks = configuration.boot.networks.filter((one) => one.metadata);
  if (networks.length === 0) return { isServed: false, stop: async () => undefined };
  const device = networks[0]!.interface ?? 'lo';
  try {
    const takeAway = await addAddress(device);
    try {
      const server = await listening(await serverOptions(options, false), { host: METADATA_ADDRESS, port: METADATA_PORT });
      return { isServed: true, stop: async () => void (await closed(server), await takeAway()) };
    } catch (error) {
      await takeAway();
      throw error;
    }
  } catch (error) {
    logger.warn({ err: error, device }, `instances can not ask for metadata: ${METADATA_ADDRESS} can not be had on ${device}`);
    return { isServed: false, stop: async () => undefined };
  }
}

/** For proxies on hypervisors, which sign what they ask. */
export async function startMetadataForProxies(options: MetadataRoleOptions): Promise<(() => Promise<void>) | undefined> {
  const { listen } = options.configuration.metadata;
  if (listen === undefined) return undefined;
  const tls = await tlsOf(options, listen);
  const server = await listening(await serverOptions(options, true, tls), placeOf(listen));
  if (tls !== undefined) {
    const { fingerprint256: certificateSha256 } = new X509Certificate(tls.certificatePem);
    options.logger.info({ listen, certificateSha256 }, 'hosts ask for metadata here by TLS');
  }
  return () => closed(server);
}

async function tlsOf({ configuration, installation }: MetadataRoleOptions, listen: string): Promise<TlsIdentity | undefined> {
  const { tls } = configuration.metadata;
  if (tls !== undefined) return { keyPem: await readFile(tls.key, 'utf8'), certificatePem: await readFile(tls.certificate, 'utf8') };
  return isOfThisHost(listen) ? undefined : (await installation()).agentTls;
}

async function serverOptions(options: MetadataRoleOptions, proxiesOnly: boolean, tls?: TlsIdentity): Promise<MetadataServerOptions> {
  const { configuration, installation, database, logger } = options;
  const { db } = database;
  const vendorData = await readVendorData(configuration);
  const secretFile = configuration.metadata.proxy_secret_file;
  const networks = configuration.boot.networks.filter((one) => one.metadata);
  const served = {
    names: networks.map(({ name }) => name),
    cidrs: networks.flatMap(({ cidr, ipv6 }) => [cidr, ...(ipv6 === undefined ? [] : [ipv6.cidr])]),
  };
  const read = async (uuid: string, project?: string) => {
    const server = await readServer(db, uuid, project);
    const { sealer } = await installation();
    return { server, documents: await instanceDocuments(db, { sealer, vendorData }, server) };
  };
  return {
    async ofAddress(address) {
      const uuid = await serverOfAddress(db, address, served);
      return uuid === undefined ? undefined : read(uuid).catch(unlessGone);
    },
    ofProxy: (instance, project) => read(instance, project).catch(unlessGone),
    async ofMachine(networkId, machine) {
      const holder = await holderOnNetwork(db, networkId, isMac(machine) ? { mac: machine } : { address: machine });
      // A project may write anybody's name on its port: it learns what is the project's own.
      return holder === undefined ? undefined : read(holder.deviceId, holder.projectId).catch(unlessGone);
    },
    proxySecret: secretFile === undefined ? undefined : (await readFile(secretFile, 'utf8')).trim(),
    proxiesOnly,
    tls,
    logger,
  };
}

function placeOf(listen: string): ListenOptions {
  if (listen.startsWith('unix:')) {
    const path = listen.slice('unix:'.length);
    // What a process that was killed left would be in the way.
    rmSync(path, { force: true });
    return { path };
  }
  const { host, port } = splitEndpoint(listen);
  return { host: host.replace(/^\[|\]$/g, ''), port };
}

function unlessGone(error: unknown): undefined {
  if (error instanceof ComputeError && error.status === 404) return undefined;
  throw error;
}

/** @returns what takes it away again; nothing when it was there already */
async function addAddress(device: string): Promise<() => Promise<void>> {
  const there = await runCommand('ip', ['-json', 'address', 'show', 'to', METADATA_ADDRESS]);
  if (there.toString().includes(METADATA_ADDRESS)) return async () => undefined;
  const address = `${METADATA_ADDRESS}/32`;
  await runCommand('ip', ['address', 'add', address, 'dev', device]);
  return async () => void (await runCommand('ip', ['address', 'delete', address, 'dev', device]).catch(() => undefined));
}

async function listening(options: MetadataServerOptions, place: ListenOptions): Promise<Server> {
  const server = createMetadataServer(options);
  server.listen(place);
  await once(server, 'listening');
  return server;
}

async function closed(server: Server): Promise<void> {
  const end = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await end;
}
