import { isIP } from 'node:net';
import { deleteOne, mustShow, updateOne } from '../../network/resource-service.ts';
import { floatingips, networks, ports } from '../../network/resources.ts';
import type { Row } from '../../network/resource.ts';
import type { ShownServer } from '../../compute/server-record.ts';
import { ok, Refusal, type Answer } from '../service-plugin.ts';
import { dbOf, ownTarget, projectOf, type ComputeCall, type ComputeRoute } from './compute-context.ts';
import { createProxied, listProxied, networkActor, PROXIES_UNTIL, until } from './proxy.ts';

/** Floating IPs and networks as compute showed them; a pool is an external network. */
const requireOwn = (call: ComputeCall, rule: string) => call.require(`os_compute_api:${rule}`, ownTarget(call));

async function views(call: ComputeCall, rows: readonly Row[]): Promise<object[]> {
  const pools = new Map((await externalNetworks(call)).map((row) => [row.id, row['name']]));
  return rows.map((row) => ({
    id: row.id,
    ip: row['floating_ip_address'],
    pool: pools.get(String(row['floating_network_id'])) ?? null,
    fixed_ip: row['fixed_ip_address'] ?? null,
    instance_id: (row['port_details'] as { device_id?: string } | null)?.device_id || null,
  }));
}

const externalNetworks = (call: ComputeCall) => listProxied(call, networks, { 'router:external': ['true'] });

/** By name or id; the first when none is named. @throws Refusal 404 */
async function findPool(call: ComputeCall, name: string | undefined): Promise<Row> {
  const pool = (await externalNetworks(call)).find((row) => name === undefined || row.id === name || row['name'] === name);
  if (pool === undefined) throw new Refusal(404, 'Floating IP pool not found.');
  return pool;
}

async function create(call: ComputeCall): Promise<Answer> {
  requireOwn(call, 'os-floating-ips:create');
  const { pool } = (call.body ?? {}) as { pool?: unknown };
  if (pool !== undefined && pool !== null && typeof pool !== 'string') throw new Refusal(400, 'The pool is no name.');
  const network = await findPool(call, pool ?? undefined);
  const row = await createProxied(call, floatingips, { floating_network_id: network.id, project_id: projectOf(call) });
  return ok({ floating_ip: (await views(call, [row]))[0] });
}

const show = async (call: ComputeCall) => (await mustShow(dbOf(call), networkActor(call, true), floatingips, call.params['id']!)).row;

async function byAddress(call: ComputeCall, address: unknown): Promise<Row> {
  if (typeof address !== 'string' || isIP(address) === 0)
    throw new Refusal(400, `Invalid input for field/attribute address. Value: ${String(address).slice(0, 60)}. It is no IP address.`);
  const [row] = await listProxied(call, floatingips, { floating_ip_address: [address] }, true);
  if (row === undefined) throw new Refusal(404, `Floating IP ${address} not found.`);
  return row;
}

/** `addFloatingIp`: to the server's first interface, or the one with that address. @throws Refusal 400 when it has one of this pool */
export async function addFloatingIp(
  call: ComputeCall,
  server: ShownServer,
  body: { address?: unknown; fixed_address?: unknown },
): Promise<void> {
  const row = await byAddress(call, body.address);
  const own = await listProxied(call, ports, { device_id: [server.uuid] }, true);
  const hasAddress = (port: Row, address: unknown) =>
    (port['fixed_ips'] as { ip_address: string }[]).some((one) => address === undefined || one.ip_address === address);
  const port = own.find((each) => hasAddress(each, body.fixed_address));
  if (port === undefined) throw new Refusal(400, `Instance ${server.uuid} has no fixed address to associate with.`);
  const taken = await listProxied(
    call,
    floatingips,
    { port_id: [port.id], floating_network_id: [String(row['floating_network_id'])] },
    true,
  );
  if (taken.length > 0)
    throw new Refusal(400, `Unable to associate floating IP ${String(body.address)}: the interface has one of this pool.`);
  const fixed = (port['fixed_ips'] as { ip_address: string }[]).find(
    (one) => body.fixed_address === undefined || one.ip_address === body.fixed_address,
  );
  await updateOne(
    dbOf(call),
    networkActor(call, true),
    floatingips,
    { key: row.id, values: { port_id: port.id, fixed_ip_address: fixed!.ip_address } },
    async () => {},
  );
}

