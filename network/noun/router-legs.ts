import { contains, overlaps, parseIp, parsePrefix, rangeOf } from '../../core/base/ip-address.ts';
import { query } from '../mechanism/statement.ts';
import { badRequest, NetworkError } from '../network-error.ts';
import type { Trx } from '../resource.ts';
import { ROUTES_MAX } from './router-noun.ts';

/** The subnets that a router has a leg or its gateway in. */
export interface Leg {
  readonly port_id: string;
  readonly network_id: string;
  readonly subnet_id: string;
  readonly cidr: string;
  readonly ip_address: string;
  readonly is_gateway: boolean;
}

export const legsOf = (trx: Trx, routerId: string): Promise<Leg[]> =>
  query<Leg>(
    trx,
    `select a.port_id, a.network_id, a.subnet_id, s.cidr::text, host(a.ip_address) as ip_address, l.is_gateway
     from (select port_id, false as is_gateway from network_router_interface where router_id = $1
           union all select gateway_port_id, true from network_router where id = $1 and gateway_port_id is not null) l
     join network_address a on a.port_id = l.port_id join network_subnet s on s.id = a.subnet_id`,
    [routerId],
  );

/** Two subnets with the same addresses behind one router: it would not know where to. @throws NetworkError 400 */
export function requireNoOverlap(legs: readonly Leg[], subnet: { readonly id: string; readonly cidr: string }): void {
  if (legs.some((leg) => leg.subnet_id === subnet.id)) throw badRequest(`Router already has a port on subnet ${subnet.id}`);
  const other = legs.find((leg) => overlaps(rangeOf(parsePrefix(leg.cidr)!), rangeOf(parsePrefix(subnet.cidr)!)));
  if (other !== undefined)
    throw badRequest(`Cidr ${subnet.cidr} of subnet ${subnet.id} overlaps with cidr ${other.cidr} of subnet ${other.subnet_id}`);
}

export interface Route {
  readonly destination: string;
  readonly nexthop: string;
}

/** A next hop is somebody else in a subnet of the router. @throws NetworkError 400 */
export function requireRoutes(routerId: string, routes: readonly Route[], legs: readonly Leg[]): void {
  if (routes.length > ROUTES_MAX)
    throw new NetworkError(
      400,
      'RoutesExhausted',
      `Unable to complete operation for ${routerId}. The number of routes exceeds the maximum ${ROUTES_MAX}.`,
    );
  for (const route of routes) {
    const hop = parseIp(route.nexthop)!;
    if (!legs.some((leg) => contains(rangeOf(parsePrefix(leg.cidr)!), hop)))
      throw invalid(route, 'the nexthop is not connected with router');
    if (legs.some((leg) => leg.ip_address === route.nexthop)) throw invalid(route, 'the nexthop is used by router');
    if (parsePrefix(route.destination)!.version !== hop.version) throw invalid(route, 'the nexthop is of another IP version');
  }
}

const invalid = (route: Route, reason: string) =>
  new NetworkError(400, 'InvalidRoutes', `Invalid format for routes: ${route.destination} via ${route.nexthop}, ${reason}`);
