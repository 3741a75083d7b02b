import type { GatewayFact, GatewayHosts, NetworkState, PortFact } from '../network-state.ts';
import { desired, referAll, type DesiredRow } from './desired-row.ts';
import { hostsInOrder, HOST_PRIORITY_MAX } from './host-order.ts';

/*
 * Machines behind switches of the site, on networks that hosts have a way to: ports of the type `external` (ovn-nb(5)), for which one of the gateway hosts answers
 * DHCP and neighbour questions. It is the one that has the network's router, as the frames to the router have to come out there too. What is done at a host's own
 * port is not done for them: no check of their addresses, and of security groups only what metal-filter-rows.ts can.
 */
export const isExternal = (port: PortFact, hasProvider: boolean): boolean => port.isMetal && hasProvider;

export const groupKey = (networkId: string): string => `metal:${networkId}`;

/** One group for each network that has such a port. */
export function metalRows(state: NetworkState, hosts: GatewayHosts): DesiredRow[] {
  if (hosts.chassis.length === 0) return [];
  const withMetal = new Set(state.ports.filter(({ isMetal }) => isMetal).map(({ networkId }) => networkId));
  return state.networks
    .filter(({ id, provider }) => provider !== null && withMetal.has(id))
    .flatMap(({ id }) => {
      const members = (gatewayOf(state, id)?.hosts ?? hostsInOrder(id, hosts)).map((name, at) =>
        desired('HA_Chassis', `metal:${id}:${name}`, { chassis_name: name, priority: HOST_PRIORITY_MAX - at }),
      );
      return [
        ...members,
        desired('HA_Chassis_Group', groupKey(id), { name: `metal-${id}`, ha_chassis: referAll(members.map(({ key }) => key)) }),
      ];
    });
}

/** The way out of the router that is the network's gateway; else of the first that has one. */
function gatewayOf(state: NetworkState, networkId: string): GatewayFact | undefined {
  const gateways = new Set(state.subnets.filter((subnet) => subnet.networkId === networkId).map(({ gateway }) => gateway));
  const legs = state.ports
    .filter((port) => port.networkId === networkId && port.owner === 'network:router_interface')
    .toSorted((one, other) => (one.id < other.id ? -1 : 1));
  const leg = legs.find(({ addresses }) => addresses.some(({ address }) => gateways.has(address))) ?? legs[0];
  return state.routers.find(({ id }) => id === leg?.deviceId)?.gateway ?? undefined;
}
