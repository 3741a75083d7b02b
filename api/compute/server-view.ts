import { createHash } from 'node:crypto';
import { HAS_FAULT, HAS_PROGRESS, statusOf } from '../../compute/server-machine.ts';
import type { ServerAddress, ShownServer } from '../../compute/server-record.ts';
import type { ComputeCall } from './compute-context.ts';
import { plainTime, selfLinks, time } from './compute-page.ts';
import { targetOf } from './server-access.ts';

/** A server as each microversion shows it (api-ref "Show Server Details"). */
const SINCE = {
  moreAttributes: 3,
  locked: 9,
  hostStatus: 16,
  description: 19,
  tags: 26,
  embeddedFlavor: 47,
  keyOnRebuild: 54,
  userDataOnRebuild: 57,
  certificates: 63,
  groups: 71,
  lockedReason: 73,
  wholeAnswers: 75,
  hostname: 90,
} as const;

const bookmark = (call: ComputeCall, path: string) => [{ rel: 'bookmark', href: `${call.base}/${path}` }];

export const briefServer = (call: ComputeCall, { uuid, name }: ShownServer) => ({
  id: uuid,
  name,
  links: selfLinks(call, `servers/${uuid}`),
});

/** Without saying where it is, whether two are at the same place. */
const hostId = ({ host, project_id }: ShownServer) =>
  host === null ? '' : createHash('sha224').update(`${project_id}${host}`).digest('hex');

/** @param more with the kind and MAC address of each */
export function addressView(addresses: readonly ServerAddress[], more: boolean): Record<string, object[]> {
  const one = (addr: string, version: number, type: string, mac: string) => ({
    version,
    addr,
    ...(more ? { 'OS-EXT-IPS:type': type, 'OS-EXT-IPS-MAC:mac_addr': mac } : {}),
  });
  return Object.fromEntries(
    [...Map.groupBy(addresses, ({ network }) => network)].map(([network, own]) => [
      network,
      own.flatMap(({ address, version, mac, floating }) => [
        one(address, version, 'fixed', mac),
        ...floating.map((each) => one(each, 4, 'floating', mac)),
      ]),
    ]),
  );
}

function flavorOf(call: ComputeCall, { flavor, project_id, user_id }: ShownServer) {
  if (call.minor < SINCE.embeddedFlavor) return { id: flavor.id, links: bookmark(call, `flavors/${flavor.id}`) };
  const { name, vcpus, ram, disk, ephemeral, swap } = flavor;
  return {
    original_name: name,
    vcpus,
    ram,
    disk,
    ephemeral,
    swap,
    ...(call.allows('os_compute_api:os-flavor-extra-specs:index', targetOf({ project_id, user_id }))
      ? { extra_specs: flavor.extra_specs }
      : {}),
  };
}

/** What every answer has: also those to PUT and rebuild. */
function common(call: ComputeCall, server: ShownServer, moreOfAddresses: boolean) {
  const status = statusOf({ state: server.vm_state, task: server.task });
  const { fault } = server;
  const { details, ...plainFault } = fault ?? { details: '' };
  return {
    id: server.uuid,
    name: server.name,
    status,
    tenant_id: server.project_id,
    user_id: server.user_id,
    metadata: server.metadata,
    hostId: hostId(server),
    image: server.image_id === null ? '' : { id: server.image_id, links: bookmark(call, `images/${server.image_id}`) },
    flavor: flavorOf(call, server),
    created: time(server.created_at),
    updated: time(server.updated_at),
    addresses: addressView(server.addresses, moreOfAddresses),
    accessIPv4: server.access_ip_v4,
    accessIPv6: server.access_ip_v6,
    links: selfLinks(call, `servers/${server.uuid}`),
    'OS-DCF:diskConfig': server.disk_config,
    ...(HAS_PROGRESS.has(status) ? { progress: 0 } : {}),
    ...(HAS_FAULT.has(status) && fault !== null
      ? { fault: { ...plainFault, ...(isAdmin(call) && details !== '' ? { details } : {}) } }
      : {}),
    ...(call.minor >= SINCE.locked ? { locked: server.locked_by !== null } : {}),
    ...(call.minor >= SINCE.description ? { description: server.description } : {}),
    ...(call.minor >= SINCE.tags ? { tags: server.tags } : {}),
    ...(call.minor >= SINCE.certificates ? { trusted_image_certificates: null } : {}),
    ...(call.minor >= SINCE.lockedReason ? { locked_reason: server.locked_reason } : {}),
  };
}

