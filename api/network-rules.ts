import type { PolicyRule } from '../identity/policy-engine.ts';

/*
 * Who may do what with networks: Neutron's default policy as data (docs.openstack.org/neutron, "Sample Policy"), so that an
 * operator's policy file written for Neutron means the same here. Rules of an attribute (`create_network:shared`) are asked
 * for only when a request has it; those of `get_` say who is shown it.
 */
const ADMIN = 'rule:admin_only';
const own = (role: string) => `(rule:admin_only) or (role:${role} and project_id:%(project_id)s)`;
const ofParent = (role: string) => `(rule:admin_only) or (role:${role} and rule:ext_parent_owner)`;
const [MEMBER, READER, MANAGER] = [own('member'), own('reader'), own('manager')];
const [PARENT_MEMBER, PARENT_READER, PARENT_MANAGER] = [ofParent('member'), ofParent('reader'), ofParent('manager')];
const SERVICE = '(rule:admin_only) or (rule:service_api)';
/** The older, wider checks. */
const OWNER = 'rule:admin_or_project_owner';
const ANYBODY = 'rule:regular_user';
const PARENT_OWNER = 'rule:admin_or_ext_parent_owner';
const NETWORK_OWNER = 'rule:admin_or_network_owner';

const rules = (names: string, check: string, deprecated?: string): PolicyRule[] =>
  names.split(' ').map((name) => ({ name, check, ...(deprecated === undefined ? {} : { deprecated }) }));

/** What other rules name. Two are not called as in Neutron, where Keystone has others of that name: `owner`, `admin_or_owner`. */
const parts: readonly PolicyRule[] = [
  { name: 'shared_address_groups', check: 'field:address_groups:shared=True' },
  { name: 'shared_address_scopes', check: 'field:address_scopes:shared=True' },
  { name: 'context_is_admin', check: 'role:admin' },
  { name: 'context_with_global_access', check: '!' },
  { name: 'service_api', check: 'role:service' },
  { name: 'project_owner', check: 'project_id:%(project_id)s' },
  { name: 'admin_or_project_owner', check: 'rule:context_is_admin or rule:project_owner' },
  { name: 'context_is_advsvc', check: 'role:advsvc' },
  { name: 'admin_or_network_owner', check: 'rule:context_is_admin or project_id:%(network:project_id)s' },
  { name: 'admin_owner_or_network_owner', check: 'rule:project_owner or rule:admin_or_network_owner' },
  { name: 'network_owner', check: 'project_id:%(network:project_id)s' },
  { name: 'admin_only', check: 'rule:context_is_admin' },
  { name: 'regular_user', check: '' },
  { name: 'shared', check: 'field:networks:shared=True' },
  { name: 'admin_or_ext_parent_owner', check: 'rule:context_is_admin or project_id:%(ext_parent:project_id)s' },
  { name: 'ext_parent_owner', check: 'project_id:%(ext_parent:project_id)s' },
  { name: 'sg_owner', check: 'project_id:%(security_group:project_id)s' },
  { name: 'external', check: 'field:networks:router:external=True' },
  { name: 'network_device', check: 'field:port:device_owner=~^network:' },
  { name: 'admin_or_data_plane_int', check: 'rule:context_is_admin or role:data_plane_integrator' },
  { name: 'shared_qos_policy', check: 'field:policies:shared=True' },
  {
    name: 'restrict_wildcard',
    check: '(not field:rbac_policy:target_tenant=* and not field:rbac_policy:target_project=*) or rule:admin_only',
  },
  { name: 'admin_or_sg_owner', check: 'rule:context_is_admin or project_id:%(security_group:project_id)s' },
  { name: 'admin_owner_or_sg_owner', check: 'rule:project_owner or rule:admin_or_sg_owner' },
  { name: 'shared_security_group', check: 'field:security_groups:shared=True' },
  { name: 'rule_default_sg', check: 'field:security_group_rules:belongs_to_default_sg=True' },
  { name: 'external_network', check: 'field:subnets:router:external=True' },
  { name: 'shared_subnetpools', check: 'field:subnetpools:shared=True' },
];

