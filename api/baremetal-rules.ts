import type { PolicyRule, PolicyScope } from '../identity/policy-engine.ts';

/*
 * Who may do what to bare metal: Ironic's default policy as data (docs.openstack.org/ironic, "Sample Policy"), so that an
 * operator's policy file written for Ironic means the same here. `owner` and `lessee` of a node are projects.
 */
const any = (...checks: string[]) => checks.map((check) => `(${check})`).join(' or ');
const inProject = (role: string, whose: 'node.owner' | 'node.lessee' | 'allocation.owner') => `role:${role} and project_id:%(${whose})s`;
const ofEither = (role: string) => `role:${role} and (project_id:%(node.owner)s or project_id:%(node.lessee)s)`;

const systemAdmin = 'role:admin and system_scope:all';
const systemService = 'role:service and system_scope:all';
const systemMember = any('role:member and system_scope:all', 'rule:service_role');
const systemReader = any('role:reader and system_scope:all', systemService, 'rule:service_role');
const projectService = inProject('service', 'node.owner');
const ownerAdmin = [inProject('admin', 'node.owner'), inProject('manager', 'node.owner')];
const lesseeAdmin = [inProject('admin', 'node.lessee'), inProject('manager', 'node.lessee')];
const ownerMember = inProject('member', 'node.owner');

const systemOrProjectMember = any(systemMember, ofEither('member'), systemService);
const systemOrProjectReader = any(systemReader, ofEither('reader'), projectService);
const systemOrOwnerReader = any(systemReader, systemService, inProject('reader', 'node.owner'), projectService);
const systemMemberOrOwnerMember = any(systemMember, systemService, ownerMember, projectService);
const systemMemberOrOwnerAdmin = any(systemMember, systemService, ...ownerAdmin, projectService);
const systemAdminOrOwnerAdmin = any(systemAdmin, systemService, ...ownerAdmin, projectService);
const ownerMemberOrLesseeAdmin = any(systemMember, systemService, ownerMember, ...lesseeAdmin, projectService);
const ownerAdminOrLesseeAdmin = any(systemMember, systemService, ...ownerAdmin, ...lesseeAdmin, projectService);
const allocationMember = any(systemMember, inProject('member', 'allocation.owner'));
const allocationReader = any(systemReader, inProject('reader', 'allocation.owner'));
const anyReader = any('role:reader', 'role:service');

const olderAdmin = 'rule:is_admin';
const olderReader = 'rule:is_admin or rule:is_observer';
const systemOnly: readonly PolicyScope[] = ['system'];
const systemOrProject: readonly PolicyScope[] = ['system', 'project'];

/** Names under `baremetal:` with the same check, scopes and older check. */
const rules = (
  check: string,
  deprecated: string | undefined,
  names: readonly string[],
  scopes: readonly PolicyScope[] = systemOrProject,
): PolicyRule[] => names.map((name) => ({ name: `baremetal:${name}`, check, scopes, ...(deprecated === undefined ? {} : { deprecated }) }));

const parts: readonly PolicyRule[] = [
  { name: 'admin_api', check: 'role:admin or role:administrator' },
  { name: 'public_api', check: 'is_public_api:True' },
  { name: 'show_password', check: '!' },
  { name: 'show_instance_secrets', check: '!' },
  { name: 'service_role', check: 'role:service and project_name:service' },
  {
    name: 'is_member',
    check: '(project_domain_id:default or project_domain_id:None) and (project_name:demo or project_name:baremetal)',
  },
  { name: 'is_observer', check: 'rule:is_member and (role:observer or role:baremetal_observer)' },
  { name: 'is_admin', check: 'rule:admin_api or (rule:is_member and role:baremetal_admin)' },
  { name: 'is_node_owner', check: 'project_id:%(node.owner)s' },
  { name: 'is_node_lessee', check: 'project_id:%(node.lessee)s' },
  { name: 'is_allocation_owner', check: 'project_id:%(allocation.owner)s' },
];

