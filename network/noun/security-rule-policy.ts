import { formatPrefix, parsePrefix } from '../../core/base/ip-address.ts';
import { NetworkError } from '../network-error.ts';
import { InvalidValue, type AttributeType, type Values } from '../resource.ts';

/** What a rule may say (IANA's protocol numbers, ICMP types and codes). */
export const PROTOCOL_NUMBERS: Readonly<Record<string, number>> = {
  ah: 51,
  dccp: 33,
  egp: 8,
  esp: 50,
  gre: 47,
  hopopt: 0,
  icmp: 1,
  igmp: 2,
  'ipv6-encap': 41,
  'ipv6-frag': 44,
  'ipv6-icmp': 58,
  'ipv6-nonxt': 59,
  'ipv6-opts': 60,
  'ipv6-route': 43,
  ospf: 89,
  pgm: 113,
  rsvp: 46,
  sctp: 132,
  tcp: 6,
  udp: 17,
  udplite: 136,
  vrrp: 112,
  ipip: 4,
};
const WITH_PORTS = new Set(['tcp', 'udp', 'sctp', 'dccp', 'udplite', '6', '17', '132', '33', '136']);
const ICMP = new Set(['icmp', 'icmpv6', 'ipv6-icmp', '1', '58']);
const ONLY_IPV6 = new Set(['ipv6-encap', 'ipv6-frag', 'ipv6-icmp', 'icmpv6', 'ipv6-nonxt', 'ipv6-opts', 'ipv6-route']);
const ONLY_IPV6_NUMBERS = new Set([41, 43, 44, 58, 59, 60]);
const ICMP_MOST = 255;
const PORT_MOST = 65_535;

const refuse = (type: string, message: string): never => {
  throw new NetworkError(400, type, message);
};

export const protocolType: AttributeType = {
  kind: 'text',
  read(value) {
    if (value === null) return null;
    const name = String(value).toLowerCase();
    if (name === 'any' || name === '') return null;
    if (/^\d+$/.test(name) && Number(name) <= 255) return String(Number(name));
    if (name in PROTOCOL_NUMBERS || name === 'icmpv6') return name;
    return refuse(
      'SecurityGroupRuleInvalidProtocol',
      `Security group rule protocol ${String(value)} not supported. Only protocol values [${Object.keys(PROTOCOL_NUMBERS).join(', ')}] and integer representations [0 to 255] are supported.`,
    );
  },
};

export const rulePort: AttributeType = {
  kind: 'integer',
  read(value) {
    if (value === null || value === '') return null;
    const port = Number(value);
    if (!Number.isInteger(port) || port < 0 || port > PORT_MOST || typeof value === 'boolean')
      return refuse('SecurityGroupInvalidPortValue', `Invalid value for port ${String(value)}`);
    return port;
  },
};

export const ethertypeType: AttributeType = {
  kind: 'text',
  read(value) {
    const found = ['IPv4', 'IPv6'].find((each) => each.toLowerCase() === String(value).toLowerCase());
    if (found === undefined) throw new InvalidValue(`'${String(value)}' is not in ['IPv4', 'IPv6']`);
    return found;
  },
};

/** As it was written: `normalized_cidr` says what it means. */
export const remotePrefix: AttributeType = {
  kind: 'text',
  read(value) {
    if (value === null || value === '') return null;
    const prefix = parsePrefix(value);
    if (prefix === undefined) throw new InvalidValue(`'${String(value)}' is not a valid CIDR`);
    return String(value).includes('/') ? String(value) : formatPrefix(prefix);
  },
};

export interface RuleWords {
  readonly protocol: string | null;
  readonly min: number | null;
  readonly max: number | null;
  readonly ethertype: string;
  readonly prefix: string | null;
}

/** Gives the prefix without host bits. @throws NetworkError 400 */
export function checkRule(values: Values): { readonly normalized_cidr: string | null } {
  const rule: RuleWords = {
    protocol: values['protocol'] as string | null,
    min: values['port_range_min'] as number | null,
    max: values['port_range_max'] as number | null,
    ethertype: String(values['ethertype']),
    prefix: values['remote_ip_prefix'] as string | null,
  };
  requireProtocol(rule);
  requirePortRange(rule);
  const remotes = ['remote_ip_prefix', 'remote_group_id', 'remote_address_group_id'].filter((name) => (values[name] ?? null) !== null);
  if (remotes.length > 1)
    refuse(
      'SecurityGroupMultipleRemoteEntites',
      'Only one of remote_ip_prefix or remote_group_id or remote_address_group_id may be provided.',
    );
  if (rule.prefix === null) return { normalized_cidr: null };
  const prefix = parsePrefix(rule.prefix)!;
  if (`IPv${prefix.version}` !== rule.ethertype)
    refuse('SecurityGroupRuleParameterConflict', `Conflicting value ethertype ${rule.ethertype} for CIDR ${rule.prefix}`);
  return { normalized_cidr: formatPrefix(prefix) };
}

function requireProtocol({ protocol, ethertype, min, max }: RuleWords): void {
  if (protocol === null) {
    if (min !== null || max !== null)
      refuse('SecurityGroupProtocolRequiredWithPorts', 'Must also specify protocol if port range is given.');
    return;
  }
  if (ethertype === 'IPv4' && (ONLY_IPV6.has(protocol) || ONLY_IPV6_NUMBERS.has(Number(protocol))))
    refuse('SecurityGroupEthertypeConflictWithProtocol', `Invalid ethertype ${ethertype} for protocol ${protocol}.`);
}

function requirePortRange({ protocol, min, max }: RuleWords): void {
  if (protocol === null || (min === null && max === null)) return;
  if (ICMP.has(protocol)) return requireIcmp(min, max);
  if (!WITH_PORTS.has(protocol))
    refuse(
      'SecurityGroupInvalidProtocolForPort',
      `Ports cannot be specified for protocol ${protocol}. Ports are only supported for ${[...WITH_PORTS].join(', ')}.`,
    );
  if (min === 0 || max === 0) refuse('SecurityGroupInvalidPortValue', 'Invalid value for port 0');
  if (min === null || max === null || min > max)
    refuse('SecurityGroupInvalidPortRange', 'For TCP/UDP protocols, port_range_min must be <= port_range_max');
}

/** RFC 792: type and code. */
function requireIcmp(type: number | null, code: number | null): void {
  for (const [field, attr, value] of [
    ['type', 'port_range_min', type],
    ['code', 'port_range_max', code],
  ] as const) {
    if (value !== null && value > ICMP_MOST)
      refuse('SecurityGroupInvalidIcmpValue', `Invalid value for ICMP ${field} (${attr}) ${value}. It must be 0 to 255.`);
  }
  if (type === null && code !== null)
    refuse('SecurityGroupMissingIcmpType', `ICMP code (port-range-max) ${code} is provided but ICMP type (port-range-min) is missing.`);
}

/** One protocol has several names: two rules are the same when their numbers are. */
export const protocolNumber = (protocol: string | null): number | null =>
  protocol === null ? null : protocol === 'icmpv6' ? 58 : (PROTOCOL_NUMBERS[protocol] ?? Number(protocol));