const foundationRules: readonly PolicyRule[] = [
  ...rules('create_network create_network:port_security_enabled', MEMBER, ANYBODY),
  ...rules(
    'create_network:shared create_network:router:external create_network:is_default create_network:segments create_network:provider:network_type create_network:provider:physical_network create_network:provider:segmentation_id get_network:segments get_network:provider:network_type get_network:provider:physical_network get_network:provider:segmentation_id update_network:segments update_network:shared update_network:provider:network_type update_network:provider:physical_network update_network:provider:segmentation_id update_network:router:external update_network:is_default',
    ADMIN,
  ),
  ...rules(
    'get_network',
    '(rule:admin_only) or (role:reader and project_id:%(project_id)s) or rule:service_api or rule:shared or rule:external or rule:context_is_advsvc',
    'rule:admin_or_project_owner or rule:shared or rule:external or rule:context_is_advsvc',
  ),
  ...rules('update_network update_network:port_security_enabled delete_network', MEMBER, OWNER),
  ...rules('get_network_ip_availability', SERVICE, ADMIN),
  ...rules('create_network_segment_range get_network_segment_range update_network_segment_range delete_network_segment_range', ADMIN),
  ...rules('create_segment get_segment update_segment delete_segment', ADMIN),
  ...rules('create_subnet', '(rule:admin_only) or (role:member and rule:network_owner)', NETWORK_OWNER),
  ...rules('create_subnet:segment_id get_subnet:segment_id update_subnet:segment_id', ADMIN),
  ...rules(
    'get_subnet',
    'role:reader and project_id:%(project_id)s or rule:shared or rule:external_network or (rule:admin_only) or (role:reader and rule:network_owner) or rule:service_api',
    'rule:shared or rule:external_network or rule:admin_or_project_owner',
  ),
  ...rules(
    'update_subnet delete_subnet',
    'role:member and project_id:%(project_id)s or (rule:admin_only) or (role:member and rule:network_owner)',
    NETWORK_OWNER,
  ),
  ...rules('create_subnetpool', MEMBER, ANYBODY),
  ...rules('create_subnetpool:shared create_subnetpool:is_default update_subnetpool:is_default', ADMIN),
  ...rules(
    'get_subnetpool',
    '(rule:admin_only) or (role:reader and project_id:%(project_id)s) or rule:shared_subnetpools',
    'rule:admin_or_project_owner or rule:shared_subnetpools',
  ),
  ...rules('update_subnetpool delete_subnetpool onboard_network_subnets add_prefixes remove_prefixes', MEMBER, OWNER),
  ...rules('create_address_scope', MEMBER, ANYBODY),
  ...rules('create_address_scope:shared update_address_scope:shared', ADMIN),
  ...rules(
    'get_address_scope',
    'rule:admin_only or role:reader and project_id:%(project_id)s or rule:shared_address_scopes',
    'rule:admin_or_project_owner or rule:shared_address_scopes',
  ),
  ...rules('update_address_scope delete_address_scope', MEMBER, OWNER),
  ...rules('create_rbac_policy', MEMBER, ANYBODY),
  ...rules(
    'create_rbac_policy:target_tenant',
    'rule:admin_only or (not field:rbac_policy:target_tenant=* and not field:rbac_policy:target_project=*)',
    'rule:restrict_wildcard',
  ),
  ...rules(
    'create_rbac_policy:target_project update_rbac_policy:target_project',
    'rule:admin_only or not field:rbac_policy:target_project=*',
  ),
  ...rules('update_rbac_policy delete_rbac_policy', MEMBER, OWNER),
  ...rules(
    'update_rbac_policy:target_tenant',
    'rule:admin_only or (not field:rbac_policy:target_tenant=* and not field:rbac_policy:target_project=*)',
    'rule:restrict_wildcard and rule:admin_or_project_owner',
  ),
  ...rules('get_rbac_policy', READER, OWNER),
  ...rules('get_auto_allocated_topology', READER, OWNER),
  ...rules('delete_auto_allocated_topology', MEMBER, OWNER),
  ...rules('get_quota', MANAGER, ADMIN),
  ...rules('update_quota delete_quota', ADMIN),
];

