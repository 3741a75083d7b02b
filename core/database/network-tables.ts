import type { ColumnType, Generated } from 'kysely';
import type { Created, JsonColumn } from './inventory-tables.ts';

/** Rows of the network room. Addresses, prefixes and MAC addresses are text to us and checked types to PostgreSQL. */
type Touched = ColumnType<Date, Date | undefined, Date>;
type List = ColumnType<string[], string[] | undefined, string[]>;

/** What every noun has. */
export interface NetworkNoun {
  id: Generated<string>;
  project_id: string;
  description: Generated<string>;
  tags: List;
  revision_number: Generated<number>;
  created_at: Created;
  updated_at: Touched;
}
interface Named extends NetworkNoun {
  name: Generated<string>;
}

export interface NetworkTables {
  network: Named & {
    admin_state_up: Generated<boolean>;
    status: Generated<string>;
    mtu: number;
    vlan_transparent: boolean | null;
    port_security_enabled: Generated<boolean>;
    is_default: Generated<boolean>;
    dns_domain: Generated<string>;
    availability_zone_hints: List;
    qos_policy_id: string | null;
  };
  network_segment: NetworkNoun & {
    name: string | null;
    network_id: string;
    network_type: string;
    physical_network: string | null;
    segmentation_id: number | null;
    position: Generated<number>;
  };
  network_subnet: Named & NetworkSubnetColumns;
  network_allocation_pool: { subnet_id: string; first: string; last: string };
  network_rbac: NetworkNoun & { object_type: string; object_id: string; action: string; target_project: string };
  network_port: Named & NetworkPortColumns;
  network_address: { subnet_id: string; ip_address: string; network_id: string; port_id: string; position: Generated<number> };
  network_port_security_group: { port_id: string; security_group_id: string };
  network_port_binding: NetworkBindingColumns & { port_id: string };
  network_security_group: Named & { stateful: Generated<boolean>; is_default: Generated<boolean> };
  network_router_interface: { port_id: string; router_id: string };
  network_subport: { port_id: string; trunk_id: string; segmentation_type: string; segmentation_id: number };
  network_address_group_member: { address_group_id: string; address: string };
  network_flavor_profile: { flavor_id: string; service_profile_id: string };
  network_agent_withdrawal: { agent_id: string; network_id: string };
  network_agent_router: { agent_id: string; router_id: string; is_given: boolean };
  network_metadata_port: { network_id: string; port_id: string };
  network_ha_network: { project_id: string; network_id: string };
  network_quota: { project_id: string; resource: string; most: number };
  network_auto_topology: { project_id: string; network_id: string; router_id: string };
}

interface NetworkSubnetColumns {
  network_id: string;
  ip_version: 4 | 6;
  cidr: string;
  gateway_ip: string | null;
  enable_dhcp: Generated<boolean>;
  ipv6_ra_mode: string | null;
  ipv6_address_mode: string | null;
  subnetpool_id: string | null;
  segment_id: string | null;
  dns_nameservers: List;
  host_routes: JsonColumn;
  service_types: List;
  dns_publish_fixed_ip: Generated<boolean>;
}

export interface NetworkBindingColumns {
  host: Generated<string>;
  vnic_type: Generated<string>;
  profile: JsonColumn;
  vif_type: Generated<string>;
  vif_details: JsonColumn;
}

interface NetworkPortColumns extends NetworkBindingColumns {
  network_id: string;
  mac_address: string;
  admin_state_up: Generated<boolean>;
  status: Generated<string>;
  device_id: Generated<string>;
  device_owner: Generated<string>;
  port_security_enabled: Generated<boolean>;
  allowed_address_pairs: JsonColumn;
  extra_dhcp_opts: JsonColumn;
  dns_name: Generated<string>;
  dns_domain: Generated<string>;
  ip_allocation: Generated<string>;
  qos_policy_id: string | null;
  data_plane_status: string | null;
  device_profile: string | null;
  numa_affinity_policy: string | null;
  hints: JsonColumn | null;
  propagate_uplink_status: Generated<boolean>;
}
