import { formatIp, maskOf, parsePrefix } from '../core/base/ip-address.ts';
import type { JsonObject } from '../core/base/json.ts';
import type { Interface } from '../network/device-port-service.ts';

/*
 * `network_data.json` of a config drive (nova, "Networking metadata"): links, what is configured on them, name servers. A machine of metal
 * is told its addresses: nothing says that a DHCP server reaches it.
 */
export function networkData(interfaces: readonly Interface[]): JsonObject {
  const links = interfaces.map(({ portId, mac, mtu }, at) => ({
    id: `interface${at}`,
    vif_id: portId,
    type: 'phy',
    mtu,
    ethernet_mac_address: mac,
  }));
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
