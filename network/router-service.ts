import { parsePrefix } from '../core/base/ip-address.ts';
import { readRow } from './mechanism/row-read.ts';
import { touch, updateRow } from './mechanism/row-write.ts';
import { ANYONE, asAnyone, mustSee } from './mechanism/seen.ts';
import { query } from './mechanism/statement.ts';
import { badRequest, conflict, notFound } from './network-error.ts';
import { createPort, portNetwork } from './noun/port-create.ts';
import { ports } from './noun/port-noun.ts';
import { dropPort } from './noun/port-remove.ts';
import { legsOf, requireNoOverlap, requireRoutes, type Leg, type Route } from './noun/router-legs.ts';
import { routers, routesType } from './noun/router-noun.ts';
import { subnets } from './noun/subnet-noun.ts';
import { takeAddresses } from './noun/address-allocation.ts';
import { InvalidValue, type Row, type Work } from './resource.ts';

/** The legs of a router, and its extra routes one by one. The router's row is locked by the caller. */
export interface InterfaceWish {
  readonly subnet_id?: string;
  readonly port_id?: string;
}
export interface InterfaceTold {
  readonly id: string;
  readonly tenant_id: string;
  readonly project_id: string;
  readonly port_id: string;
  readonly network_id: string;
  readonly subnet_id: string;
  readonly subnet_ids: readonly string[];
}

export async function addInterface(work: Work, router: Row, wish: InterfaceWish): Promise<InterfaceTold> {
  const { trx } = work;
  if ((wish.subnet_id === undefined) === (wish.port_id === undefined))
    throw badRequest(
      wish.port_id === undefined ? 'Either subnet_id or port_id must be specified' : 'Cannot specify both subnet-id and port-id',
    );
  const portId = wish.port_id === undefined ? await addSubnet(work, router, wish.subnet_id!) : await plugPort(work, router, wish.port_id);
  await touch(trx, 'network_router', [router.id]);
  return told(work, router, portId, wish.subnet_id);
}

async function told({ trx }: Work, router: Row, portId: string, subnetId?: string): Promise<InterfaceTold> {
  const port = (await readRow(trx, ANYONE, ports, portId))!;
  const subnetIds = (port['fixed_ips'] as { subnet_id: string }[]).map((each) => each.subnet_id);
  return {
    id: router.id,
    tenant_id: router.project_id,
    project_id: router.project_id,
    port_id: portId,
    network_id: String(port['network_id']),
    subnet_id: subnetId ?? subnetIds[0]!,
    subnet_ids: subnetIds,
  };
}

async function plugPort(work: Work, router: Row, portId: string): Promise<string> {
  const { trx } = work;
  const port = await mustSee(work, ports, portId, { lock: true });
  if (port['device_id'] !== '' && (port['device_id'] !== router.id || port['device_owner'] !== ''))
    throw conflict(
      'PortInUse',
      `Unable to complete operation on port ${port.id} for network ${String(port['network_id'])}. Port already has an attached device ${String(port['device_id'])}.`,
    );
  const fixed = port['fixed_ips'] as { subnet_id: string; ip_address: string }[];
  if (fixed.length === 0) throw badRequest('Router port must have at least one fixed IP');
  if (fixed.filter((each) => !each.ip_address.includes(':')).length > 1)
    throw badRequest('Cannot have multiple IPv4 subnets on router port');
  const legs = await legsOf(trx, router.id);
  for (const { subnet_id: id } of fixed)
    requireNoOverlap(
      legs,
      (await query<{ id: string; cidr: string }>(trx, 'select id, cidr::text from network_subnet where id = $1', [id]))[0]!,
    );
  await query(trx, 'delete from network_port_security_group where port_id = $1', [port.id]);
  await updateRow(trx, ports, port.id, {
    device_id: router.id,
    device_owner: 'network:router_interface',
    port_security_enabled: false,
    status: 'ACTIVE',
  });
  await query(trx, 'insert into network_router_interface (port_id, router_id) values ($1, $2)', [port.id, router.id]);
  return port.id;
}

async function addSubnet(work: Work, router: Row, subnetId: string): Promise<string> {
  const { trx } = work;
  const subnet = await mustSee(work, subnets, subnetId);
  const gateway = subnet['gateway_ip'] as string | null;
  if (gateway === null) throw badRequest('Subnet for router interface must have a gateway IP');
  const legs = await legsOf(trx, router.id);
  requireNoOverlap(legs, { id: subnet.id, cidr: String(subnet['cidr']) });
  const network = await portNetwork({ trx, actor: ANYONE }, String(subnet['network_id']));
  const addressed = network.subnets.find((each) => each.id === subnet.id)!;
  const shared = subnet['ip_version'] === 6 ? await sixthLeg(work, router.id, network.id, legs) : undefined;
  if (shared !== undefined) {
    await takeAddresses(trx, network.id, shared, [{ subnets: [addressed], ip: gateway }], legs.length);
    await touch(trx, 'network_port', [shared]);
    return shared;
  }
  const portId = await createPort(asAnyone(work), network, {
    project_id: router.project_id,
    network_id: network.id,
    device_id: router.id,
    device_owner: 'network:router_interface',
    fixed_ips: [{ subnet_id: subnet.id, ip_address: gateway }],
  });
  await query(trx, 'insert into network_router_interface (port_id, router_id) values ($1, $2)', [portId, router.id]);
  return portId;
}

