import type { NetworkFact, NetworkState, PortFact, SecurityRuleFact } from '../network-state.ts';
import { desired, type DesiredRow } from './desired-row.ts';
import { isExternal } from './metal-rows.ts';
import { ALLOW_PRIORITY, DROP_PRIORITY, isGuarded, matchOf } from './security-rows.ts';

/*
 * Security groups of machines behind switches of the site, where OVN sees their frames: between them and routers, hosts' machines, and what is behind those. Their
 * frames pass the network's way out and not a port of their own, and northd tracks no connections there (`skip_port_from_conntrack`): groups that are stateful can
 * not be carried out, stateless ones are. Neighbours on the switches themselves are seen by nobody.
 */
export interface MetalFilters {
  readonly rows: readonly DesiredRow[];
  /** Keys of ACLs. */
  readonly byNetwork: ReadonlyMap<string, readonly string[]>;
}

export function metalFilters(state: NetworkState, waysOf: (network: NetworkFact) => readonly string[]): MetalFilters {
  const networks = new Map(state.networks.map((network) => [network.id, network]));
  const groups = new Map(state.securityGroups.map((group) => [group.id, group]));
  const rows: DesiredRow[] = [];
  const byNetwork = new Map<string, string[]>();
  for (const port of state.ports) {
    const network = networks.get(port.networkId);
    if (network === undefined || !isExternal(port, network.provider !== null) || !isGuarded(port)) continue;
    const own = port.securityGroupIds.map((id) => groups.get(id));
    if (own.length === 0 || own.some((group) => group === undefined || group.isStateful)) continue;
    const acls = portAcls(
      port,
      waysOf(network),
      own.flatMap((group) => group!.rules),
    );
    rows.push(...acls);
    byNetwork.set(network.id, [...(byNetwork.get(network.id) ?? []), ...acls.map(({ key }) => key)]);
  }
  return { rows, byNetwork };
}

function portAcls({ id, mac }: PortFact, ways: readonly string[], rules: readonly SecurityRuleFact[]): DesiredRow[] {
  const names = `{${ways.map((way) => JSON.stringify(way)).join(', ')}}`;
  const [into, out] = [`outport == ${names} && eth.dst == ${mac}`, `inport == ${names} && eth.src == ${mac}`];
  const acl = (key: string, isIn: boolean, priority: number, match: string, action: string) =>
    desired('ACL', `acl:metal:${id}:${key}`, {
      direction: isIn ? 'to-lport' : 'from-lport',
      priority,
      match: `${isIn ? into : out} && ${match}`,
      action,
    });
  const allow = (key: string, isIn: boolean, match: string) => acl(key, isIn, ALLOW_PRIORITY, match, 'allow-stateless');
  return [
    acl('in', true, DROP_PRIORITY, 'ip', 'drop'),
    acl('out', false, DROP_PRIORITY, 'ip', 'drop'),
    ...[4, 6].flatMap((version) => {
      const [client, server] = version === 4 ? [68, 67] : [546, 547];
      return [
        allow(`dhcp${version}:in`, true, `ip${version} && udp.src == ${server} && udp.dst == ${client}`),
        allow(`dhcp${version}:out`, false, `ip${version} && udp.src == ${client} && udp.dst == ${server}`),
      ];
    }),
    ...rules.map((rule) => allow(rule.id, rule.direction === 'ingress', matchOf(rule).join(' && '))),
  ];
}
