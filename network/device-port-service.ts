import { sql, type Kysely } from 'kysely';
import type { DatabaseSchema } from '../core/database/schema-types.ts';
import { readCreate } from './attribute-policy.ts';
import { autoTopology } from './auto-topology-service.ts';
import { isUuid } from './mechanism/attribute-types.ts';
import { requireQuota } from './mechanism/quota-store.ts';
import { readRow } from './mechanism/row-read.ts';
import { ANYONE } from './mechanism/seen.ts';
import { query } from './mechanism/statement.ts';
import { badRequest, conflict, NetworkError } from './network-error.ts';
import { NETWORK_CHANGED } from './network-state-record.ts';
import { createPorts } from './noun/port-create.ts';
import { ports } from './noun/port-noun.ts';
import { dropPort } from './noun/port-remove.ts';
import { updatePort } from './noun/port-update.ts';
import { networks } from './resources.ts';
import type { NetworkActor, Row, Trx } from './resource.ts';

/** Ports of a server, inside the transaction that makes, moves or forgets it. What the asker does not see is not there. */
export interface Device {
  readonly id: string;
  /** `compute:nova` */
  readonly owner: string;
  readonly projectId: string;
  /** Bound there; a machine of metal binds its ports as it attaches them. */
  readonly dnsName: string;
}

const told = (trx: Trx) => sql`select pg_notify(${NETWORK_CHANGED}, '')`.execute(trx);

/** A network that a server can be in. @throws NetworkError 400, 403 */
export async function requireUsableNetwork(trx: Trx, actor: NetworkActor, id: string): Promise<void> {
  const row = isUuid(id) ? await readRow(trx, actor, networks, id) : undefined;
  if (row === undefined) throw badRequest(`Network ${id} could not be found.`);
  if ((row['subnets'] as unknown[]).length === 0) throw badRequest(`Network ${id} requires a subnet in order to boot instances on.`);
  if (row['router:external'] === true && row.project_id !== actor.projectId && !actor.seesAll && row['shared'] !== true)
    throw new NetworkError(403, 'PolicyNotAuthorized', `It is not allowed to create an interface on external network ${id}`);
}

/** A port that a server can have. @throws NetworkError 400, 409 in use */
export async function requireFreePort(trx: Trx, actor: NetworkActor, id: string): Promise<Row> {
  const row = isUuid(id) ? await readRow(trx, actor, ports, id, { lock: true }) : undefined;
  if (row === undefined || (row.project_id !== actor.projectId && !actor.seesAll)) throw badRequest(`Port ${id} could not be found.`);
  if (row['device_id'] !== '') throw conflict('PortInUse', `Port ${id} is still in use.`);
  return row;
}

/** What a project's server gets when nobody says: its only network, or none. @throws NetworkError 409 */
export async function onlyNetwork(trx: Trx, actor: NetworkActor): Promise<string | undefined> {
  const rows = await query<{ id: string }>(
    trx,
    `select n.id from network n where n.project_id = $1 and exists (select from network_subnet s where s.network_id = n.id) order by n.created_at limit 2`,
    [actor.projectId ?? ''],
  );
  if (rows.length > 1) throw conflict('NetworkAmbiguous', 'Multiple possible networks found, use a Network ID to be more specific.');
  return rows[0]?.id;
}

/** The project's network, made when it has none. @throws NetworkError 400 when it can not be made */
export async function automaticNetwork(trx: Trx, actor: NetworkActor): Promise<string> {
  const own = await onlyNetwork(trx, actor);
  if (own !== undefined) return own;
  return autoTopology({ trx, actor }, actor.projectId ?? '').catch((error: unknown) => {
    throw error instanceof NetworkError
      ? badRequest(`Unable to automatically allocate a network for project ${actor.projectId}: ${error.message}`)
      : error;
  });
}

/** Ids of security groups that are named by id or name. @throws NetworkError 400, 409 */
export async function findSecurityGroups(trx: Trx, actor: NetworkActor, names: readonly string[]): Promise<string[]> {
  const found = [];
  for (const name of new Set(names)) {
    const rows = await query<{ id: string }>(
      trx,
      `select id from network_security_group where project_id = $1 and (name = $2 or id::text = $2)`,
      [actor.projectId ?? '', name],
    );
    if (rows.length === 0 && name === 'default') continue;
    if (rows.length === 0) throw badRequest(`Security group ${name} not found for project ${actor.projectId}.`);
    if (rows.length > 1)
      throw conflict('NoUniqueMatch', `Multiple security groups found matching '${name}'. Use an ID to be more specific.`);
    found.push(rows[0]!.id);
  }
  return found;
}