const portsRules: readonly PolicyRule[] = [
  ...rules('create_port', '(rule:admin_only) or (rule:service_api) or role:member and rule:network_owner or rule:shared', ANYBODY),
  ...rules(
    'create_port:device_id create_port:binding:vnic_type update_port:device_id',
    '(rule:admin_only) or (role:member and project_id:%(project_id)s) or rule:service_api',
    ANYBODY,
  ),
  ...rules(
    'create_port:device_owner update_port:device_owner',
    'not rule:network_device or (rule:admin_only) or (rule:service_api) or role:member and rule:network_owner',
    'not rule:network_device or rule:context_is_advsvc or rule:admin_or_network_owner',
  ),
  ...rules(
    'create_port:mac_address create_port:fixed_ips:ip_address create_port:port_security_enabled update_port:fixed_ips update_port:fixed_ips:ip_address update_port:port_security_enabled',
    '(rule:admin_only) or (rule:service_api) or role:member and rule:network_owner',
    'rule:context_is_advsvc or rule:admin_or_network_owner',
  ),
  ...rules(
    'create_port:fixed_ips create_port:fixed_ips:subnet_id update_port:fixed_ips:subnet_id',
    '(rule:admin_only) or (rule:service_api) or role:member and rule:network_owner or rule:shared',
    'rule:context_is_advsvc or rule:admin_or_network_owner or rule:shared',
  ),
  ...rules(
    'create_port:binding:host_id get_port:binding:vif_type get_port:binding:vif_details get_port:binding:host_id get_port:binding:profile update_port:binding:host_id',
    SERVICE,
    ADMIN,
  ),
  ...rules('create_port:binding:profile update_port:binding:profile', 'rule:service_api', ADMIN),
  ...rules(
    'create_port:allowed_address_pairs create_port:allowed_address_pairs:mac_address create_port:allowed_address_pairs:ip_address update_port:allowed_address_pairs update_port:allowed_address_pairs:mac_address update_port:allowed_address_pairs:ip_address',
    '(rule:admin_only) or (role:member and rule:network_owner) or rule:service_api',
    NETWORK_OWNER,
  ),
  ...rules('create_port:hints get_port:resource_request get_port:hints update_port:hints', ADMIN),
  ...rules(
    'get_port',
    '(rule:admin_only) or (rule:service_api) or role:reader and rule:network_owner or role:reader and project_id:%(project_id)s',
    'rule:context_is_advsvc or rule:admin_owner_or_network_owner',
  ),
  ...rules(
    'update_port update_port:binding:vnic_type',
    '(rule:admin_only) or (rule:service_api) or role:member and project_id:%(project_id)s',
    'rule:admin_or_project_owner or rule:context_is_advsvc',
  ),
  ...rules(
    'update_port:mac_address',
    '(rule:admin_only) or (rule:service_api) or role:manager and rule:network_owner',
    'rule:admin_only or rule:context_is_advsvc',
  ),
  ...rules('update_port:data_plane_status', 'rule:admin_only or role:data_plane_integrator', 'rule:admin_or_data_plane_int'),
  ...rules(
    'delete_port',
    '(rule:admin_only) or (rule:service_api) or role:member and rule:network_owner or role:member and project_id:%(project_id)s',
    'rule:context_is_advsvc or rule:admin_owner_or_network_owner',
  ),
  ...rules('get_port_binding', SERVICE, ADMIN),
  ...rules('create_port_binding delete_port_binding activate update_port_binding', 'rule:service_api', ADMIN),
  ...rules('create_trunk', MEMBER, ANYBODY),
  ...rules('get_trunk', READER, OWNER),
  ...rules('update_trunk delete_trunk add_subports remove_subports', MEMBER, OWNER),
  ...rules('get_subports', READER, ANYBODY),
  ...rules('create_security_group update_security_group delete_security_group', MEMBER, OWNER),
  ...rules('get_security_group', '(rule:admin_only) or (role:reader and project_id:%(project_id)s) or rule:shared_security_group', ANYBODY),
  ...rules('create_security_group_rule delete_security_group_rule', '(rule:admin_only) or (role:member and rule:sg_owner)', OWNER),
  ...rules('get_security_group_rule', '(rule:admin_only) or (role:reader and rule:sg_owner)', 'rule:admin_owner_or_sg_owner'),
  ...rules('create_default_security_group_rule delete_default_security_group_rule', ADMIN),
  ...rules('get_default_security_group_rule', 'role:reader', ANYBODY),
  ...rules('create_address_group', MEMBER, ANYBODY),
  ...rules(
    'get_address_group',
    '(rule:admin_only) or (role:reader and project_id:%(project_id)s) or rule:shared_address_groups',
    'rule:admin_or_project_owner or rule:shared_address_groups',
  ),
  ...rules('update_address_group delete_address_group add_addresses remove_addresses', MEMBER, OWNER),
  ...rules('get_loggable_resource create_log get_log update_log delete_log', MANAGER, ADMIN),
  ...rules('get_policy', '(rule:admin_only) or (role:reader and project_id:%(project_id)s) or rule:shared_qos_policy', ANYBODY),
  ...rules('create_policy update_policy delete_policy', MANAGER, ADMIN),
  ...rules('get_rule_type', 'role:reader', ANYBODY),
  ...rules(
    'get_policy_bandwidth_limit_rule get_policy_packet_rate_limit_rule get_policy_dscp_marking_rule get_policy_minimum_bandwidth_rule get_policy_minimum_packet_rate_rule get_alias_bandwidth_limit_rule get_alias_dscp_marking_rule get_alias_minimum_bandwidth_rule',
    PARENT_READER,
    ANYBODY,
  ),
  ...rules(
    'create_policy_bandwidth_limit_rule update_policy_bandwidth_limit_rule delete_policy_bandwidth_limit_rule create_policy_packet_rate_limit_rule update_policy_packet_rate_limit_rule delete_policy_packet_rate_limit_rule create_policy_dscp_marking_rule update_policy_dscp_marking_rule delete_policy_dscp_marking_rule create_policy_minimum_bandwidth_rule update_policy_minimum_bandwidth_rule delete_policy_minimum_bandwidth_rule create_policy_minimum_packet_rate_rule update_policy_minimum_packet_rate_rule delete_policy_minimum_packet_rate_rule update_alias_bandwidth_limit_rule delete_alias_bandwidth_limit_rule update_alias_dscp_marking_rule delete_alias_dscp_marking_rule update_alias_minimum_bandwidth_rule delete_alias_minimum_bandwidth_rule',
    PARENT_MANAGER,
    ADMIN,
  ),
  ...rules('get_alias_minimum_packet_rate_rule', 'rule:get_policy_minimum_packet_rate_rule', ANYBODY),
  ...rules('update_alias_minimum_packet_rate_rule', 'rule:update_policy_minimum_packet_rate_rule', ADMIN),
  ...rules('delete_alias_minimum_packet_rate_rule', 'rule:delete_policy_minimum_packet_rate_rule', ADMIN),
];

