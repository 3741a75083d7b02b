import type { PolicyRule, PolicyScope } from '../identity/policy-engine.ts';

/*
 * Who may do what with compute, as data (docs.openstack.org/nova, "Nova Policies"): a project's readers see what is its own, its members
 * change it, administrators do the rest. The older check of most rules was "an administrator, or anyone in the project".
 */
const PROJECT: readonly PolicyScope[] = ['project'];
const ADMIN = 'role:admin';
const READER = `${ADMIN} or (role:reader and project_id:%(project_id)s)`;
const MEMBER = `${ADMIN} or (role:member and project_id:%(project_id)s)`;
const MANAGER = `${ADMIN} or (role:manager and project_id:%(project_id)s)`;
const OLDER = `${ADMIN} or project_id:%(project_id)s`;
const OWN_KEYS = `${ADMIN} or user_id:%(user_id)s`;

const rules = (check: string, names: string, deprecated?: string): PolicyRule[] =>
  names
    .trim()
    .split(/\s+/)
    .map((name) => ({ name: `os_compute_api:${name}`, check, scopes: PROJECT, ...(deprecated === undefined ? {} : { deprecated }) }));

const ANYONE = '@';

export const COMPUTE_RULES: readonly PolicyRule[] = [
  ...rules(ANYONE, 'extensions os-availability-zone:list flavors'),
  ...rules(
    READER,
    `servers:index servers:detail servers:show ips:index ips:show server-metadata:index server-metadata:show os-server-tags:index
     os-server-tags:show os-instance-actions:list os-instance-actions:show os-attach-interfaces:list os-attach-interfaces:show
     os-flavor-extra-specs:index os-flavor-extra-specs:show os-server-groups:index os-server-groups:show limits os-quota-sets:show
     os-quota-sets:detail os-quota-sets:defaults os-security-groups:list os-simple-tenant-usage:show os-server-password:show
     os-volumes-attachments:index os-volumes-attachments:show os-server-diagnostics:own os-security-groups:get os-floating-ips:list
     os-floating-ips:show os-floating-ip-pools os-tenant-networks:list os-tenant-networks:show os-networks:list os-networks:show`,
    OLDER,
  ),
  ...rules(
    MEMBER,
    `servers:create servers:create:attach_volume servers:create:attach_network servers:create:trusted_certs servers:delete servers:update
     servers:start servers:stop servers:reboot servers:rebuild servers:rebuild:trusted_certs servers:resize servers:confirm_resize servers:revert_resize
     servers:create_image servers:create_image:allow_volume_backed servers:trigger_crash_dump server-metadata:create
     server-metadata:update server-metadata:update_all server-metadata:delete os-server-tags:update os-server-tags:update_all
     os-server-tags:delete os-server-tags:delete_all os-attach-interfaces:create os-attach-interfaces:delete os-lock-server:lock
     os-lock-server:unlock os-rescue os-unrescue os-pause-server:pause os-pause-server:unpause os-suspend-server:suspend
     os-suspend-server:resume os-shelve:shelve os-shelve:unshelve os-deferred-delete:restore os-deferred-delete:force
     os-create-backup os-console-output os-remote-consoles os-admin-password os-multinic:add os-multinic:remove
     os-server-groups:create os-server-groups:delete os-security-groups:add os-security-groups:remove os-server-password:clear
     os-volumes-attachments:create os-volumes-attachments:delete os-volumes-attachments:update os-security-groups:create
     os-security-groups:update os-security-groups:delete os-security-groups:rule:create os-security-groups:rule:delete os-floating-ips:add
     os-floating-ips:remove os-floating-ips:create os-floating-ips:delete`,
    OLDER,
  ),
  ...rules(MANAGER, 'os-migrate-server:migrate:own', ADMIN),
  ...rules(OWN_KEYS, 'os-keypairs:index os-keypairs:create os-keypairs:delete os-keypairs:show'),
  ...rules(
    ADMIN,
    `servers:index:get_all_tenants servers:detail:get_all_tenants servers:allow_all_filters servers:show:host_status
     servers:create:forced_host servers:create:requested_destination servers:create:zero_disk_flavor os-extended-server-attributes
     os-flavor-manage:create os-flavor-manage:update os-flavor-manage:delete os-flavor-access os-flavor-access:add_tenant_access
     os-flavor-access:remove_tenant_access os-flavor-extra-specs:create os-flavor-extra-specs:update os-flavor-extra-specs:delete
     os-availability-zone:detail os-services:list os-services:update os-services:delete os-hypervisors:list os-hypervisors:list-detail
     os-hypervisors:show os-hypervisors:statistics os-hypervisors:uptime os-hypervisors:search os-hypervisors:servers os-hosts:list
     os-hosts:show os-hosts:update os-hosts:reboot os-hosts:shutdown os-hosts:start os-aggregates:index os-aggregates:show
     os-aggregates:create os-aggregates:update os-aggregates:delete os-aggregates:set_metadata os-aggregates:add_host
     os-aggregates:remove_host os-quota-sets:update os-quota-sets:delete os-quota-class-sets:show os-quota-class-sets:update
     os-migrations:index os-server-groups:index:all_projects os-instance-actions:events os-instance-actions:events:details
     os-admin-actions:reset_state os-admin-actions:inject_network_info os-lock-server:unlock:unlock_override os-server-diagnostics
     os-migrate-server:migrate os-migrate-server:migrate_live os-evacuate os-shelve:shelve_offload os-simple-tenant-usage:list
     limits:other_project os-used-limits os-instance-usage-audit-log:list os-instance-usage-audit-log:show os-server-external-events:create
     servers:migrations:index servers:migrations:show servers:migrations:force_complete servers:migrations:delete os-assisted-volume-snapshots:create`,
  ),
];
