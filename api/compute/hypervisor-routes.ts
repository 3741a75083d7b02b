import { findHostById, listHosts, type Host } from '../../compute/host-service.ts';
import { serversOn } from '../../compute/server-store.ts';
import { ok, Refusal, type Answer } from '../service-plugin.ts';
import { toBoolean } from './compute-body.ts';
import { dbOf, gone, type ComputeCall, type ComputeRoute } from './compute-context.ts';
import { PAGE_MAX, readPage, requireKnownQuery } from './compute-page.ts';
import { UUIDS_SINCE } from './service-routes.ts';

/** Each machine as Nova's ironic driver shows it: taken as a whole, or free. */
const OBJECT_CPU_SINCE = 28;
const PAGES_SINCE = 33;
/** What placement knows better is no longer shown. */
const WITHOUT_USE_SINCE = 88;
/** The unspecified address: there is no BMC that we know of. */
const NO_ADDRESS = '0.0.0.0';

type Servers = ReadonlyMap<string, readonly { readonly uuid: string; readonly name: string }[]>;

const brief = (call: ComputeCall, host: Host) => ({
  id: call.minor >= UUIDS_SINCE ? host.uuid : host.seq,
  hypervisor_hostname: host.host,
  state: host.up ? 'up' : 'down',
  status: host.disabled ? 'disabled' : 'enabled',
});

const numberOf = (host: Host, name: string) => Math.trunc(Number(host.properties[name] ?? 0)) || 0;

function use(host: Host) {
  const [vcpus, memory_mb, local_gb] = [numberOf(host, 'cpus'), numberOf(host, 'memory_mb'), numberOf(host, 'local_gb')];
  const taken = host.instance_uuid !== null;
  return {
    vcpus,
    memory_mb,
    local_gb,
    vcpus_used: taken ? vcpus : 0,
    memory_mb_used: taken ? memory_mb : 0,
    local_gb_used: taken ? local_gb : 0,
    free_ram_mb: taken ? 0 : memory_mb,
    free_disk_gb: taken ? 0 : local_gb,
    disk_available_least: taken ? 0 : local_gb,
    current_workload: 0,
    running_vms: taken ? 1 : 0,
  };
}

const detail = (call: ComputeCall, host: Host) => ({
  ...brief(call, host),
  hypervisor_type: 'ironic',
  hypervisor_version: 1,
  host_ip: bmcAddress(host),
  service: { id: call.minor >= UUIDS_SINCE ? host.uuid : host.seq, host: host.host, disabled_reason: host.disabled_reason },
  ...(call.minor >= WITHOUT_USE_SINCE ? { uptime: null } : { ...use(host), cpu_info: call.minor >= OBJECT_CPU_SINCE ? {} : '' }),
});

