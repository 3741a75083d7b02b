import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { once } from 'node:events';
import type { ListenOptions, Server } from 'node:net';
import { join } from 'node:path';
import { runCommand } from '../../../deploy-agent/native-command.ts';
import type { MetadataNetwork } from '../../../network/ovn/ovn-chassis.ts';

/*
 * The place on a host where one network's machines ask for metadata: a network namespace with a device that is plugged into the network, as addresses of different
 * networks may be the same.
 */
const METADATA_ADDRESS = '169.254.169.254';
/** OpenStack's address for machines without IPv4. */
const METADATA_ADDRESS6 = 'fe80::a9fe:a9fe';
const METADATA_PORT = 80;
const INSIDE = 'md0';
const LISTEN_MS_MAX = 20_000;

export const namespaceOf = (networkId: string): string => `rackwright-md-${networkId}`;
/** Names of devices have 15 characters at most. */
export const deviceOf = (networkId: string): string => `md${networkId.replaceAll('-', '').slice(0, 13)}`;

/** The same when done twice. */
export async function makeNamespace({ networkId, mac, cidrs }: MetadataNetwork): Promise<void> {
  const [space, device] = [namespaceOf(networkId), deviceOf(networkId)];
  if (!existsSync(join('/run/netns', space))) await runCommand('ip', ['netns', 'add', space]);
  if (!existsSync(join('/sys/class/net', device)))
    await runCommand('ip', ['link', 'add', device, 'type', 'veth', 'peer', 'name', INSIDE, 'netns', space]);
  const inside = [
    'link set lo up',
    `link set ${INSIDE} address ${mac} up`,
    `address flush dev ${INSIDE} scope global`,
    ...[...cidrs, `${METADATA_ADDRESS}/32`].map((cidr) => `address replace ${cidr} dev ${INSIDE}${cidr.includes(':') ? ' nodad' : ''}`),
  ];
  await runCommand('ip', ['-n', space, '-batch', '-'], { input: `${inside.join('\n')}\n` });
  // A host may be without IPv6.
  await runCommand('ip', ['-n', space, 'address', 'replace', `${METADATA_ADDRESS6}/64`, 'dev', INSIDE, 'nodad']).catch(() => undefined);
  // A switch in user space sees frames before the kernel has written their checksums.
  await runCommand('ethtool', ['-K', device, 'tx', 'off']);
  await runCommand('ip', ['netns', 'exec', space, 'ethtool', '-K', INSIDE, 'tx', 'off']);
  await runCommand('ip', ['link', 'set', device, 'up']);
}

export async function dropNamespace(networkId: string): Promise<void> {
  await runCommand('ip', ['link', 'delete', deviceOf(networkId)]).catch(() => undefined);
  await runCommand('ip', ['netns', 'delete', namespaceOf(networkId)]).catch(() => undefined);
}

/** The MAC address of a neighbour in the namespace. */
export async function neighbourOf(networkId: string, address: string): Promise<string | undefined> {
  const told = await runCommand('ip', ['-n', namespaceOf(networkId), '-json', 'neighbour', 'show', 'to', address, 'dev', INSIDE]);
  return (JSON.parse(told.toString() || '[]') as { lladdr?: string }[])[0]?.lladdr;
}

/** Sockets that listen in the namespace: for IPv4, and for IPv6 where the host has it. @throws when there is none for IPv4 */
export async function listenInNamespace(networkId: string): Promise<Server[]> {
  const places: ListenOptions[] = [
    { host: METADATA_ADDRESS, port: METADATA_PORT },
    { host: `${METADATA_ADDRESS6}%${INSIDE}`, port: METADATA_PORT },
  ];
  const program = [process.execPath, '--disable-warning=ExperimentalWarning', join(import.meta.dirname, 'listen-in-namespace.ts')];
  const child = spawn('ip', ['netns', 'exec', namespaceOf(networkId), ...program, JSON.stringify(places)], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    signal: AbortSignal.timeout(LISTEN_MS_MAX),
  });
  const servers: Server[] = [];
  let why = 'it ended without a word';
  child.on('message', (message: { place: ListenOptions; why?: string }, handle) => {
    if (handle !== undefined) servers.push(handle as Server);
    else if (message.place === undefined || message.place.host === METADATA_ADDRESS) why = message.why ?? why;
  });
  await once(child, 'close');
  if (servers.some((server) => (server.address() as { address: string } | null)?.address === METADATA_ADDRESS)) return servers;
  for (const server of servers) server.close();
  throw new Error(`${METADATA_ADDRESS} can not be had in ${namespaceOf(networkId)}: ${why}`);
}