export interface PortWish {
  readonly networkId: string;
  readonly fixedIp?: string;
  readonly securityGroups: readonly string[];
}

/** The id of a port of the device's own. @throws NetworkError */
export async function makeDevicePort(trx: Trx, actor: NetworkActor, device: Device, wish: PortWish): Promise<string> {
  const values = readCreate(
    ports,
    {
      network_id: wish.networkId,
      project_id: device.projectId,
      device_id: device.id,
      device_owner: device.owner,
      dns_name: device.dnsName,
      ...(wish.fixedIp === undefined ? {} : { fixed_ips: [{ ip_address: wish.fixedIp }] }),
      ...(wish.securityGroups.length === 0 ? {} : { security_groups: wish.securityGroups }),
    },
    ANYONE,
  );
  const [id] = await createPorts({ trx, actor }, [values]);
  await requireQuota(trx, ports, [values], 'after');
  await told(trx);
  return id!;
}

/** Somebody's port becomes the device's. @throws NetworkError 400, 409 */
export async function takeDevicePort(trx: Trx, actor: NetworkActor, device: Device, portId: string): Promise<void> {
  const row = await requireFreePort(trx, actor, portId);
  await updatePort({ trx, actor: ANYONE }, row, { device_id: device.id, device_owner: device.owner });
  await told(trx);
}

/** It is its owner's again. Nothing happens when it is another's, or gone. */
export async function leaveDevicePort(trx: Trx, deviceId: string, portId: string): Promise<void> {
  const row = await readRow(trx, ANYONE, ports, portId, { lock: true });
  if (row === undefined || row['device_id'] !== deviceId) return;
  await updatePort({ trx, actor: ANYONE }, row, { device_id: '', device_owner: '' });
  await told(trx);
}

export async function dropDevicePort(trx: Trx, deviceId: string, portId: string): Promise<void> {
  const row = await readRow(trx, ANYONE, ports, portId, { lock: true });
  if (row === undefined || row['device_id'] !== deviceId) return;
  await dropPort(trx, portId);
  await told(trx);
}

export const devicePort = async (trx: Trx, deviceId: string, portId: string): Promise<Row | undefined> => {
  const row = isUuid(portId) ? await readRow(trx, ANYONE, ports, portId) : undefined;
  return row?.['device_id'] === deviceId ? row : undefined;
};

export async function setPortGroups(trx: Trx, portId: string, change: (groups: readonly string[]) => readonly string[]): Promise<void> {
  const row = await readRow(trx, ANYONE, ports, portId, { lock: true });
  if (row === undefined) return;
  await updatePort({ trx, actor: ANYONE }, row, { security_groups: change(row['security_groups'] as string[]) });
  await told(trx);
}

/** What a system that configures itself needs to know of its interfaces, in the order of `portIds`. */
export interface Interface {
  readonly portId: string;
  readonly networkId: string;
  readonly mac: string;
  readonly mtu: number;
  readonly addresses: readonly {
    readonly address: string;
    readonly version: 4 | 6;
    readonly cidr: string;
    readonly gateway: string | null;
    readonly dnsServers: readonly string[];
    readonly routes: readonly { readonly destination: string; readonly nexthop: string }[];
    readonly dhcp: boolean;
    /** `slaac` and its likes; null: the address is given. */
    readonly ipv6Mode: string | null;
  }[];
}

export async function describeInterfaces(trx: Kysely<DatabaseSchema>, portIds: readonly string[]): Promise<Interface[]> {
  const rows = await query<Interface>(
    trx,
    `select p.id as "portId", p.network_id as "networkId", p.mac_address::text as mac, n.mtu,
       coalesce((select json_agg(json_build_object('address', host(a.ip_address), 'version', family(a.ip_address), 'cidr', s.cidr,
         'gateway', host(s.gateway_ip::inet), 'dnsServers', s.dns_nameservers, 'routes', s.host_routes, 'dhcp', s.enable_dhcp,
         'ipv6Mode', s.ipv6_address_mode) order by a.position)
         from network_address a join network_subnet s on s.id = a.subnet_id where a.port_id = p.id), '[]') as addresses
     from network_port p join network n on n.id = p.network_id where p.id = any($1::uuid[])
     order by array_position($1::uuid[], p.id)`,
    [portIds],
  );
  return rows;
}
