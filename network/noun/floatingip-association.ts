import { touch } from '../mechanism/row-write.ts';
import { query } from '../mechanism/statement.ts';
import { badRequest, conflict, notFound } from '../network-error.ts';
import type { Row, Trx, Work } from '../resource.ts';

/** Where the traffic of a floating IP goes: an IPv4 address of a port behind a router that has a gateway there. */
export interface Association {
  readonly port_id: string | null;
  readonly fixed_ip_address: string | null;
  readonly router_id: string | null;
  readonly status: 'ACTIVE' | 'DOWN';
}
export const NOWHERE: Association = { port_id: null, fixed_ip_address: null, router_id: null, status: 'DOWN' };

export interface FloatingFacts {
  readonly id: string | null;
  readonly address: string;
  readonly networkId: string;
  readonly projectId: string;
}

/** @throws NetworkError 400, 404, 409 */
export async function associate(work: Work, floating: FloatingFacts, port: Row, asked: string | null): Promise<Association> {
  const { trx, actor } = work;
  if (port.project_id !== floating.projectId && !actor.seesAll)
    throw badRequest(`Cannot create floating IP and bind it to Port ${port.id}, since that is owned by a different project.`);
  const fixed = chooseAddress(port, asked);
  const routerId = await routerBetween(trx, fixed.subnet_id, floating.networkId);
  if (routerId === undefined)
    throw notFound(
      'ExternalGatewayForFloatingIPNotFound',
      `External network ${floating.networkId} is not reachable from subnet ${fixed.subnet_id}.  Therefore, cannot associate Port ${port.id} with a Floating IP.`,
    );
  const others = await query(
    trx,
    'select from network_floatingip where port_id = $1 and fixed_ip_address = $2 and floating_network_id = $3 and id is distinct from $4',
    [port.id, fixed.ip_address, floating.networkId, floating.id],
  );
  if (others.length > 0)
    throw conflict(
      'FloatingIPPortAlreadyAssociated',
      `Cannot associate floating IP ${floating.address} (${floating.id}) with port ${port.id} using fixed IP ${fixed.ip_address}, as that fixed IP already has a floating IP on external network ${floating.networkId}.`,
    );
  return { port_id: port.id, fixed_ip_address: fixed.ip_address, router_id: routerId, status: 'ACTIVE' };
}

interface Fixed {
  readonly subnet_id: string;
  readonly ip_address: string;
}

function chooseAddress(port: Row, asked: string | null): Fixed {
  const fixed = port['fixed_ips'] as Fixed[];
  if (asked !== null) {
    const found = fixed.find((each) => each.ip_address === asked);
    if (found === undefined) throw badRequest(`Port ${port.id} does not have fixed ip ${asked}`);
    return found;
  }
  const v4 = fixed.filter((each) => !each.ip_address.includes(':'));
  if (v4.length === 0) throw badRequest(`Cannot add floating IP to port ${port.id} that has no fixed IPv4 addresses`);
  if (v4.length > 1)
    throw badRequest(
      `Port ${port.id} has multiple fixed IPv4 addresses. Must provide a specific IPv4 address when assigning a floating IP`,
    );
  return v4[0]!;
}

/** The router with a leg in the subnet and its gateway, or another leg, on the external network. */
export async function routerBetween(trx: Trx, subnetId: string, externalNetworkId: string): Promise<string | undefined> {
  const rows = await query<{ id: string }>(
    trx,
    `select r.id from network_router r join network_router_interface i on i.router_id = r.id join network_address a on a.port_id = i.port_id
     where a.subnet_id = $1 and exists (select from network_port o where o.network_id = $2 and (o.id = r.gateway_port_id
       or o.id in (select l.port_id from network_router_interface l where l.router_id = r.id and l.port_id <> i.port_id)))
     order by exists (select from network_subnet s where s.id = a.subnet_id and s.gateway_ip = a.ip_address) desc limit 1`,
    [subnetId, externalNetworkId],
  );
  return rows[0]?.id;
}

/** The port goes: its floating IPs stay, of nobody. */
export async function disassociate(trx: Trx, portId: string): Promise<void> {
  const rows = await query<{ router_id: string }>(
    trx,
    `with freed as (select id, router_id from network_floatingip where port_id = $1 for update)
     update network_floatingip f set port_id = null, fixed_ip_address = null, router_id = null, status = 'DOWN',
       revision_number = f.revision_number + 1, updated_at = now()
     from freed where f.id = freed.id returning freed.router_id`,
    [portId],
  );
  await touch(
    trx,
    'network_router',
    rows.map((row) => row.router_id),
  );
}
