import type { NetworkState, PortFact, QosRuleFact } from '../network-state.ts';
import { mapOf, type Value } from '../../ovsdb/ovsdb-value-codec.ts';
import { desired, type DesiredRow } from './desired-row.ts';

/*
 * Quality of service: what a port may send and get at most, and how its frames are marked, as rows of the switch that the port is on (ovn-nb(5), "QoS"); a guaranteed
 * rate of what it sends as options of its own. A floating address and a router's way out are looked at where they pass into the network outside. OVN guarantees
 * nothing of what comes in, and limits no packets a second.
 */
const PORT_PRIORITY = 2002;
/** Addresses that are told apart come before the whole of a router's traffic. */
const FLOATING_PRIORITY = 2002;
const GATEWAY_PRIORITY = 2001;
const BITS = 1000;

export interface QosRows {
  readonly rows: readonly DesiredRow[];
  /** Keys of rows by network. */
  readonly byNetwork: ReadonlyMap<string, readonly string[]>;
}

interface Place {
  readonly key: string;
  readonly networkId: string;
  readonly policyId: string | null;
  readonly priority: number;
  readonly matches: { readonly egress: string; readonly ingress: string };
}

export function qosRows(state: NetworkState): QosRows {
  const rules = new Map(state.qosPolicies.map((policy) => [policy.id, policy.rules]));
  const made = placesOf(state).flatMap((place) => rowsOf(place, rules.get(place.policyId ?? '') ?? []));
  return {
    rows: made.map(({ row }) => row),
    byNetwork: new Map([...Map.groupBy(made, ({ networkId }) => networkId)].map(([id, some]) => [id, some.map(({ row }) => row.key)])),
  };
}

function placesOf(state: NetworkState): Place[] {
  const gateways = new Map(state.ports.filter(({ owner }) => owner === 'network:router_gateway').map((port) => [port.deviceId, port]));
  const ports = state.ports.filter(isLimited).map(({ id, networkId, qosPolicyId }) => ({
    key: `port:${id}`,
    networkId,
    policyId: qosPolicyId,
    priority: PORT_PRIORITY,
    matches: { egress: `inport == "${id}"`, ingress: `outport == "${id}"` },
  }));
  const floating = state.floatingIps.flatMap(({ id, address, routerId, qosPolicyId }) => {
    const gateway = gateways.get(routerId ?? '');
    if (gateway === undefined) return [];
    const matches = {
      egress: `inport == "${gateway.id}" && ip4.src == ${address}`,
      ingress: `outport == "${gateway.id}" && ip4.dst == ${address}`,
    };
    return [{ key: `floating:${id}`, networkId: gateway.networkId, policyId: qosPolicyId, priority: FLOATING_PRIORITY, matches }];
  });
  const outs = state.routers.flatMap(({ id, gateway }) => {
    const port = gateways.get(id);
    if (port === undefined || gateway === null) return [];
    const matches = { egress: `inport == "${port.id}"`, ingress: `outport == "${port.id}"` };
    return [{ key: `router:${id}`, networkId: port.networkId, policyId: gateway.qosPolicyId, priority: GATEWAY_PRIORITY, matches }];
  });
  return [...ports, ...floating, ...outs];
}

/** What is the cloud's own is not limited; a machine behind a switch of the site does not pass through a port here. */
const isLimited = ({ owner, isMetal }: PortFact): boolean => !owner.startsWith('network:') && !isMetal;

function rowsOf({ key, networkId, priority, matches }: Place, rules: readonly QosRuleFact[]) {
  return (['egress', 'ingress'] as const).flatMap((direction) => {
    const limit = rules.find((rule) => rule.kind === 'bandwidth_limit' && rule.direction === direction);
    const marking = direction === 'egress' ? rules.find((rule) => rule.kind === 'dscp_marking') : undefined;
    if (limit === undefined && marking === undefined) return [];
    const row = desired('QoS', `qos:${key}:${direction}`, {
      priority,
      direction: direction === 'egress' ? 'from-lport' : 'to-lport',
      match: matches[direction],
      action: mapOf(marking?.kind === 'dscp_marking' ? { dscp: marking.mark } : {}),
      bandwidth: limit?.kind === 'bandwidth_limit' ? bandwidthOf(limit) : mapOf({}),
    });
    return [{ networkId, row }];
  });
}

/** OVN's least rate is one: nobody can be limited to nothing. */
const bandwidthOf = ({ kbps, burst }: QosRuleFact & { kind: 'bandwidth_limit' }): Value =>
  mapOf({ rate: Math.max(1, kbps), ...(burst === null ? {} : { burst }) });

/** Options of the port itself: the least that it can send, bits a second (ovn-nb(5), "qos_min_rate"). */
export function guaranteeOf(port: PortFact, rules: readonly QosRuleFact[]): Readonly<Record<string, string>> {
  const least = rules.find((rule) => rule.kind === 'minimum_bandwidth' && rule.direction === 'egress');
  if (!isLimited(port) || least?.kind !== 'minimum_bandwidth' || least.kbps === 0) return {};
  return { qos_min_rate: String(least.kbps * BITS) };
}
