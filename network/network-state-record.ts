import type { Db } from './mechanism/row-read.ts';
import { query } from './mechanism/statement.ts';

/** The channel on which every transaction that changes networks says so when it commits. */
export const NETWORK_CHANGED = 'network_changed';

/*
 * Everything that whoever carries networks out needs to know, as plain values and in one read: the wish, not how it is done. Read
 * it again whenever `NETWORK_CHANGED` is heard or the connection was broken; nothing in it depends on who asks.
 */
export interface NetworkState {
  readonly networks: readonly NetworkWish[];
  readonly subnets: readonly SubnetWish[];
  readonly ports: readonly PortWish[];
  readonly routers: readonly RouterWish[];
  readonly floatingIps: readonly FloatingIpWish[];
  readonly securityGroups: readonly SecurityGroupWish[];
  readonly addressGroups: readonly { readonly id: string; readonly addresses: readonly string[] }[];
  readonly qosPolicies: readonly { readonly id: string; readonly rules: readonly QosRuleWish[] }[];
}

export interface NetworkWish {
  readonly id: string;
  readonly name: string;
  readonly projectId: string;
  readonly mtu: number;
  readonly isUp: boolean;
  readonly isExternal: boolean;
  readonly qosPolicyId: string | null;
  readonly revision: number;
  readonly segments: readonly {
    readonly id: string;
    readonly type: string;
    readonly physicalNetwork: string | null;
    readonly segmentationId: number | null;
  }[];
}

export interface SubnetWish {
  readonly id: string;
  readonly networkId: string;
  readonly version: 4 | 6;
  readonly cidr: string;
  readonly gateway: string | null;
  readonly dhcp: boolean;
  readonly raMode: string | null;
  readonly addressMode: string | null;
  readonly nameservers: readonly string[];
  readonly routes: readonly RouteWish[];
  readonly revision: number;
}

export interface RouteWish {
  readonly destination: string;
  readonly nexthop: string;
}

export interface PortWish {
  readonly id: string;
  readonly name: string;
  readonly networkId: string;
  readonly mac: string;
  readonly isUp: boolean;
  readonly deviceOwner: string;
  readonly deviceId: string;
  readonly host: string;
  readonly vnicType: string;
  readonly addresses: readonly { readonly subnetId: string; readonly ip: string }[];
  /** Addresses are checked, and security groups mean something. */
  readonly isSecure: boolean;
  readonly securityGroupIds: readonly string[];
  readonly addressPairs: readonly { readonly mac_address: string; readonly ip_address: string }[];
  readonly dhcpOptions: readonly { readonly opt_name: string; readonly opt_value: string; readonly ip_version: 4 | 6 }[];
  readonly qosPolicyId: string | null;
  readonly dnsName: string;
  /** Of a port on a trunk: the parent's port and the VLAN there. */
  readonly trunk: { readonly parentPortId: string; readonly vlan: number } | null;
  readonly revision: number;
}

export interface RouterWish {
  readonly id: string;
  readonly name: string;
  readonly isUp: boolean;
  readonly isDistributed: boolean;
  readonly snat: boolean;
  readonly gatewayPortId: string | null;
  readonly interfacePortIds: readonly string[];
  readonly routes: readonly RouteWish[];
  readonly revision: number;
}

export interface FloatingIpWish {
  readonly id: string;
  readonly networkId: string;
  readonly ip: string;
  readonly routerId: string | null;
  readonly portId: string | null;
  readonly fixedIp: string | null;
  readonly qosPolicyId: string | null;
  readonly forwardings: readonly {
    readonly protocol: string;
    readonly externalFirst: number;
    readonly externalLast: number;
    readonly internalFirst: number;
    readonly internalLast: number;
    readonly internalIp: string;
    readonly internalPortId: string;
  }[];
  readonly revision: number;
}

export interface SecurityGroupWish {
  readonly id: string;
  readonly isStateful: boolean;
  readonly rules: readonly {
    readonly id: string;
    readonly direction: 'ingress' | 'egress';
    readonly ethertype: 'IPv4' | 'IPv6';
    readonly protocol: string | null;
    readonly first: number | null;
    readonly last: number | null;
    readonly prefix: string | null;
    readonly remoteGroupId: string | null;
    readonly remoteAddressGroupId: string | null;
  }[];
  readonly revision: number;
}

export interface QosRuleWish {
  readonly kind: string;
  readonly direction: string | null;
  readonly maxKbps: number | null;
  readonly maxBurstKbps: number | null;
  readonly dscpMark: number | null;
  readonly minKbps: number | null;
}