export async function removeFloatingIp(call: ComputeCall, server: ShownServer, body: { address?: unknown }): Promise<void> {
  const row = await byAddress(call, body.address);
  if ((row['port_details'] as { device_id?: string } | null)?.device_id !== server.uuid)
    throw new Refusal(409, `Floating IP ${String(body.address)} is not associated with instance ${server.uuid}.`);
  await updateOne(dbOf(call), networkActor(call, true), floatingips, { key: row.id, values: { port_id: null } }, async () => {});
}

const NETWORK_NULLS = [
  'bridge',
  'bridge_interface',
  'broadcast',
  'cidr',
  'cidr_v6',
  'created_at',
  'deleted',
  'deleted_at',
  'dhcp_server',
  'dhcp_start',
  'dns1',
  'dns2',
  'enable_dhcp',
  'gateway',
  'gateway_v6',
  'host',
  'injected',
  'mtu',
  'multi_host',
  'netmask',
  'netmask_v6',
  'priority',
  'project_id',
  'rxtx_base',
  'share_address',
  'updated_at',
  'vlan',
  'vpn_private_address',
  'vpn_public_address',
  'vpn_public_port',
];
/** Most of what was once a network of compute's own has no meaning any more. */
const networkView = (row: Row) => ({ ...Object.fromEntries(NETWORK_NULLS.map((name) => [name, null])), id: row.id, label: row['name'] });
const tenantView = (row: Row) => ({ id: row.id, label: row['name'], cidr: 'None' });

const networkRoutes = (path: string, rule: string, view: (row: Row) => object): ComputeRoute[] => [
  {
    method: 'GET',
    path,
    async handle(call) {
      requireOwn(call, `${rule}:list`);
      return ok({ networks: (await listProxied(call, networks, {}, rule === 'os-networks')).map(view) });
    },
  },
  {
    method: 'GET',
    path: `${path}/:id`,
    async handle(call) {
      requireOwn(call, `${rule}:show`);
      return ok({ network: view((await mustShow(dbOf(call), networkActor(call, true), networks, call.params['id']!)).row) });
    },
  },
];

const PATH = '/v2.1/os-floating-ips';

const routes: readonly ComputeRoute[] = [
  {
    method: 'GET',
    path: PATH,
    async handle(call) {
      requireOwn(call, 'os-floating-ips:list');
      return ok({ floating_ips: await views(call, await listProxied(call, floatingips, { project_id: [call.actor.projectId ?? ''] })) });
    },
  },
  { method: 'POST', path: PATH, handle: create },
  {
    method: 'GET',
    path: `${PATH}/:id`,
    async handle(call) {
      requireOwn(call, 'os-floating-ips:show');
      return ok({ floating_ip: (await views(call, [await show(call)]))[0] });
    },
  },
  {
    method: 'DELETE',
    path: `${PATH}/:id`,
    async handle(call) {
      requireOwn(call, 'os-floating-ips:delete');
      await deleteOne(dbOf(call), networkActor(call, true), floatingips, { key: call.params['id']! }, async () => {});
      return { status: 202 };
    },
  },
  {
    method: 'GET',
    path: '/v2.1/os-floating-ip-pools',
    async handle(call) {
      requireOwn(call, 'os-floating-ip-pools');
      return ok({ floating_ip_pools: (await externalNetworks(call)).map((row) => ({ name: row['name'] || row.id })) });
    },
  },
  ...networkRoutes('/v2.1/os-networks', 'os-networks', networkView),
  ...networkRoutes('/v2.1/os-tenant-networks', 'os-tenant-networks', tenantView),
];

export const floatingIpRoutes: readonly ComputeRoute[] = routes.map((route) => until(PROXIES_UNTIL, route));
