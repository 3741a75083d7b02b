/*
 * Everything that a network back end needs to know, as plain values: what the tables say at one moment. Ids are UUIDs as texts, addresses and prefixes are
 * texts in their shortest form.
 */
export interface NetworkState {
  readonly networks: readonly NetworkFact[];
  readonly subnets: readonly SubnetFact[];
  readonly ports: readonly PortFact[];
  readonly routers: readonly RouterFact[];
  readonly floatingIps: readonly FloatingIpFact[];
  readonly securityGroups: readonly SecurityGroupFact[];
  readonly addressGroups: readonly { readonly id: string; readonly addresses: readonly string[] }[];
  readonly qosPolicies: readonly QosPolicyFact[];
}

export interface QosPolicyFact {
  readonly id: string;
  readonly rules: readonly QosRuleFact[];
}

/** Directions are those of the machine: `egress` is what it sends. Kilobits a second; a burst is in kilobits. */
export type QosRuleFact =
  | { readonly kind: 'bandwidth_limit'; readonly direction: 'ingress' | 'egress'; readonly kbps: number; readonly burst: number | null }
  | { readonly kind: 'dscp_marking'; readonly mark: number }
  | { readonly kind: 'minimum_bandwidth'; readonly direction: 'ingress' | 'egress'; readonly kbps: number };

export interface NetworkFact {
  readonly id: string;
  readonly name: string;
  readonly mtu: number;
  /** A network of the site: the name that hosts map to a bridge, and its VLAN; null for an overlay. */
  readonly provider: { readonly physicalNetwork: string; readonly vlan: number | null } | null;
  /** Segments of other physical networks: a host's ports are on the one that it has a way to. */
  readonly moreProviders: readonly { readonly physicalNetwork: string; readonly vlan: number | null }[];
  readonly isExternal: boolean;
  readonly dhcp: DhcpFact;
}

/** Who answers machines that ask for their addresses. */
export interface DhcpFact {
  /** Somebody does; else nobody. */
  readonly isServed: boolean;
  /** Hosts, by any of their names, that do not. */
  readonly notAt: readonly string[];
}

export interface SubnetFact {
  readonly id: string;
  readonly networkId: string;
  readonly cidr: string;
  readonly ipVersion: 4 | 6;
  readonly gateway: string | null;
  readonly hasDhcp: boolean;
  readonly dnsServers: readonly string[];
  readonly routes: readonly RouteFact[];
  /** IPv6 only: who gives addresses, and what router advertisements say. */
  readonly addressMode: 'slaac' | 'dhcpv6-stateful' | 'dhcpv6-stateless' | null;
  readonly raMode: 'slaac' | 'dhcpv6-stateful' | 'dhcpv6-stateless' | null;
}

export interface RouteFact {
  readonly destination: string;
  readonly nexthop: string;
}

/** Of the port at which each host answers the network's machines for metadata. */
export const METADATA_OWNER = 'network:distributed';

export interface PortFact {
  readonly id: string;
  readonly networkId: string;
  readonly mac: string;
  readonly addresses: readonly { readonly subnetId: string; readonly address: string }[];
  readonly isEnabled: boolean;
  readonly hasPortSecurity: boolean;
  readonly allowedPairs: readonly { readonly address: string; readonly mac: string | null }[];
  readonly securityGroupIds: readonly string[];
  readonly owner: string;
  /** The router, for its interfaces. */
  readonly deviceId: string;
  readonly hostId: string | null;
  /** A machine of its own, behind a switch of the site: no host plugs it in. */
  readonly isMetal: boolean;
  /** A trunk's subport: frames of the parent with this VLAN. */
  readonly parent: { readonly portId: string; readonly vlan: number } | null;
  readonly dhcpOptions: readonly { readonly name: string; readonly value: string; readonly ipVersion: 4 | 6 }[];
  readonly dnsName: string | null;
  /** Its own, or else its network's. */
  readonly qosPolicyId: string | null;
}

export interface RouterFact {
  readonly id: string;
  readonly name: string;
  readonly isEnabled: boolean;
  readonly gateway: GatewayFact | null;
  readonly routes: readonly RouteFact[];
}

export interface GatewayFact {
  readonly portId: string;
  readonly hasSnat: boolean;
  readonly qosPolicyId: string | null;
  /** OVN's names of the hosts that it may be at, best first. */
  readonly hosts: readonly string[];
}

export interface FloatingIpFact {
  readonly id: string;
  readonly address: string;
  readonly routerId: string | null;
  /** Null while it is nobody's; ports of it may be forwarded all the same. */
  readonly fixedAddress: string | null;
  readonly qosPolicyId: string | null;
  readonly forwardings: readonly {
    readonly protocol: 'tcp' | 'udp' | 'sctp';
    readonly externalPort: number;
    readonly internalAddress: string;
    readonly internalPort: number;
  }[];
}

export interface SecurityGroupFact {
  readonly id: string;
  readonly isStateful: boolean;
  readonly rules: readonly SecurityRuleFact[];
}

export interface SecurityRuleFact {
  readonly id: string;
  readonly direction: 'ingress' | 'egress';
  readonly ethertype: 'IPv4' | 'IPv6';
  /** A name that OpenStack knows, or a number as text; null: any. */
  readonly protocol: string | null;
  /** Ports, or the type and code of ICMP. */
  readonly portMin: number | null;
  readonly portMax: number | null;
  readonly remotePrefix: string | null;
  readonly remoteGroupId: string | null;
  readonly remoteAddressGroupId: string | null;
}

/** Hosts that say that they are gateways. */
export interface GatewayHosts {
  readonly chassis: readonly string[];
}