const list = (inner: string) => `(select coalesce(json_agg(x), '[]') from (${inner}) x)`;

const SEGMENTS = `select id, network_type as type, physical_network as "physicalNetwork", segmentation_id as "segmentationId"
  from network_segment where network_id = n.id order by position`;
const NETWORKS = `select n.id, n.name, n.project_id as "projectId", n.mtu, n.admin_state_up as "isUp", n.qos_policy_id as "qosPolicyId",
  n.revision_number as revision, ${list(SEGMENTS)} as segments,
  exists (select from network_rbac r where r.object_id = n.id and r.action = 'access_as_external') as "isExternal" from network n`;

const SUBNETS = `select id, network_id as "networkId", ip_version as version, cidr::text, host(gateway_ip) as gateway, enable_dhcp as dhcp,
  ipv6_ra_mode as "raMode", ipv6_address_mode as "addressMode", dns_nameservers as nameservers, host_routes as routes,
  revision_number as revision from network_subnet`;

const ADDRESSES = `select subnet_id as "subnetId", host(ip_address) as ip from network_address where port_id = p.id order by position`;
const PORTS = `select p.id, p.name, p.network_id as "networkId", p.mac_address as mac, p.admin_state_up as "isUp", p.device_owner as "deviceOwner",
  p.device_id as "deviceId", p.host, p.vnic_type as "vnicType", ${list(ADDRESSES)} as addresses, p.port_security_enabled as "isSecure",
  array(select security_group_id from network_port_security_group where port_id = p.id) as "securityGroupIds",
  p.allowed_address_pairs as "addressPairs", p.extra_dhcp_opts as "dhcpOptions", p.qos_policy_id as "qosPolicyId", p.dns_name as "dnsName",
  (select json_build_object('parentPortId', k.port_id, 'vlan', s.segmentation_id) from network_subport s
   join network_trunk k on k.id = s.trunk_id where s.port_id = p.id) as trunk, p.revision_number as revision from network_port p`;

const ROUTERS = `select r.id, r.name, r.admin_state_up as "isUp", r.distributed as "isDistributed", r.enable_snat as snat,
  r.gateway_port_id as "gatewayPortId", array(select port_id from network_router_interface where router_id = r.id) as "interfacePortIds",
  r.routes, r.revision_number as revision from network_router r`;

const FORWARDINGS = `select protocol, external_first as "externalFirst", external_last as "externalLast", internal_first as "internalFirst",
  internal_last as "internalLast", host(internal_ip_address) as "internalIp", internal_port_id as "internalPortId"
  from network_port_forwarding where floatingip_id = f.id`;
const FLOATING_IPS = `select f.id, f.floating_network_id as "networkId", host(f.floating_ip_address) as ip, f.router_id as "routerId",
  f.port_id as "portId", host(f.fixed_ip_address) as "fixedIp", f.qos_policy_id as "qosPolicyId", ${list(FORWARDINGS)} as forwardings,
  f.revision_number as revision from network_floatingip f`;

const RULES = `select id, direction, ethertype, protocol, port_range_min as first, port_range_max as last, normalized_cidr::text as prefix,
  remote_group_id as "remoteGroupId", remote_address_group_id as "remoteAddressGroupId"
  from network_security_group_rule where security_group_id = g.id`;
const GROUPS = `select g.id, g.stateful as "isStateful", ${list(RULES)} as rules, g.revision_number as revision from network_security_group g`;

const ADDRESS_GROUPS = `select a.id, array(select address::text from network_address_group_member where address_group_id = a.id) as addresses
  from network_address_group a`;

const QOS_RULES = `select kind, direction, max_kbps as "maxKbps", max_burst_kbps as "maxBurstKbps", dscp_mark as "dscpMark", min_kbps as "minKbps"
  from network_qos_rule where qos_policy_id = q.id`;
const POLICIES = `select q.id, ${list(QOS_RULES)} as rules from network_qos_policy q`;

/** One statement, and so one moment: nothing in it contradicts anything else. */
export async function readNetworkState(db: Db): Promise<NetworkState> {
  const rows = await query<{ state: NetworkState }>(
    db,
    `select json_build_object('networks', ${list(NETWORKS)}, 'subnets', ${list(SUBNETS)}, 'ports', ${list(PORTS)}, 'routers', ${list(ROUTERS)},
       'floatingIps', ${list(FLOATING_IPS)}, 'securityGroups', ${list(GROUPS)}, 'addressGroups', ${list(ADDRESS_GROUPS)},
       'qosPolicies', ${list(POLICIES)}) as state`,
  );
  return rows[0]!.state;
}
