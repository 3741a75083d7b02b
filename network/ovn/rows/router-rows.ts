import type { FloatingIpFact, NetworkState, PortFact, RouterFact, SubnetFact } from '../network-state.ts';
import { HOST_PRIORITY_MAX } from './host-order.ts';
import { setOf, textMap, type Value } from '../../ovsdb/ovsdb-value-codec.ts';
import { desired, referAll, type DesiredRow } from './desired-row.ts';

/*
 * Routers, their legs, routes, and what they translate: a router's way out hides its networks behind its own address (SNAT), floating addresses are one
 * machine's both ways, forwarded ports are load balancers of one.
 */
interface Facts {
  readonly subnets: ReadonlyMap<string, SubnetFact>;
  readonly mtus: ReadonlyMap<string, number>;
  /** Networks of the site: their frames come by hosts that have a way there. */
  readonly provided: ReadonlySet<string>;
  readonly legs: readonly PortFact[];
  readonly floating: readonly FloatingIpFact[];
}

export function routerRows(state: NetworkState): DesiredRow[] {
  const subnets = new Map(state.subnets.map((subnet) => [subnet.id, subnet]));
  const mtus = new Map(state.networks.map((network) => [network.id, network.mtu]));
  const provided = new Set(state.networks.filter(({ provider }) => provider !== null).map(({ id }) => id));
  const legsOf = Map.groupBy(
    state.ports.filter(({ owner }) => owner.startsWith('network:router_')),
    (port) => port.deviceId,
  );
  const floatingOf = Map.groupBy(state.floatingIps, (one) => one.routerId ?? '');
  return state.routers.flatMap((router) =>
    rowsOf(router, { subnets, mtus, provided, legs: legsOf.get(router.id) ?? [], floating: floatingOf.get(router.id) ?? [] }),
  );
}

function rowsOf(router: RouterFact, facts: Facts): DesiredRow[] {
  const { legs, subnets } = facts;
  const gateway = legs.find(({ id }) => id === router.gateway?.portId);
  const inside = legs.filter((leg) => leg !== gateway);
  const routes = routeRows(router, gateway, subnets);
  const nats = gateway === undefined ? [] : natRows(router, gateway, inside, facts);
  const balancers = facts.floating.flatMap(forwardingRow);
  const chassis = gateway === undefined ? [] : gatewayChassis(gateway, router.gateway!.hosts);
  const ports = legs.map((leg) => {
    const isCentral = gateway !== undefined && leg !== gateway && facts.provided.has(leg.networkId);
    return legRow(leg, facts, { chassis: leg === gateway ? chassis.map(({ key }) => key) : [], isCentral });
  });
  return [
    ...routes,
    ...nats,
    ...balancers,
    ...chassis,
    ...ports,
    desired(
      'Logical_Router',
      `router:${router.id}`,
      {
        name: `router-${router.id}`,
        enabled: setOf([router.isEnabled]),
        ports: referAll(ports.map(({ key }) => key)),
        static_routes: referAll(routes.map(({ key }) => key)),
        nat: referAll(nats.map(({ key }) => key)),
        load_balancer: referAll(balancers.map(({ key }) => key)),
        options: textMap({ always_learn_from_arp_request: 'false', dynamic_neigh_routers: 'true' }),
      },
      { 'rackwright:name': router.name },
    ),
  ];
}

const lengthOf = (subnet: SubnetFact | undefined) => subnet?.cidr.split('/')[1] ?? '32';

/**
 * `isCentral`: the router's MAC address is at the gateway host only, also towards machines behind a switch of the site, which must not see it at several ports.
 */
function legRow(
  leg: PortFact,
  { subnets, mtus }: Facts,
  { chassis, isCentral }: { readonly chassis: readonly string[]; readonly isCentral: boolean },
): DesiredRow {
  const networks = leg.addresses.map(({ subnetId, address }) => `${address}/${lengthOf(subnets.get(subnetId))}`);
  return desired('Logical_Router_Port', `leg:${leg.id}`, {
    name: `lrp-${leg.id}`,
    mac: leg.mac,
    networks: setOf(networks),
    enabled: setOf([leg.isEnabled]),
    gateway_chassis: referAll(chassis),
    options: textMap(isCentral ? { 'reside-on-redirect-chassis': 'true' } : {}),
    ipv6_ra_configs: raConfigs(leg, subnets, mtus.get(leg.networkId) ?? 1500),
  });
}

