import { findHost, listHosts, type Host } from '../../compute/host-service.ts';
import { listProcesses } from '../../compute/process-service.ts';
import type { JsonSchema } from '../json-schema.ts';
import { ok, Refusal } from '../service-plugin.ts';
import { readBody } from './compute-body.ts';
import { dbOf, gone, ownTarget, type ComputeCall, type ComputeRoute } from './compute-context.ts';
import { changeHost } from '../../compute/host-service.ts';

/** Availability zones, and the oldest view of hosts, which ended with 2.42. */
export const INTERNAL_ZONE = 'internal';
const HOSTS_UNTIL = 42;

const zoneNames = (hosts: readonly Host[]) => [...new Set(['nova', ...hosts.map((host) => host.zone)])];
const isOpen = (host: Host) => host.up && !host.disabled;
const serviceView = (active: boolean, available: boolean, at: Date) => ({
  active,
  available,
  updated_at: at.toISOString().replace('Z', '000'),
});

async function zones(call: ComputeCall, withHosts: boolean) {
  const hosts = await listHosts(dbOf(call));
  const listed = zoneNames(hosts).map((zoneName) => {
    const own = hosts.filter((host) => host.zone === zoneName);
    return {
      zoneName,
      // A zone is open while one of its machines is; so is one without machines, which can get some.
      zoneState: { available: own.length === 0 || own.some(isOpen) },
      hosts: withHosts
        ? Object.fromEntries(own.map((host) => [host.host, { 'nova-compute': serviceView(!host.disabled, host.up, host.updated_at) }]))
        : null,
    };
  });
  if (!withHosts) return ok({ availabilityZoneInfo: listed });
  const processes = await listProcesses(dbOf(call));
  const internal = {
    zoneName: INTERNAL_ZONE,
    zoneState: { available: true },
    hosts: Object.fromEntries(
      processes.map(({ host, up, updated_at }) => [
        host,
        { 'nova-scheduler': serviceView(true, up, updated_at), 'nova-conductor': serviceView(true, up, updated_at) },
      ]),
    ),
  };
  return ok({ availabilityZoneInfo: [internal, ...listed] });
}

const requireHosts = (call: ComputeCall) => {
  if (call.minor > HOSTS_UNTIL) throw gone();
};

async function mustFindHost(call: ComputeCall): Promise<Host> {
  const host = await findHost(dbOf(call), call.params['host']!);
  if (host === undefined) throw new Refusal(404, `Host ${call.params['host']} could not be found.`);
  return host;
}

const UPDATE: JsonSchema = {
  type: 'object',
  properties: {
    status: { type: 'string', enum: ['enable', 'disable', 'Enable', 'Disable', 'ENABLE', 'DISABLE'] },
    maintenance_mode: { type: 'string', enum: ['enable', 'disable', 'Enable', 'Disable', 'ENABLE', 'DISABLE'] },
  },
  minProperties: 1,
  additionalProperties: false,
};

export const hostRoutes: readonly ComputeRoute[] = [
  {
    method: 'GET',
    path: '/v2.1/os-availability-zone',
    async handle(call) {
      call.require('os_compute_api:os-availability-zone:list', ownTarget(call));
      return zones(call, false);
    },
  },
  {
    method: 'GET',
    path: '/v2.1/os-availability-zone/detail',
    async handle(call) {
      call.require('os_compute_api:os-availability-zone:detail');
      return zones(call, true);
    },
  },
  {
    method: 'GET',
    path: '/v2.1/os-hosts',
    query: ['zone'],
    async handle(call) {
      call.require('os_compute_api:os-hosts:list');
      requireHosts(call);
      const hosts = (await listHosts(dbOf(call))).map(({ host, zone }) => ({ host_name: host, service: 'compute', zone }));
      const others = (await listProcesses(dbOf(call))).flatMap(({ host }) =>
        ['conductor', 'scheduler'].map((service) => ({ host_name: host, service, zone: INTERNAL_ZONE })),
      );
      const zone = call.query.get('zone') || undefined;
      return ok({ hosts: [...hosts, ...others].filter((one) => zone === undefined || one.zone === zone) });
    },
  },
  {
    method: 'GET',
    path: '/v2.1/os-hosts/:host',
    async handle(call) {
      call.require('os_compute_api:os-hosts:show');
      requireHosts(call);
      const { host, properties, instance_uuid } = await mustFindHost(call);
      const whole = {
        host,
        cpu: Number(properties['cpus'] ?? 0),
        memory_mb: Number(properties['memory_mb'] ?? 0),
        disk_gb: Number(properties['local_gb'] ?? 0),
      };
      const none = { host, cpu: 0, memory_mb: 0, disk_gb: 0 };
      const used = instance_uuid === null ? none : whole;
      return ok({
        host: [
          { resource: { ...whole, project: '(total)' } },
          { resource: { ...used, project: '(used_now)' } },
          { resource: { ...used, project: '(used_max)' } },
        ],
      });
    },
  },
  {
    method: 'PUT',
    path: '/v2.1/os-hosts/:host',
    async handle(call) {
      call.require('os_compute_api:os-hosts:update');
      requireHosts(call);
      const { status, maintenance_mode: maintenance } = readBody<{ status?: string; maintenance_mode?: string }>(call, UPDATE);
      const host = await mustFindHost(call);
      if (maintenance !== undefined) throw new Refusal(501, 'A machine is taken into maintenance by the Bare Metal API.');
      const disabled = status!.toLowerCase() === 'disable';
      await changeHost(dbOf(call), host.host, { disabled });
      return ok({ host: host.host, status: disabled ? 'disabled' : 'enabled' });
    },
  },
  ...(['startup', 'shutdown', 'reboot'] as const).map((verb): ComputeRoute => ({
    method: 'GET',
    path: `/v2.1/os-hosts/:host/${verb}`,
    async handle(call) {
      call.require(`os_compute_api:os-hosts:${verb === 'startup' ? 'start' : verb}`);
      requireHosts(call);
      await mustFindHost(call);
      throw new Refusal(501, `A machine's power is switched by the Bare Metal API, or by its server: ${verb} is not implemented.`);
    },
  })),
];