const isAdmin = (call: ComputeCall) => call.allows('os_compute_api:os-extended-server-attributes');
const groupsOf = (call: ComputeCall, { group_uuid: group }: ShownServer) =>
  call.minor >= SINCE.groups ? { server_groups: group === null ? [] : [group] } : {};

function adminAttributes(call: ComputeCall, server: ShownServer) {
  return {
    'OS-EXT-SRV-ATTR:host': server.host,
    'OS-EXT-SRV-ATTR:instance_name': `instance-${server.seq.toString(16).padStart(8, '0')}`,
    'OS-EXT-SRV-ATTR:hypervisor_hostname': server.host,
    ...(call.minor >= SINCE.moreAttributes
      ? {
          'OS-EXT-SRV-ATTR:reservation_id': server.reservation_id,
          'OS-EXT-SRV-ATTR:launch_index': server.launch_index,
          'OS-EXT-SRV-ATTR:kernel_id': '',
          'OS-EXT-SRV-ATTR:ramdisk_id': '',
          'OS-EXT-SRV-ATTR:hostname': server.hostname,
          'OS-EXT-SRV-ATTR:root_device_name': null,
          'OS-EXT-SRV-ATTR:user_data': server.user_data === null ? null : call.context.sealer.open(server.user_data),
        }
      : {}),
  };
}

/** As lists show it; a single one has its groups besides. */
export const detailServer = (call: ComputeCall, server: ShownServer) => ({
  ...common(call, server, true),
  key_name: server.key_name,
  config_drive: server.config_drive ? 'True' : '',
  ...(server.security_groups.length === 0 ? {} : { security_groups: server.security_groups.map((name) => ({ name })) }),
  'os-extended-volumes:volumes_attached': [],
  'OS-EXT-AZ:availability_zone': server.zone ?? '',
  'OS-SRV-USG:launched_at': plainTime(server.launched_at),
  'OS-SRV-USG:terminated_at': plainTime(server.terminated_at),
  'OS-EXT-STS:task_state': server.task,
  'OS-EXT-STS:vm_state': server.vm_state,
  'OS-EXT-STS:power_state': server.power,
  ...(isAdmin(call) ? adminAttributes(call, server) : call.minor >= SINCE.hostname ? { 'OS-EXT-SRV-ATTR:hostname': server.hostname } : {}),
  ...(call.minor >= SINCE.hostStatus && call.allows('os_compute_api:servers:show:host_status') ? { host_status: server.host_status } : {}),
});

export const wholeServer = (call: ComputeCall, server: ShownServer) => ({ ...detailServer(call, server), ...groupsOf(call, server) });

/** The answer to PUT: all from 2.75 on. */
export const changedServer = (call: ComputeCall, server: ShownServer) =>
  call.minor >= SINCE.wholeAnswers ? wholeServer(call, server) : { ...common(call, server, false), ...groupsOf(call, server) };

/** The answer to a rebuild. */
export function rebuiltServer(call: ComputeCall, server: ShownServer, adminPass: string) {
  const userData = server.user_data === null ? null : call.context.sealer.open(server.user_data);
  const { 'OS-EXT-SRV-ATTR:user_data': _other, ...shown } = changedServer(call, server) as Record<string, unknown>;
  return {
    ...shown,
    adminPass,
    ...(call.minor >= SINCE.keyOnRebuild ? { key_name: server.key_name } : {}),
    ...(call.minor >= SINCE.userDataOnRebuild ? { user_data: userData } : {}),
  };
}