const nodeRules: readonly PolicyRule[] = [
  ...rules(any(systemAdmin, systemService), olderAdmin, ['node:create']),
  ...rules(any('role:admin', 'role:service'), undefined, ['node:create:self_owned_node']),
  ...rules(anyReader, 'rule:baremetal:node:get', ['node:list']),
  ...rules(systemReader, 'rule:baremetal:node:get', ['node:list_all']),
  ...rules(systemAdmin, olderAdmin, ['audit:get', 'boot_server:get', 'boot_server:delete']),
  ...rules(systemOrProjectReader, olderReader, [
    'node:get',
    'node:get_states',
    'node:get_indicator_state',
    'node:traits:list',
    'node:bios:get',
    'node:firmware:get',
    'node:sensors:get',
    'node:hardware_log:get',
    'node:watchdog:get',
    'node:secure_boot_keys:get',
    'node:graphical_console:get',
  ]),
  ...rules(systemReader, olderReader, ['node:get:filter_threshold']),
  ...rules(systemOrOwnerReader, olderReader, [
    'node:get:last_error',
    'node:get:reservation',
    'node:get:driver_internal_info',
    'node:get:driver_info',
    'node:history:get',
    'node:inventory:get',
    'node:script_results:get',
  ]),
  ...rules(systemMemberOrOwnerMember, olderAdmin, [
    'node:update:driver_info',
    'node:update:properties',
    'node:update:instance_uuid',
    'node:update:lessee',
    'node:update:network_data',
    'node:update:name',
    'node:update:retired',
    'node:set_indicator_state',
    'node:set_raid_state',
    'node:get_console',
    'node:set_console_state',
    'node:vmedia:attach',
    'node:vmedia:detach',
    'node:vmedia:get',
    'node:hardware_log:clear',
    'node:watchdog:set',
    'node:sensors:set',
    'node:power_limit:set',
    'node:secure_boot_keys:set',
  ]),
  ...rules(systemAdmin, olderAdmin, ['node:update:chassis_uuid', 'node:delete', 'node:vendor_passthru', 'node:rotate_bmc_password']),
  ...rules(systemMember, olderAdmin, [
    'node:update:owner',
    'node:update:conductor_group',
    'node:update:parent_node',
    'node:update:pool',
    'node:update:zone',
    'node:update:tags',
    'node:commission',
  ]),
  ...rules(systemMemberOrOwnerAdmin, olderAdmin, ['node:update:driver_interfaces', 'node:set_boot_device', 'node:inject_nmi']),
  ...rules(systemMemberOrOwnerAdmin, olderReader, ['node:get_boot_device']),
  ...rules(systemMemberOrOwnerAdmin, olderAdmin, ['node:traits:set', 'node:traits:delete']),
  ...rules(systemOrProjectMember, olderAdmin, ['node:update', 'node:set_power_state', 'node:set_boot_mode', 'node:set_secure_boot']),
  ...rules(systemOrProjectMember, 'rule:baremetal:node:update', ['node:update_extra']),
  ...rules(ownerMemberOrLesseeAdmin, 'rule:baremetal:node:update', ['node:update_instance_info']),
  ...rules(ownerMemberOrLesseeAdmin, olderAdmin, [
    'node:validate',
    'node:set_maintenance',
    'node:clear_maintenance',
    'node:set_provision_state',
    'node:vif:attach',
    'node:vif:detach',
  ]),
  ...rules(systemOrProjectReader, olderAdmin, ['node:vif:list']),
  ...rules(systemAdmin, olderAdmin, ['node:update_owner_provisioned'], systemOnly),
  ...rules(systemAdmin, 'rule:baremetal:node:update', ['node:disable_cleaning'], systemOnly),
  ...rules(inProject('admin', 'node.owner'), undefined, ['node:delete:self_owned_node']),
  // The two that were new without an older check: a project's admin administers the cloud where scope is not enforced.
  ...rules(systemAdmin, olderAdmin, ['node:update:shard']),
  ...rules(systemReader, olderReader, ['shards:get']),
];

const portRules: readonly PolicyRule[] = [
  ...rules(systemOrProjectReader, olderReader, ['port:get', 'portgroup:get']),
  ...rules(anyReader, 'rule:baremetal:port:get', ['port:list']),
  ...rules(systemReader, 'rule:baremetal:port:get', ['port:list_all']),
  ...rules(anyReader, olderReader, ['portgroup:list']),
  ...rules(systemReader, olderReader, ['portgroup:list_all']),
  ...rules(systemAdminOrOwnerAdmin, olderAdmin, ['port:create', 'port:delete', 'portgroup:create', 'portgroup:delete']),
  ...rules(systemMemberOrOwnerAdmin, olderAdmin, ['port:update', 'portgroup:update']),
];

