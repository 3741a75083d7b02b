import { formatIp, maskOf, parsePrefix } from '../core/base/ip-address.ts';
import type { Json, JsonObject } from '../core/base/json.ts';
import type { Bond } from '../inventory/vif-service.ts';
import type { Interface } from '../network/device-port-service.ts';
import { modeName } from './switch-port-policy.ts';

/*
 * `network_data.json` of a config drive (nova, "Networking metadata"): links, what is configured on them, name servers. A machine of metal
 * is told its addresses: nothing says that a DHCP server reaches it.
 */
export function networkData(interfaces: readonly Interface[], bonds: ReadonlyMap<string, Bond> = new Map()): JsonObject {
  const links = interfaces.flatMap((one, at) => linksOf(one, `interface${at}`, bonds.get(one.portId)));
  const networks = interfaces.flatMap(({ networkId, addresses }, at) =>
    addresses.map((address) => ({ ...networkOf(address), network_id: networkId, link: `interface${at}` })),
  );
  const servers = new Set(interfaces.flatMap(({ addresses }) => addresses.flatMap(({ dnsServers }) => dnsServers)));
  return {
    links,
    networks: networks.map((network, at) => ({ id: `network${at}`, ...network })),
    services: [...servers].map((address) => ({ type: 'dns', address })),
  };
}

/** A bond has the MAC address of its port; its members are links of their own below it. */
function linksOf({ portId, mac, mtu }: Interface, id: string, bond: Bond | undefined): JsonObject[] {
  const common = { id, vif_id: portId, mtu, ethernet_mac_address: mac };
  if (bond === undefined) return [{ ...common, type: 'phy' }];
  const members = bond.members.map((address, at) => ({ id: `${id}-${at}`, type: 'phy', mtu, ethernet_mac_address: address }));
  const options = Object.entries(bond.properties).map(([name, value]) => [name.startsWith('bond') ? name : `bond_${name}`, value as Json]);
  const made = { bond_miimon: LINK_LOOK_MS, ...Object.fromEntries(options), bond_mode: modeName(bond.mode) };
  return [...members, { ...common, type: 'bond', bond_links: members.map((member) => member.id), ...made }];
}

/** Without it Linux never sees that a member's link is down (bonding.rst, `miimon`). */
const LINK_LOOK_MS = 100;

function networkOf({ address, version, cidr, gateway, routes, ipv6Mode }: Interface['addresses'][number]): JsonObject {
  const netmask = maskText(cidr);
  const ways = [
    ...(gateway === null ? [] : [{ network: version === 4 ? '0.0.0.0' : '::', netmask: version === 4 ? '0.0.0.0' : '::', gateway }]),
    ...routes.map(({ destination, nexthop }) => ({
      network: destination.split('/')[0]!,
      netmask: maskText(destination),
      gateway: nexthop,
    })),
  ];
  // Who makes its address of a router's advertisement has to be left to it.
  const type = version === 4 ? 'ipv4' : ipv6Mode === null ? 'ipv6' : `ipv6_${ipv6Mode}`;
  return { type, ip_address: address, netmask, routes: ways };
}

const maskText = (cidr: string): string => {
  const prefix = parsePrefix(cidr);
  return prefix === undefined ? '' : formatIp(prefix.version, maskOf(prefix.version, prefix.length));
};
