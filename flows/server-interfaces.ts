import type { Trx } from '../compute/placement-provider-service.ts';
import type { ServerNetwork, ServerRecord } from '../compute/server-record.ts';
import { setNetworks } from '../compute/server-service.ts';
import { attachVif, cablingOf, detachVif, listVifs } from '../inventory/vif-service.ts';
import { findNode } from '../inventory/node-store.ts';
import {
  automaticNetwork,
  dropDevicePort,
  findSecurityGroups,
  leaveDevicePort,
  makeDevicePort,
  onlyNetwork,
  requireFreePort,
  requireUsableNetwork,
  takeDevicePort,
  type Device,
} from '../network/device-port-service.ts';
import { plugIn, plugOut } from '../network/port-plug-service.ts';
import type { NetworkActor } from '../network/resource.ts';
import { isSwitched } from './switch-port-service.ts';
import { badRequest } from '../compute/compute-error.ts';

/** Interfaces of servers: ports of networks that are attached to the links of a machine. */
export type NetworkWish =
  | { readonly kind: 'port'; readonly port: string; readonly tag?: string }
  | { readonly kind: 'network'; readonly network: string; readonly fixedIp?: string; readonly tag?: string };

/** What was asked for: `auto`, `none`, nothing (the project's only network), or these. */
export type AskedNetworks = 'auto' | 'none' | undefined | readonly NetworkWish[];

/** @throws NetworkError 400, 403, 409; ComputeError 400 */
export async function resolveNetworks(
  trx: Trx,
  actor: NetworkActor,
  asked: AskedNetworks,
  servers: number,
): Promise<readonly NetworkWish[]> {
  if (asked === 'none') return [];
  if (asked === 'auto') return [{ kind: 'network', network: await automaticNetwork(trx, actor) }];
  if (asked === undefined) {
    const network = await onlyNetwork(trx, actor);
    return network === undefined ? [] : [{ kind: 'network', network }];
  }
  for (const wish of asked) {
    if (wish.kind === 'network') await requireUsableNetwork(trx, actor, wish.network);
    else await requireFreePort(trx, actor, wish.port);
    if (servers > 1 && wish.kind === 'port') throw badRequest('Failed to launch instances: PortId can not be used with several instances.');
    if (servers > 1 && wish.kind === 'network' && wish.fixedIp !== undefined)
      throw badRequest('Invalid fixed IP Address: it can not be used with several instances.');
  }
  const ports = asked.flatMap((wish) => (wish.kind === 'port' ? [wish.port] : []));
  if (new Set(ports).size < ports.length) throw badRequest('A port is named twice.');
  return asked;
}

const deviceOf = (server: ServerRecord): Device => ({
  id: server.uuid,
  owner: `compute:${server.zone ?? 'nova'}`,
  projectId: server.project_id,
  dnsName: '',
});

/** The ports are there and are the server's. @throws NetworkError */
export async function makeInterfaces(
  trx: Trx,
  actor: NetworkActor,
  server: ServerRecord,
  wishes: readonly NetworkWish[],
  groupNames: readonly string[],
): Promise<readonly ServerNetwork[]> {
  const securityGroups = await findSecurityGroups(trx, actor, groupNames);
  const made: ServerNetwork[] = [];
  for (const wish of wishes) {
    const tag = wish.tag === undefined ? {} : { tag: wish.tag };
    if (wish.kind === 'port') {
      await takeDevicePort(trx, actor, deviceOf(server), wish.port);
      made.push({ port: wish.port, own: false, ...tag });
    } else {
      const fixedIp = wish.fixedIp === undefined ? {} : { fixedIp: wish.fixedIp };
      const port = await makeDevicePort(trx, actor, deviceOf(server), { networkId: wish.network, securityGroups, ...fixedIp });
      made.push({ port, own: true, ...tag });
    }
  }
  await setNetworks(trx, server.uuid, [...server.networks, ...made]);
  return made;
}

const ANYONE: NetworkActor = { projectId: null, seesAll: true };

/** Each port on a link of the machine, with the link's own MAC address. @throws InventoryError 400 without a free link */
export async function attachInterfaces(trx: Trx, nodeUuid: string, networks: readonly ServerNetwork[]): Promise<void> {
  const node = await findNode(trx, nodeUuid);
  for (const { port } of networks) {
    const link = await attachVif(trx, nodeUuid, { id: port });
    const cabling = link === undefined ? { switchLinks: [], group: null } : await cablingOf(trx, link);
    await plugIn(trx, ANYONE, port, {
      nodeId: nodeUuid,
      mac: link?.address ?? null,
      ...cabling,
      isSwitched: node !== undefined && isSwitched(node),
    });
  }
}

export async function detachInterfaces(trx: Trx, nodeUuid: string, networks: readonly ServerNetwork[]): Promise<void> {
  const node = await findNode(trx, nodeUuid);
  const attached = new Set(node === undefined ? [] : (await listVifs(trx, node)).map(({ id }) => id));
  for (const { port } of networks) {
    if (attached.has(port)) await detachVif(trx, nodeUuid, port);
    await plugOut(trx, port, nodeUuid);
  }
}

/** Ports that were made for the server go; others are their owner's again. */
export async function dropInterfaces(trx: Trx, server: ServerRecord, networks: readonly ServerNetwork[]): Promise<void> {
  for (const { port, own } of networks) {
    if (own) await dropDevicePort(trx, server.uuid, port);
    else await leaveDevicePort(trx, server.uuid, port);
  }
  const gone = new Set(networks.map(({ port }) => port));
  await setNetworks(
    trx,
    server.uuid,
    server.networks.filter(({ port }) => !gone.has(port)),
  );
}
