import type { Db } from './mechanism/row-read.ts';
import { DHCP_AGENT } from './noun/agent-noun.ts';
import { OVN_BINARY } from './network-host-service.ts';
import { query } from './mechanism/statement.ts';
import { METADATA_OWNER, type NetworkState } from './ovn/network-state.ts';

/** The channel on which every transaction that changes networks says so when it commits. */
export const NETWORK_CHANGED = 'network_changed';

/*
 * What the tables want of whoever carries networks out. One statement, and so one moment: nothing in it contradicts anything
 * else. Read it again whenever `NETWORK_CHANGED` is heard or the connection was broken.
 */
const list = (inner: string) => `(select coalesce(json_agg(x), '[]') from (${inner}) x)`;

/** Who answers machines of a network `n`. What does not depend on the network is asked once, and not for each. */
const DHCP_HOSTS = `network_agent a where a.agent_type = '${DHCP_AGENT}' and a."binary" = '${OVN_BINARY}'`;
const NAMES = `unnest(array[a.host, a.configurations->>'chassis_name'])`;
const DHCP = `json_build_object(
  'isServed', not exists (select from ${DHCP_HOSTS}) or (select count(*) from ${DHCP_HOSTS} and a.admin_state_up) > coalesce(w.up, 0),
  'notAt', array(select ${NAMES} from ${DHCP_HOSTS} and not a.admin_state_up) || coalesce(w.names, '{}'))`;

/* Networks are many: what each has of the other tables is gathered once for all, and not asked for one by one. */
const WAYS = `select s.network_id, array_agg(json_build_object('physicalNetwork', s.physical_network, 'vlan', s.segmentation_id) order by s.position) as ways
  from network_segment s where s.physical_network is not null group by s.network_id`;
const WITHDRAWN = `select w.network_id, count(*) filter (where a.admin_state_up) as up,
  array_agg(a.host) || array_agg(a.configurations->>'chassis_name') as names
  from network_agent_withdrawal w, ${DHCP_HOSTS} and a.id = w.agent_id group by w.network_id`;
const NETWORKS = `select n.id, n.name, n.mtu, s.ways[1] as provider, coalesce(s.ways[2:], '{}') as "moreProviders",
  n.id in (select r.object_id from network_rbac r where r.action = 'access_as_external') as "isExternal",
  ${DHCP} as dhcp
  from network n left join (${WAYS}) s on s.network_id = n.id left join (${WITHDRAWN}) w on w.network_id = n.id`;

const SUBNETS = `select id, network_id as "networkId", cidr::text, ip_version as "ipVersion", host(gateway_ip) as gateway,
  enable_dhcp as "hasDhcp", dns_nameservers as "dnsServers", host_routes as routes, ipv6_address_mode as "addressMode",
  ipv6_ra_mode as "raMode" from network_subnet`;

const ADDRESSES = 'select subnet_id as "subnetId", host(ip_address) as address from network_address where port_id = p.id order by position';
const PAIRS = `select e->>'ip_address' as address, e->>'mac_address' as mac from jsonb_array_elements(p.allowed_address_pairs) e`;
const OPTIONS = `select e->>'opt_name' as name, e->>'opt_value' as value, coalesce((e->>'ip_version')::integer, 4) as "ipVersion"
  from jsonb_array_elements(p.extra_dhcp_opts) e where e->>'opt_value' is not null`;
/*
 * A floating IP's port only keeps the address: the router answers for it. A port is a router's leg when the router says so, whatever
 * its owner's name. A machine of its own is no host with a virtual switch.
 */
