import type { AddressSubnet } from '../address/port-address-policy.ts';
import { conflict } from '../network-error.ts';
import { mappingsOf } from '../network-host-service.ts';
import { query } from '../mechanism/statement.ts';
import type { Trx } from '../resource.ts';

/*
 * Routed networks: each subnet is one of a segment, a host has a way to one of the segments, and so a port's addresses depend on its host. They are given when it is
 * known, and a port does not move to where they do not work.
 */
interface Routed {
  readonly id: string;
  readonly subnets: readonly AddressSubnet[];
}

export const isRouted = ({ subnets }: Routed): boolean => subnets.length > 0 && subnets.every((subnet) => subnet.segment_id !== null);

/** Those that work on the host. @throws NetworkError 409 */
export async function subnetsAt(trx: Trx, network: Routed, host: unknown): Promise<readonly AddressSubnet[]> {
  if (!isRouted(network) || typeof host !== 'string' || host === '') return network.subnets;
  const mappings = await mappingsOf(trx, host);
  if (mappings === undefined) return network.subnets;
  const there = network.subnets.filter(({ physical_network: name }) => name !== null && mappings.includes(name));
  const segments = new Set(there.map((subnet) => subnet.segment_id));
  if (segments.size === 1) return there;
  const [type, how] =
    segments.size === 0
      ? ['HostNotConnectedToAnySegment', 'not connected to any segments']
      : ['HostConnectedToMultipleSegments', 'connected to multiple segments'];
  throw conflict(type!, `Host ${host} is ${how} on routed provider network '${network.id}'. It should be connected to one.`);
}

/** @throws NetworkError 409 */
export async function requireAddressesWork(trx: Trx, network: Routed, portId: string, host: unknown): Promise<void> {
  const there = await subnetsAt(trx, network, host);
  if (there === network.subnets) return;
  const rows = await query(trx, 'select from network_address where port_id = $1 and subnet_id <> all($2::uuid[]) limit 1', [
    portId,
    there.map(({ id }) => id),
  ]);
  if (rows.length > 0)
    throw conflict(
      'HostNotCompatibleWithFixedIps',
      `Host ${String(host)} is not connected to a segment where the existing fixed_ips on port ${portId} will function given the routed network topology.`,
    );
}
