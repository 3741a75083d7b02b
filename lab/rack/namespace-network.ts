import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { RackSpec } from '../topology.ts';

const run = promisify(execFile);

const prefixLength = (cidr: string) => cidr.split('/')[1]!;

/** Addresses of the rack's own namespace: loopback, the BMCs and the leaf switch's management, and the interface that the TAP device has made. */
export async function configureNetwork(spec: RackSpec): Promise<void> {
  const { network, machines, leaf } = spec;
  const ip = (...args: string[]) => run('ip', args);
  await ip('link', 'set', 'lo', 'up');
  await ip('address', 'add', `${leaf.management.address}/32`, 'dev', 'lo');
  for (const { bmc } of machines) await ip('address', 'add', `${bmc.address}/32`, 'dev', 'lo');
  await ip('address', 'add', `${network.address}/${prefixLength(network.cidr)}`, 'dev', network.interface);
  await ip('link', 'set', network.interface, 'up');
  const { ipv6 } = network;
  // Nobody else can have it here: no time is lost with asking.
  if (ipv6) await ip('address', 'add', `${ipv6.address}/${prefixLength(ipv6.cidr)}`, 'dev', network.interface, 'nodad');
}
