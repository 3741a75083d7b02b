import { ok, Refusal } from '../service-plugin.ts';
import type { ComputeCall, ComputeRoute } from './compute-context.ts';

/** What clients older than microversions ask for before they use it (api-ref "Extensions"). */
const NAMES: readonly (readonly [alias: string, name: string, description: string])[] = [
  ['NMN', 'Multinic', 'Several addresses of a server.'],
  ['OS-DCF', 'DiskConfig', 'Who partitions the disk of a server.'],
  ['OS-EXT-AZ', 'ExtendedAvailabilityZone', 'The availability zone of a server.'],
  ['OS-EXT-IPS', 'ExtendedIps', 'The type of an address.'],
  ['OS-EXT-IPS-MAC', 'ExtendedIpsMac', 'The MAC address of an address.'],
  ['OS-EXT-SRV-ATTR', 'ExtendedServerAttributes', 'Where a server is.'],
  ['OS-EXT-STS', 'ExtendedStatus', 'What a server does.'],
  ['OS-FLV-DISABLED', 'FlavorDisabled', 'Whether a flavor is disabled.'],
  ['OS-FLV-EXT-DATA', 'FlavorExtraData', 'More sizes of a flavor.'],
  ['OS-SCH-HNT', 'SchedulerHints', 'Hints for the scheduler.'],
  ['OS-SRV-USG', 'ServerUsage', 'When a server was launched and ended.'],
  ['os-admin-actions', 'AdminActions', 'Actions of administrators.'],
  ['os-aggregates', 'Aggregates', 'Hosts with something in common.'],
  ['os-attach-interfaces', 'AttachInterfaces', 'Interfaces of a server.'],
  ['os-availability-zone', 'AvailabilityZone', 'Availability zones.'],
  ['os-config-drive', 'ConfigDrive', 'Config drives.'],
  ['os-console-output', 'ConsoleOutput', 'What a server wrote on its console.'],
  ['os-consoles', 'Consoles', 'Consoles of servers.'],
  ['os-extended-quotas', 'ExtendedQuotas', 'Quotas can be deleted.'],
  ['os-flavor-access', 'FlavorAccess', 'Who may use a private flavor.'],
  ['os-flavor-extra-specs', 'FlavorExtraSpecs', 'What a flavor asks of a host.'],
  ['os-flavor-manage', 'FlavorManage', 'Flavors are made and deleted.'],
  ['os-flavor-rxtx', 'FlavorRxtx', 'The bandwidth factor of a flavor.'],
  ['os-flavor-swap', 'FlavorSwap', 'The swap of a flavor.'],
  ['os-hosts', 'Hosts', 'Hosts.'],
  ['os-hypervisors', 'Hypervisors', 'Hypervisors.'],
  ['os-instance-actions', 'InstanceActions', 'What was done with a server.'],
  ['os-keypairs', 'Keypairs', 'Key pairs.'],
  ['os-lock-server', 'LockServer', 'Servers are locked.'],
  ['os-migrations', 'Migrations', 'Migrations of servers.'],
  ['os-multiple-create', 'MultipleCreate', 'Several servers at once.'],
  ['os-quota-class-sets', 'QuotaClasses', 'Quota classes.'],
  ['os-quota-sets', 'Quotas', 'Quotas.'],
  ['os-rescue', 'Rescue', 'Servers are rescued.'],
  ['os-security-groups', 'SecurityGroups', 'Security groups of servers.'],
  ['os-server-diagnostics', 'ServerDiagnostics', 'Diagnostics of servers.'],
  ['os-server-group-quotas', 'ServerGroupQuotas', 'Quotas of server groups.'],
  ['os-server-groups', 'ServerGroups', 'Server groups.'],
  ['os-server-list-multi-status', 'ServerListMultiStatus', 'Lists of servers by several states.'],
  ['os-server-password', 'ServerPassword', 'Passwords that servers told.'],
  ['os-server-sort-keys', 'ServerSortKeys', 'Lists of servers in an order.'],
  ['os-server-start-stop', 'ServerStartStop', 'Servers are started and stopped.'],
  ['os-services', 'Services', 'Services.'],
  ['os-used-limits', 'UsedLimits', 'What is used of the limits.'],
  ['os-user-data', 'UserData', 'Data for a server from its user.'],
  ['os-user-quotas', 'UserQuotas', 'Quotas of users in projects.'],
];

const view = ([alias, name, description]: (typeof NAMES)[number]) => ({
  alias,
  name,
  description,
  links: [],
  namespace: `http://docs.openstack.org/compute/ext/${alias.toLowerCase()}`,
  updated: '2014-12-03T00:00:00Z',
});

export const extensionRoutes: readonly ComputeRoute[] = [
  {
    method: 'GET',
    path: '/v2.1/extensions',
    async handle(call: ComputeCall) {
      call.require('os_compute_api:extensions');
      return ok({ extensions: NAMES.map(view) });
    },
  },
  {
    method: 'GET',
    path: '/v2.1/extensions/:alias',
    async handle(call) {
      call.require('os_compute_api:extensions');
      const found = NAMES.find(([alias]) => alias === call.params['alias']);
      if (found === undefined) throw new Refusal(404, `There is no extension ${call.params['alias']}.`);
      return ok({ extension: view(found) });
    },
  },
];