const PORTS = `select p.id, p.network_id as "networkId", p.mac_address as mac, ${list(ADDRESSES)} as addresses,
  p.admin_state_up as "isEnabled", p.port_security_enabled as "hasPortSecurity", ${list(PAIRS)} as "allowedPairs",
  array(select g.security_group_id from network_port_security_group g where g.port_id = p.id) as "securityGroupIds",
  case when g.id is not null then 'network:router_gateway' when i.router_id is not null then 'network:router_interface'
    when m.port_id is not null then '${METADATA_OWNER}'
    when p.device_owner like 'network:router%' or p.device_owner = '${METADATA_OWNER}' then '' else p.device_owner end as owner,
  coalesce(g.id::text, i.router_id::text, p.device_id) as "deviceId",
  case when p.host <> '' and p.vif_type = 'ovs' then p.host end as "hostId", p.vnic_type = 'baremetal' and p.host <> '' as "isMetal",
  (select json_build_object('portId', k.port_id, 'vlan', s.segmentation_id) from network_subport s
   join network_trunk k on k.id = s.trunk_id where s.port_id = p.id) as parent,
  ${list(OPTIONS)} as "dhcpOptions", nullif(p.dns_name, '') as "dnsName",
  coalesce(p.qos_policy_id, n.qos_policy_id) as "qosPolicyId"
  from network_port p join network n on n.id = p.network_id left join network_router g on g.gateway_port_id = p.id left join network_router_interface i on i.port_id = p.id
  left join network_metadata_port m on m.port_id = p.id
  where p.device_owner <> 'network:floatingip'`;

const ROUTERS = `select r.id, r.name, r.admin_state_up as "isEnabled", r.routes,
  case when r.gateway_port_id is not null then json_build_object('portId', r.gateway_port_id, 'hasSnat', r.enable_snat,
    'qosPolicyId', coalesce(r.qos_policy_id, n.qos_policy_id), 'hosts', array(select a.configurations->>'chassis_name' from network_router_agent h
      join network_agent a on a.id = h.agent_id where h.router_id = r.id and a."binary" = '${OVN_BINARY}' order by h.place)) end as gateway
  from network_router r left join network_port p on p.id = r.gateway_port_id left join network n on n.id = p.network_id`;

/** Protocols that OVN's load balancers know; ranges are as many single ports, side by side. */
const FORWARDINGS = `select w.protocol, w.external_first + o as "externalPort", host(w.internal_ip_address) as "internalAddress",
  least(w.internal_first + o, w.internal_last) as "internalPort"
  from network_port_forwarding w, generate_series(0, w.external_last - w.external_first) o
  where w.floatingip_id = f.id and w.protocol in ('tcp', 'udp', 'sctp')`;
const FLOATING_IPS = `select f.id, host(f.floating_ip_address) as address, f.router_id as "routerId",
  case when f.port_id is not null then host(f.fixed_ip_address) end as "fixedAddress", ${list(FORWARDINGS)} as forwardings,
  coalesce(f.qos_policy_id, n.qos_policy_id) as "qosPolicyId" from network_floatingip f join network n on n.id = f.floating_network_id`;

const RULES = `select id, direction, ethertype, protocol, port_range_min as "portMin", port_range_max as "portMax",
  normalized_cidr::text as "remotePrefix", remote_group_id as "remoteGroupId", remote_address_group_id as "remoteAddressGroupId"
  from network_security_group_rule where security_group_id = g.id`;
const GROUPS = `select g.id, g.stateful as "isStateful", ${list(RULES)} as rules from network_security_group g`;

const ADDRESS_GROUPS = `select a.id, array(select m.address::text from network_address_group_member m
  where m.address_group_id = a.id) as addresses from network_address_group a`;

/** Kinds that OVN can carry out: it counts no packets. */
const QOS_RULES = `select kind, direction, coalesce(max_kbps, min_kbps) as kbps, nullif(max_burst_kbps, 0) as burst, dscp_mark as mark
  from network_qos_rule where qos_policy_id = q.id and kind in ('bandwidth_limit', 'dscp_marking', 'minimum_bandwidth')`;
const QOS_POLICIES = `select q.id, ${list(QOS_RULES)} as rules from network_qos_policy q`;

export async function readNetworkState(db: Db): Promise<NetworkState> {
  const rows = await query<{ state: NetworkState }>(
    db,
    `select json_build_object('networks', ${list(NETWORKS)}, 'subnets', ${list(SUBNETS)}, 'ports', ${list(PORTS)},
       'routers', ${list(ROUTERS)}, 'floatingIps', ${list(FLOATING_IPS)}, 'securityGroups', ${list(GROUPS)},
       'addressGroups', ${list(ADDRESS_GROUPS)}, 'qosPolicies', ${list(QOS_POLICIES)}) as state`,
  );
  return rows[0]!.state;
}
