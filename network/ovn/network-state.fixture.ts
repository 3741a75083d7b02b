import type { NetworkFact, NetworkState, PortFact } from './network-state.ts';

/** Facts of one network with one subnet, 10.1.0.0/24, for tables of what OVN gets. */
export const portFact = (at: Pick<PortFact, 'id' | 'networkId'> & { readonly subnetId: string }, more: Partial<PortFact>): PortFact => ({
  id: at.id,
  networkId: at.networkId,
  mac: '52:54:00:00:00:01',
  addresses: [{ subnetId: at.subnetId, address: '10.1.0.5' }],
  isEnabled: true,
  hasPortSecurity: true,
  allowedPairs: [],
  securityGroupIds: [],
  owner: 'compute:nova',
  deviceId: '',
  hostId: null,
  isMetal: false,
  parent: null,
  dhcpOptions: [],
  dnsName: null,
  qosPolicyId: null,
  ...more,
});

export function oneNetwork(network: Pick<NetworkFact, 'id' | 'provider'> & Partial<NetworkFact>, subnetId: string): NetworkState {
  return {
    networks: [{ name: 'n', mtu: 1500, moreProviders: [], isExternal: false, dhcp: { isServed: true, notAt: [] }, ...network }],
    subnets: [
      {
        id: subnetId,
        networkId: network.id,
        cidr: '10.1.0.0/24',
        ipVersion: 4,
        gateway: '10.1.0.1',
        hasDhcp: true,
        dnsServers: [],
        routes: [],
        addressMode: null,
        raMode: null,
      },
    ],
    ports: [],
    routers: [],
    floatingIps: [],
    securityGroups: [],
    addressGroups: [],
    qosPolicies: [],
  };
}