/** Out of an address or URL of the BMC. */
function bmcAddress({ bmc_address: text }: Host): string {
  const name = text?.replace(/^[a-z]+:\/\//, '').replace(/^\[([^\]]+)\].*$/, '$1') ?? '';
  const bare = name.includes('::') ? name : name.replace(/[:/].*$/, '');
  return /^(\d{1,3}\.){3}\d{1,3}$|^[0-9a-f:]+:[0-9a-f:]*$/i.test(bare) ? bare : NO_ADDRESS;
}

const withServers = (shown: object, host: Host, servers: Servers | undefined, always: boolean) => {
  const own = servers?.get(host.uuid);
  return servers !== undefined && (always || own !== undefined) ? { ...shown, servers: own ?? [] } : shown;
};

async function readServers(call: ComputeCall, hosts: readonly Host[]): Promise<Servers | undefined> {
  if (call.minor < UUIDS_SINCE) return undefined;
  const text = call.query.get('with_servers');
  if (text === null) return undefined;
  if (!toBoolean(text)) return undefined;
  return serversOn(
    dbOf(call),
    hosts.map((host) => host.uuid),
  );
}

async function list(call: ComputeCall, isDetail: boolean): Promise<Answer> {
  call.require(`os_compute_api:os-hypervisors:${isDetail ? 'list-detail' : 'list'}`);
  requireKnownQuery(call, QUERY);
  const page = call.minor >= PAGES_SINCE ? readPage(call) : { limit: PAGE_MAX, marker: undefined };
  const pattern = call.minor >= UUIDS_SINCE ? call.query.get('hypervisor_hostname_pattern') : null;
  if (pattern !== null && (call.query.has('limit') || call.query.has('marker')))
    throw new Refusal(400, 'Paging over hypervisors with the hypervisor_hostname_pattern query parameter is not supported.');
  const marker = await markerOf(call, page.marker);
  const all = await listHosts(dbOf(call), pattern === null ? { limit: page.limit, after: marker } : {});
  const hosts = pattern === null ? all : all.filter(({ host }) => host.includes(pattern));
  if (pattern !== null && hosts.length === 0) throw new Refusal(404, `No hypervisor matching '${pattern}' could be found.`);
  const servers = await readServers(call, hosts);
  const shown = hosts.map((host) => withServers(isDetail ? detail(call, host) : brief(call, host), host, servers, call.minor >= 75));
  const last = hosts.at(-1);
  const isFull = call.minor >= PAGES_SINCE && last !== undefined && hosts.length === page.limit && pattern === null;
  const next = new URLSearchParams(call.query);
  if (isFull) next.set('marker', call.minor >= UUIDS_SINCE ? last.uuid : String(last.seq));
  const href = `${call.base}/v2.1/os-hypervisors${isDetail ? '/detail' : ''}?${next.toString()}`;
  return ok({ hypervisors: shown, ...(isFull ? { hypervisors_links: [{ rel: 'next', href }] } : {}) });
}

async function markerOf(call: ComputeCall, marker: string | undefined): Promise<string | undefined> {
  if (marker === undefined) return undefined;
  const host = await findHostById(dbOf(call), marker);
  if (host === undefined) throw new Refusal(400, `marker [${marker.slice(0, 60)}] not found`);
  return host.uuid;
}

async function mustFind(call: ComputeCall): Promise<Host> {
  const id = call.params['hypervisor_id']!;
  const fits = /^\d+$/.test(id) === call.minor < UUIDS_SINCE;
  const host = fits ? await findHostById(dbOf(call), id) : undefined;
  if (host === undefined) throw new Refusal(404, `Hypervisor with ID '${id}' could not be found.`);
  return host;
}

/** `/os-hypervisors/{part of a name}/search` and `/servers`, until 2.52. */
async function search(call: ComputeCall, wants: 'search' | 'servers'): Promise<Answer> {
  call.require(`os_compute_api:os-hypervisors:${wants}`);
  if (call.minor >= UUIDS_SINCE) throw gone();
  const pattern = call.params['hypervisor_id']!;
  const hosts = (await listHosts(dbOf(call))).filter(({ host }) => host.includes(pattern));
  if (hosts.length === 0) throw new Refusal(404, `No hypervisor matching '${pattern}' could be found.`);
  const servers =
    wants === 'search'
      ? undefined
      : await serversOn(
          dbOf(call),
          hosts.map((host) => host.uuid),
        );
  return ok({ hypervisors: hosts.map((host) => withServers(brief(call, host), host, servers, false)) });
}

async function statistics(call: ComputeCall): Promise<Answer> {
  call.require('os_compute_api:os-hypervisors:statistics');
  if (call.minor >= WITHOUT_USE_SINCE) throw gone();
  const hosts = (await listHosts(dbOf(call))).filter((host) => !host.disabled);
  const zero = Object.fromEntries(Object.keys(use({ properties: {}, instance_uuid: null } as unknown as Host)).map((name) => [name, 0]));
  const sum = hosts
    .map(use)
    .reduce<Record<string, number>>(
      (so, far) => Object.fromEntries(Object.entries(far).map(([name, value]) => [name, (so[name] ?? 0) + value])),
      zero,
    );
  return ok({ hypervisor_statistics: { count: hosts.length, ...sum } });
}

const QUERY = ['limit', 'marker', 'hypervisor_hostname_pattern', 'with_servers'];
const PATH = '/v2.1/os-hypervisors';

export const hypervisorRoutes: readonly ComputeRoute[] = [
  { method: 'GET', path: PATH, query: QUERY, handle: (call) => list(call, false) },
  { method: 'GET', path: `${PATH}/detail`, query: QUERY, handle: (call) => list(call, true) },
  { method: 'GET', path: `${PATH}/statistics`, handle: statistics },
  {
    method: 'GET',
    path: `${PATH}/:hypervisor_id`,
    query: ['with_servers'],
    async handle(call) {
      call.require('os_compute_api:os-hypervisors:show');
      const host = await mustFind(call);
      return ok({ hypervisor: withServers(detail(call, host), host, await readServers(call, [host]), call.minor >= 75) });
    },
  },
  {
    method: 'GET',
    path: `${PATH}/:hypervisor_id/uptime`,
    async handle(call) {
      call.require('os_compute_api:os-hypervisors:uptime');
      if (call.minor >= WITHOUT_USE_SINCE) throw gone();
      await mustFind(call);
      throw new Refusal(501, 'How long a machine has been up is not known: nothing of ours runs on it.');
    },
  },
  { method: 'GET', path: `${PATH}/:hypervisor_id/search`, handle: (call) => search(call, 'search') },
  { method: 'GET', path: `${PATH}/:hypervisor_id/servers`, handle: (call) => search(call, 'servers') },
];
