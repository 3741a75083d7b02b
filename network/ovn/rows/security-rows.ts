import type { NetworkState, PortFact, SecurityGroupFact, SecurityRuleFact } from '../network-state.ts';
import { setOf, type Value } from '../../ovsdb/ovsdb-value-codec.ts';
import { desired, groupName, referAll, type DesiredRow } from './desired-row.ts';

/*
 * Security groups as port groups with ACLs. Everything to and from a guarded port is dropped, but what a rule of one of its groups allows; asking for an address
 * is always allowed. OVN itself lets neighbour discovery through.
 */
export const DROP_PRIORITY = 1001;
export const ALLOW_PRIORITY = 1002;
const DROP_GROUP = 'pg_rackwright_drop';

/** Ports of routers, of DHCP and of the metadata service belong to the cloud. */
export const isGuarded = ({ hasPortSecurity, owner }: PortFact): boolean => hasPortSecurity && !owner.startsWith('network:');

export function securityRows(state: NetworkState): DesiredRow[] {
  const guarded = state.ports.filter(isGuarded);
  const rows: DesiredRow[] = [];
  const members = new Map<string, string[]>();
  for (const port of guarded) for (const id of port.securityGroupIds) members.set(id, [...(members.get(id) ?? []), `port:${port.id}`]);
  rows.push(
    ...portGroup(
      DROP_GROUP,
      'drop',
      guarded.map(({ id }) => `port:${id}`),
      dropAcls(),
    ),
  );
  for (const group of state.securityGroups) {
    const name = groupName('pg', group.id);
    rows.push(
      ...portGroup(
        name,
        group.id,
        members.get(group.id) ?? [],
        group.rules.map((rule) => ruleAcl(group, name, rule)),
      ),
    );
  }
  for (const { id, addresses } of state.addressGroups) {
    for (const version of ['4', '6'] as const) {
      const some = addresses.filter((address) => address.includes(':') === (version === '6'));
      rows.push(
        desired('Address_Set', `addresses:${id}:${version}`, { name: `${groupName('as', id)}_ip${version}`, addresses: setOf(some) }),
      );
    }
  }
  return rows;
}

interface Acl {
  readonly key: string;
  readonly columns: Readonly<Record<string, Value>>;
}

function portGroup(name: string, id: string, ports: readonly string[], acls: readonly Acl[]): DesiredRow[] {
  return [
    ...acls.map(({ key, columns }) => desired('ACL', key, columns)),
    desired('Port_Group', `group:${id}`, { name, ports: referAll(ports), acls: referAll(acls.map(({ key }) => key)) }),
  ];
}

const acl = (key: string, direction: 'from-lport' | 'to-lport', priority: number, match: string, action: string): Acl => ({
  key,
  columns: { direction, priority, match, action },
});

function dropAcls(): Acl[] {
  const [out, into] = [`inport == @${DROP_GROUP}`, `outport == @${DROP_GROUP}`];
  return [
    acl('acl:drop:out', 'from-lport', DROP_PRIORITY, `${out} && ip`, 'drop'),
    acl('acl:drop:in', 'to-lport', DROP_PRIORITY, `${into} && ip`, 'drop'),
    acl(
      'acl:dhcp4',
      'from-lport',
      ALLOW_PRIORITY,
      `${out} && ip4 && ip4.dst == {255.255.255.255, 0.0.0.0/0} && udp && udp.src == 68 && udp.dst == 67`,
      'allow',
    ),
    acl(
      'acl:dhcp6',
      'from-lport',
      ALLOW_PRIORITY,
      `${out} && ip6 && ip6.dst == ff02::1:2 && udp && udp.src == 546 && udp.dst == 547`,
      'allow',
    ),
  ];
}

function ruleAcl({ isStateful }: SecurityGroupFact, group: string, rule: SecurityRuleFact): Acl {
  const isIn = rule.direction === 'ingress';
  const match = [isIn ? `outport == @${group}` : `inport == @${group}`, ...matchOf(rule)].join(' && ');
  return acl(`acl:${rule.id}`, isIn ? 'to-lport' : 'from-lport', ALLOW_PRIORITY, match, isStateful ? 'allow-related' : 'allow-stateless');
}

/** The rule in OVN's expression language (ovn-sb(5), "Logical_Flow match"). */
export function matchOf(rule: SecurityRuleFact): string[] {
  const ip = rule.ethertype === 'IPv4' ? 'ip4' : 'ip6';
  const peer = `${ip}.${rule.direction === 'ingress' ? 'src' : 'dst'}`;
  const anywhere = rule.remotePrefix === '0.0.0.0/0' || rule.remotePrefix === '::/0';
  return [
    ip,
    ...(rule.remotePrefix !== null && !anywhere ? [`${peer} == ${rule.remotePrefix}`] : []),
    ...(rule.remoteGroupId === null ? [] : [`${peer} == $${groupName('pg', rule.remoteGroupId)}_${ip}`]),
    ...(rule.remoteAddressGroupId === null ? [] : [`${peer} == $${groupName('as', rule.remoteAddressGroupId)}_${ip}`]),
    ...protocolMatch(rule),
  ];
}

const WITH_PORTS: Readonly<Record<string, string>> = { tcp: 'tcp', '6': 'tcp', udp: 'udp', '17': 'udp', sctp: 'sctp', '132': 'sctp' };
const ICMP = new Set(['icmp', '1', 'icmpv6', 'ipv6-icmp', 'icmp6', '58']);
/** IANA's numbers of the names that OpenStack takes. */
const NUMBERS: Readonly<Record<string, number>> = {
  ah: 51,
  dccp: 33,
  egp: 8,
  esp: 50,
  gre: 47,
  igmp: 2,
  ipip: 4,
  'ipv6-encap': 41,
  'ipv6-frag': 44,
  'ipv6-nonxt': 59,
  'ipv6-opts': 60,
  'ipv6-route': 43,
  ospf: 89,
  pgm: 113,
  rsvp: 46,
  udplite: 136,
  vrrp: 112,
  hopopt: 0,
};

function protocolMatch({ protocol, ethertype, portMin, portMax }: SecurityRuleFact): string[] {
  if (protocol === null || protocol === 'any' || protocol === '0') return [];
  const name = WITH_PORTS[protocol];
  if (name !== undefined) return [name, ...portMatch(name, portMin, portMax)];
  if (ICMP.has(protocol)) {
    const icmp = ethertype === 'IPv4' ? 'icmp4' : 'icmp6';
    return [icmp, ...(portMin === null ? [] : [`${icmp}.type == ${portMin}`]), ...(portMax === null ? [] : [`${icmp}.code == ${portMax}`])];
  }
  return [`ip.proto == ${NUMBERS[protocol] ?? Number(protocol)}`];
}

function portMatch(name: string, min: number | null, max: number | null): string[] {
  if (min === null && max === null) return [];
  if (min === max) return [`${name}.dst == ${min}`];
  return [...(min === null ? [] : [`${name}.dst >= ${min}`]), ...(max === null ? [] : [`${name}.dst <= ${max}`])];
}