/** All IPv6 subnets of a network are announced by one port. */
async function sixthLeg({ trx }: Work, _routerId: string, networkId: string, legs: readonly Leg[]): Promise<string | undefined> {
  const leg = legs.find((each) => each.network_id === networkId && !each.is_gateway && parsePrefix(each.cidr)!.version === 6);
  if (leg === undefined) return undefined;
  const v4 = await query(trx, 'select from network_address where port_id = $1 and family(ip_address) = 4', [leg.port_id]);
  return v4.length > 0 ? undefined : leg.port_id;
}

export async function removeInterface(work: Work, router: Row, wish: InterfaceWish): Promise<InterfaceTold> {
  const { trx } = work;
  if (wish.subnet_id === undefined && wish.port_id === undefined) throw badRequest('Either subnet_id or port_id must be specified');
  const legs = (await legsOf(trx, router.id)).filter((each) => !each.is_gateway);
  const leg = legs.find(
    (each) =>
      (wish.port_id === undefined || each.port_id === wish.port_id) && (wish.subnet_id === undefined || each.subnet_id === wish.subnet_id),
  );
  if (leg === undefined) throw await noSuchLeg(work, router, wish, legs);
  const going = wish.port_id === undefined ? [leg] : legs.filter((each) => each.port_id === leg.port_id);
  for (const each of going) await requireUnused(work, router, each);
  const result = { ...(await told(work, router, leg.port_id, leg.subnet_id)), subnet_ids: going.map((each) => each.subnet_id) };
  const rest = legs.filter((each) => each.port_id === leg.port_id && !going.includes(each));
  if (rest.length > 0) {
    await query(trx, 'delete from network_address where port_id = $1 and subnet_id = $2', [leg.port_id, leg.subnet_id]);
    await touch(trx, 'network_port', [leg.port_id]);
  } else await dropPort(trx, leg.port_id);
  await touch(trx, 'network_router', [router.id]);
  return result;
}

async function noSuchLeg({ trx, actor }: Work, router: Row, wish: InterfaceWish, legs: readonly Leg[]): Promise<Error> {
  if (wish.port_id !== undefined && legs.some((each) => each.port_id === wish.port_id))
    return conflict('SubnetMismatchForPort', `Subnet on port ${wish.port_id} does not match the requested subnet ${wish.subnet_id}.`);
  if (wish.port_id !== undefined)
    return notFound('RouterInterfaceNotFound', `Router ${router.id} does not have an interface with id ${wish.port_id}`);
  if ((await readRow(trx, actor, subnets, wish.subnet_id!)) === undefined) return subnets.notFound(wish.subnet_id!);
  return notFound('RouterInterfaceNotFoundForSubnet', `Router ${router.id} has no interface on subnet ${wish.subnet_id}`);
}

/** Floating IPs and routes that lead through the leg keep it. */
async function requireUnused({ trx }: Work, router: Row, leg: Leg): Promise<void> {
  const floating = await query(
    trx,
    `select from network_floatingip f join network_address a on a.port_id = f.port_id and a.ip_address = f.fixed_ip_address
     where f.router_id = $1 and a.subnet_id = $2
     union all select from network_port_forwarding w join network_floatingip f on f.id = w.floatingip_id
     join network_address a on a.port_id = w.internal_port_id and a.ip_address = w.internal_ip_address
     where f.router_id = $1 and a.subnet_id = $2 limit 1`,
    [router.id, leg.subnet_id],
  );
  if (floating.length > 0)
    throw conflict(
      'RouterInterfaceInUseByFloatingIP',
      `Router interface for subnet ${leg.subnet_id} on router ${router.id} cannot be deleted, as it is required by one or more floating IPs.`,
    );
  const outside = await query(trx, 'select from network_floatingip where router_id = $1 and floating_network_id = $2 limit 1', [
    router.id,
    leg.network_id,
  ]);
  if (outside.length > 0)
    throw conflict(
      'RouterInterfaceInUseAsGatewayByFloatingIP',
      `Router interface for subnet ${leg.subnet_id} on router ${router.id} cannot be deleted, as it is required as a gateway by one or more floating IPs.`,
    );
  const others = (await legsOf(trx, router.id)).filter((each) => each.subnet_id !== leg.subnet_id);
  try {
    requireRoutes(router.id, router['routes'] as Route[], [...others]);
  } catch {
    throw conflict(
      'RouterInterfaceInUseByRoute',
      `Router interface for subnet ${leg.subnet_id} on router ${router.id} cannot be deleted, as it is required by one or more routes.`,
    );
  }
}

/** @throws NetworkError 400 */
export function readRoutes(value: unknown): Route[] {
  try {
    return routesType.read(value) as Route[];
  } catch (error) {
    if (error instanceof InvalidValue) throw badRequest(`Invalid input for routes. Reason: ${error.message}.`);
    throw error;
  }
}

const same = (a: Route) => (b: Route) => a.destination === b.destination && a.nexthop === b.nexthop;

/** Routes that are there already are no error; nor, on the way out, those that are not. */
export async function changeRoutes({ trx }: Work, router: Row, verb: 'add' | 'remove', routes: readonly Route[]): Promise<void> {
  const before = router['routes'] as Route[];
  const after =
    verb === 'add'
      ? [...before, ...routes.filter((route) => !before.some(same(route)))]
      : before.filter((route) => !routes.some(same(route)));
  if (verb === 'add') requireRoutes(router.id, after, await legsOf(trx, router.id));
  await updateRow(trx, routers, router.id, { routes: after });
}