const volumeRules: readonly PolicyRule[] = [
  ...rules(systemReader, olderReader, ['volume:list_all']),
  ...rules(anyReader, olderReader, ['volume:list']),
  ...rules(systemOrProjectReader, olderReader, ['volume:get']),
  ...rules(ownerAdminOrLesseeAdmin, olderAdmin, ['volume:create', 'volume:delete']),
  ...rules(ownerMemberOrLesseeAdmin, olderAdmin, ['volume:update']),
  ...rules(any(systemReader, 'role:admin'), olderAdmin, ['volume:view_target_properties']),
];

const allocationRules: readonly PolicyRule[] = [
  ...rules(allocationReader, olderReader, ['allocation:get']),
  ...rules(anyReader, 'rule:baremetal:allocation:get', ['allocation:list']),
  ...rules(systemReader, 'rule:baremetal:allocation:get', ['allocation:list_all']),
  ...rules(any(systemMember, 'role:member'), olderAdmin, ['allocation:create']),
  ...rules(systemMember, 'rule:baremetal:allocation:create', ['allocation:create_restricted']),
  ...rules(allocationMember, olderAdmin, ['allocation:delete', 'allocation:update']),
];

const siteRules: readonly PolicyRule[] = [
  ...rules(
    systemReader,
    olderReader,
    [
      'chassis:get',
      'driver:get',
      'driver:get_properties',
      'driver:get_raid_logical_disk_properties',
      'conductor:get',
      'deploy_template:get',
      'inspection_rule:get',
      'pool:get',
      'zone:get',
      'machine_tag:get',
      'script:get',
    ],
    systemOnly,
  ),
  ...rules(
    systemAdmin,
    olderAdmin,
    [
      'chassis:create',
      'chassis:delete',
      'driver:vendor_passthru',
      'events:post',
      'deploy_template:create',
      'deploy_template:delete',
      'deploy_template:update',
      'inspection_rule:create',
      'inspection_rule:update',
      'inspection_rule:delete',
      'pool:create',
      'pool:update',
      'pool:delete',
      'zone:create',
      'zone:update',
      'zone:delete',
      'machine_tag:create',
      'machine_tag:update',
      'machine_tag:delete',
      'script:create',
      'script:update',
      'script:delete',
    ],
    systemOnly,
  ),
  ...rules(systemMember, olderAdmin, ['chassis:update'], systemOnly),
];

const runbookRules: readonly PolicyRule[] = [
  ...rules(anyReader, undefined, ['runbook:list']),
  ...rules(systemReader, olderReader, ['runbook:list_all']),
  ...rules(any(systemReader, 'role:reader and project_id:%(runbook.owner)s', 'role:reader and True:%(runbook.public)s'), olderReader, [
    'runbook:get',
  ]),
  ...rules(any(systemMember, 'role:member'), olderAdmin, ['runbook:create']),
  ...rules(any(systemMember, 'role:member and project_id:%(runbook.owner)s'), olderAdmin, [
    'runbook:update',
    'runbook:delete',
    'runbook:use',
  ]),
  ...rules(systemMember, olderAdmin, ['runbook:update:public', 'runbook:update:owner']),
];

/** Inspector's own names; its older rules knew only the administrator. */
const introspection = (check: string, deprecated: string, names: readonly string[]): PolicyRule[] =>
  names.map((name) => ({ name: `introspection:${name}`, check, scopes: systemOnly, deprecated }));
const introspectionRules: readonly PolicyRule[] = [
  ...introspection(systemReader, olderReader, ['status', 'data', 'rule:get']),
  ...introspection(systemAdmin, olderAdmin, ['start', 'abort', 'reapply', 'rule:create', 'rule:delete']),
];

export const BAREMETAL_RULES: readonly PolicyRule[] = [
  ...parts,
  ...nodeRules,
  ...portRules,
  ...volumeRules,
  ...allocationRules,
  ...siteRules,
  ...runbookRules,
  ...introspectionRules,
];