const routingRules: readonly PolicyRule[] = [
  ...rules('create_router', MEMBER, ANYBODY),
  ...rules(
    'create_router:distributed create_router:ha create_router:external_gateway_info:enable_snat create_router:external_gateway_info:external_fixed_ips get_router:distributed get_router:ha update_router:distributed update_router:ha update_router:external_gateway_info:enable_snat update_router:external_gateway_info:external_fixed_ips',
    ADMIN,
  ),
  ...rules(
    'create_router:external_gateway_info create_router:external_gateway_info:network_id update_router update_router:external_gateway_info update_router:external_gateway_info:network_id delete_router add_router_interface remove_router_interface add_extraroutes remove_extraroutes',
    MEMBER,
    OWNER,
  ),
  ...rules('get_router', READER, OWNER),
  ...rules('create_router_conntrack_helper update_router_conntrack_helper delete_router_conntrack_helper', PARENT_MEMBER, PARENT_OWNER),
  ...rules('get_router_conntrack_helper', PARENT_READER, PARENT_OWNER),
  ...rules('create_ndp_proxy', MEMBER, ANYBODY),
  ...rules('get_ndp_proxy', READER, OWNER),
  ...rules('update_ndp_proxy delete_ndp_proxy', MEMBER, OWNER),
  ...rules('create_floatingip', MEMBER, ANYBODY),
  ...rules('create_floatingip:floating_ip_address', MANAGER, ADMIN),
  ...rules('get_floatingip', READER, OWNER),
  ...rules('update_floatingip delete_floatingip', MEMBER, OWNER),
  ...rules('get_floatingip_pool', READER, ANYBODY),
  ...rules(
    'create_floatingip_port_forwarding update_floatingip_port_forwarding delete_floatingip_port_forwarding',
    PARENT_MEMBER,
    PARENT_OWNER,
  ),
  ...rules('get_floatingip_port_forwarding', PARENT_READER, PARENT_OWNER),
  ...rules('create_local_ip', MEMBER, ANYBODY),
  ...rules('get_local_ip', READER, OWNER),
  ...rules('update_local_ip delete_local_ip', MEMBER, OWNER),
  ...rules('create_local_ip_port_association delete_local_ip_port_association', PARENT_MEMBER, PARENT_OWNER),
  ...rules('get_local_ip_port_association', PARENT_READER, PARENT_OWNER),
  ...rules(
    'create_flavor update_flavor delete_flavor create_service_profile get_service_profile update_service_profile delete_service_profile create_flavor_service_profile delete_flavor_service_profile',
    ADMIN,
  ),
  ...rules('get_flavor', 'role:reader', ANYBODY),
  ...rules('get_flavor_service_profile', READER, ANYBODY),
  ...rules('create_metering_label delete_metering_label create_metering_label_rule delete_metering_label_rule', MANAGER, ADMIN),
  ...rules('get_metering_label get_metering_label_rule', READER, ADMIN),
  ...rules(
    'create_agent get_agent update_agent delete_agent create_dhcp-network get_dhcp-networks delete_dhcp-network create_l3-router get_l3-routers update_l3-router delete_l3-router get_dhcp-agents get_l3-agents',
    ADMIN,
  ),
  ...rules('get_availability_zone', 'role:reader', ANYBODY),
  ...rules('get_service_provider', 'role:reader', ANYBODY),
];

/** Tags are changed by whoever may change what they are on. */
const TAGGED = 'floatingip network network_segment_range policy port router security_group segment subnet subnetpool trunk';
const tagRules: readonly PolicyRule[] = TAGGED.split(' ').flatMap((member) => [
  { name: `get_${member}:tags`, check: `rule:get_${member}` },
  ...['create', 'update', 'delete'].map((verb) => ({
    name: `${verb}_${member}:tags`,
    check: `rule:update_${member}`,
    // Neutron of that age let whoever sees a policy tag it.
    deprecated: member === 'policy' ? `${OWNER} or rule:shared_qos_policy` : OWNER,
  })),
]);

export const NETWORK_RULES: readonly PolicyRule[] = [...parts, ...foundationRules, ...portsRules, ...routingRules, ...tagRules];
