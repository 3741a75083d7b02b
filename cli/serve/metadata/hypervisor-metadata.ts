import { readFile } from 'node:fs/promises';
import type { Server } from 'node:http';
import { createMetadataProxy } from '../../../api/metadata-proxy.ts';
import type { Logger } from '../../../core/base/logger.ts';
import type { Trust } from '../../../core/transfer/trusted-connection.ts';
import { connectChassis, type MetadataNetwork } from '../../../network/ovn/ovn-chassis.ts';
import type { Configuration } from '../configuration.ts';
import { deviceOf, dropNamespace, listenInNamespace, makeNamespace, neighbourOf } from './metadata-namespace.ts';
import { ovnPlaces } from '../network/ovn-places.ts';
import { createWorker } from '../worker.ts';

/*
 * The role metadata, on each host with machines of OVN's networks: answers at 169.254.169.254 (and fe80::a9fe:a9fe) in each network that has a machine here. It needs no
 * database and no key but the one that it signs with; it ends, and its namespaces stay until they are needed no more.
 */
const GATHER_MS = 20;
const RETRY_MS = 2_000;

interface Place {
  readonly facts: string;
  readonly proxies: readonly Server[];
}

export async function startHypervisorMetadata(configuration: Configuration, logger: Logger): Promise<() => Promise<void>> {
  const { roles, metadata } = configuration;
  const { hypervisor, proxy_secret_file: secretFile } = metadata;
  const places = await ovnPlaces(configuration);
  if (roles.length > 1) throw new Error('The role metadata is alone in its process: it runs on hypervisors, which have no database.');
  if (hypervisor === undefined || secretFile === undefined || places === undefined)
    throw new Error('The role metadata needs metadata.hypervisor, metadata.proxy_secret_file and network.ovn of the configuration.');
  const secret = (await readFile(secretFile, 'utf8')).trim();
  const { service, ca, certificate_sha256: certificateSha256 } = hypervisor;
  const trust: Trust = {
    ...(certificateSha256 === undefined ? {} : { certificateSha256 }),
    ...(ca === undefined ? {} : { ca: await readFile(ca, 'utf8') }),
  };
  const running = new Map<string, Place>();
  const onWarning = (fields: object, message: string) => logger.warn(fields, message);
  const chassis = connectChassis({
    southbound: places.southbound,
    openVSwitch: hypervisor.open_vswitch,
    bridge: hypervisor.bridge,
    onWarning,
    onChange: () => settle.wake(),
  });

  const start = async (network: MetadataNetwork) => {
    const { networkId } = network;
    await makeNamespace(network);
    await chassis.plug(network, deviceOf(networkId));
    const macOf = (address: string) => neighbourOf(networkId, address);
    const proxies = (await listenInNamespace(networkId)).map((socket) =>
      createMetadataProxy({ networkId, service, trust, secret, macOf, logger }).listen(socket),
    );
    running.set(networkId, { facts: JSON.stringify(network), proxies });
    logger.info({ network: networkId }, 'machines of the network can ask for metadata');
  };
  const end = (networkId: string) => {
    const place = running.get(networkId);
    running.delete(networkId);
    for (const proxy of place?.proxies ?? []) {
      proxy.close();
      proxy.closeAllConnections();
    }
  };
  const settle = createWorker({ gatherMs: GATHER_MS }, async () => {
    if (!chassis.isReady()) return;
    const wanted = new Map(chassis.metadataNetworks().map((network) => [network.networkId, network]));
    for (const networkId of new Set([...running.keys(), ...chassis.plugged().keys()])) {
      if (wanted.has(networkId)) continue;
      end(networkId);
      await chassis.unplug(deviceOf(networkId));
      await dropNamespace(networkId);
    }
    for (const network of wanted.values()) {
      if (running.get(network.networkId)?.facts === JSON.stringify(network)) continue;
      end(network.networkId);
      await start(network);
    }
  });
  let retry: NodeJS.Timeout | undefined;
  settle.onError((error) => {
    logger.warn({ err: error }, 'machines of a network can not ask for metadata for now');
    retry = setTimeout(() => settle.wake(), RETRY_MS);
  });
  settle.wake();
  return async () => {
    settle.stop();
    clearTimeout(retry);
    chassis.close();
    for (const networkId of running.keys()) end(networkId);
  };
}