const RA_MODES = { slaac: 'slaac', 'dhcpv6-stateful': 'dhcpv6_stateful', 'dhcpv6-stateless': 'dhcpv6_stateless' } as const;

function raConfigs(leg: PortFact, subnets: ReadonlyMap<string, SubnetFact>, mtu: number): Value {
  const mode = leg.addresses.map(({ subnetId }) => subnets.get(subnetId)?.raMode).find((one) => one != null);
  if (mode == null || leg.owner === 'network:router_gateway') return textMap({});
  return textMap({ address_mode: RA_MODES[mode], send_periodic: 'true', mtu: String(mtu) });
}

function gatewayChassis(gateway: PortFact, hosts: readonly string[]): DesiredRow[] {
  return hosts.map((name, at) =>
    desired('Gateway_Chassis', `gateway:${gateway.id}:${name}`, {
      name: `lrp-${gateway.id}_${name}`,
      chassis_name: name,
      priority: HOST_PRIORITY_MAX - at,
    }),
  );
}

function routeRows(router: RouterFact, gateway: PortFact | undefined, subnets: ReadonlyMap<string, SubnetFact>): DesiredRow[] {
  const row = (key: string, prefix: string, nexthop: string, port?: string) =>
    desired('Logical_Router_Static_Route', `route:${router.id}:${key}`, {
      ip_prefix: prefix,
      nexthop,
      output_port: setOf(port === undefined ? [] : [port]),
    });
  const defaults = (gateway?.addresses ?? []).flatMap(({ subnetId }) => {
    const subnet = subnets.get(subnetId);
    if (subnet === undefined || subnet.gateway === null) return [];
    return [row(`default${subnet.ipVersion}`, subnet.ipVersion === 4 ? '0.0.0.0/0' : '::/0', subnet.gateway, `lrp-${gateway!.id}`)];
  });
  return [...defaults, ...router.routes.map(({ destination, nexthop }) => row(`${destination}>${nexthop}`, destination, nexthop))];
}

function natRows(router: RouterFact, gateway: PortFact, inside: readonly PortFact[], { subnets, floating }: Facts): DesiredRow[] {
  const outside = gateway.addresses.find(({ address }) => !address.includes(':'))?.address;
  const nat = (key: string, type: string, external: string, logical: string) =>
    desired('NAT', `nat:${router.id}:${key}`, { type, external_ip: external, logical_ip: logical });
  const hidden = [...new Set(inside.flatMap(({ addresses }) => addresses.map(({ subnetId }) => subnets.get(subnetId))))].filter(
    (subnet) => subnet?.ipVersion === 4,
  );
  return [
    ...(outside === undefined || router.gateway?.hasSnat !== true
      ? []
      : hidden.map((subnet) => nat(`snat:${subnet!.id}`, 'snat', outside, subnet!.cidr))),
    ...floating.flatMap(({ id, address, fixedAddress }) =>
      fixedAddress === null ? [] : [nat(`floating:${id}`, 'dnat_and_snat', address, fixedAddress)],
    ),
  ];
}

function forwardingRow({ id, address, forwardings }: FloatingIpFact): DesiredRow[] {
  return [...Map.groupBy(forwardings, ({ protocol }) => protocol)].map(([protocol, some]) =>
    desired('Load_Balancer', `forwarding:${id}:${protocol}`, {
      name: `forwarding-${id}-${protocol}`,
      protocol: setOf([protocol]),
      vips: textMap(
        Object.fromEntries(some.map((one) => [`${address}:${one.externalPort}`, `${one.internalAddress}:${one.internalPort}`])),
      ),
    }),
  );
}
