import type { GatewayHosts } from '../network-state.ts';

/** The best host has the highest number (ovn-nb(5), "Gateway_Chassis priority", "HA_Chassis priority"). */
export const HOST_PRIORITY_MAX = 100;
/** As many as Neutron gives a router: each tells the others that it lives. */
const HOSTS_MAX = 5;

/** Each begins its list elsewhere, so that no host carries them all. */
export function hostsInOrder(id: string, { chassis }: GatewayHosts): readonly string[] {
  const first = chassis.length === 0 ? 0 : Number.parseInt(id.slice(0, 8), 16) % chassis.length;
  return [...chassis.slice(first), ...chassis.slice(0, first)].slice(0, HOSTS_MAX);
}
