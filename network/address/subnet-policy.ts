import {
  bitsOf,
  contains,
  formatIp,
  formatPrefix,
  maskOf,
  overlaps,
  parseIp,
  parsePrefix,
  rangeOf,
  type IpPrefix,
  type IpRange,
  type IpVersion,
} from '../../core/base/ip-address.ts';
import { badInput, conflict, NetworkError } from '../network-error.ts';

/** The arithmetic of a subnet: its gateway, what may be handed out, and what does not fit. */
export interface Pool {
  readonly start: string;
  readonly end: string;
}

/** What a machine may have: not the network's own address, and in IPv4 not the broadcast one (RFC 3021 for /31). */
export function hostsOf(prefix: IpPrefix): IpRange {
  const { version, first, last } = rangeOf(prefix);
  const isTiny = prefix.length >= bitsOf(version) - 1;
  if (isTiny) return { version, first, last };
  return { version, first: first + 1n, last: version === 4 ? last - 1n : last };
}

export const defaultGateway = (prefix: IpPrefix): string => {
  const { first } = rangeOf(prefix);
  return formatIp(prefix.version, prefix.length === bitsOf(prefix.version) ? first : first + 1n);
};

/** @throws NetworkError 400 */
export function requireGateway(prefix: IpPrefix, gateway: string): void {
  const ip = parseIp(gateway)!;
  if (ip.version !== prefix.version) throw badInput(`gateway_ip '${gateway}' does not match the ip_version '${prefix.version}'`);
  if (contains(rangeOf(prefix), ip) && !contains(hostsOf(prefix), ip) && !(ip.version === 6 && ip.value === prefix.value))
    throw badInput(`Gateway is not valid on subnet: ${gateway}`);
}

/** Everything but the gateway. */
export function defaultPools(prefix: IpPrefix, gateway: string | null): Pool[] {
  const hosts = hostsOf(prefix);
  const out = gateway === null ? undefined : parseIp(gateway);
  const parts =
    out !== undefined && contains(hosts, out)
      ? [
          [hosts.first, out.value - 1n],
          [out.value + 1n, hosts.last],
        ]
      : [[hosts.first, hosts.last]];
  return parts
    .filter(([first, last]) => first! <= last!)
    .map(([first, last]) => ({ start: formatIp(prefix.version, first!), end: formatIp(prefix.version, last!) }));
}

export const poolRange = ({ start, end }: Pool): IpRange | undefined => {
  const [first, last] = [parseIp(start), parseIp(end)];
  if (first === undefined || last === undefined || first.version !== last.version || first.value > last.value) return undefined;
  return { version: first.version, first: first.value, last: last.value };
};

/** @throws NetworkError 400, 409 */
export function requirePools(prefix: IpPrefix, pools: readonly Pool[], gateway: string | null): void {
  const whole = hostsOf(prefix);
  const ranges = pools.map((pool) => {
    const range = poolRange(pool);
    const told = `${pool.start}-${pool.end}`;
    if (range === undefined || range.version !== prefix.version)
      throw new NetworkError(400, 'InvalidAllocationPool', `The allocation pool ${told} is not valid.`);
    if (!contains(whole, { version: range.version, value: range.first }) || !contains(whole, { version: range.version, value: range.last }))
      throw new NetworkError(
        400,
        'OutOfBoundsAllocationPool',
        `The allocation pool ${told} spans beyond the subnet cidr ${formatPrefix(prefix)}.`,
      );
    return { told, range };
  });
  for (const [at, a] of ranges.entries()) {
    const b = ranges.slice(at + 1).find((each) => overlaps(each.range, a.range));
    if (b !== undefined)
      throw conflict(
        'OverlappingAllocationPools',
        `Found overlapping allocation pools: ${a.told} ${b.told} for subnet ${formatPrefix(prefix)}.`,
      );
    requireGatewayOutside(a, gateway);
  }
}

function requireGatewayOutside({ told, range }: { told: string; range: IpRange }, gateway: string | null): void {
  if (gateway !== null && contains(range, parseIp(gateway)!))
    throw conflict('GatewayConflictWithAllocationPools', `Gateway ip ${gateway} conflicts with allocation pool ${told}.`);
}

export interface Ipv6Modes {
  readonly version: IpVersion;
  readonly length: number;
  readonly dhcp: boolean;
  readonly raMode: string | undefined;
  readonly addressMode: string | undefined;
}

/** RFC 4862, RFC 8415: who tells the machine its address. @throws NetworkError 400 */
export function requireIpv6Modes({ version, length, dhcp, raMode, addressMode }: Ipv6Modes): void {
  const modes = [raMode, addressMode].filter((mode) => mode !== undefined);
  if (modes.length === 0) return;
  if (version === 4) throw badInput('ipv6_ra_mode or ipv6_address_mode are not valid when ip_version is 4');
  if (!dhcp) throw badInput('ipv6_ra_mode or ipv6_address_mode cannot be set when enable_dhcp is set to False');
  if (new Set(modes).size > 1)
    throw badInput(
      `ipv6_ra_mode set to '${raMode}' with ipv6_address_mode set to '${addressMode}' is not valid. If both attributes are set, they must be the same value`,
    );
  if (modes.some(isAutomatic) && length !== 64)
    throw badInput(`Invalid CIDR for an IPv6 subnet with mode '${modes[0]}': it must have a length of 64 bits`);
}

/** Machines make these addresses of their MAC; nobody hands them out. */
export const isAutomatic = (mode: string | null | undefined): boolean => mode === 'slaac' || mode === 'dhcpv6-stateless';

/** @throws NetworkError 400 */
export function requirePrefix(version: IpVersion, cidr: string): IpPrefix {
  const prefix = parsePrefix(cidr)!;
  if (prefix.version !== version) throw badInput(`cidr '${cidr}' does not match the ip_version '${version}'`);
  if (prefix.length === 0) throw badInput('0 is not allowed as CIDR prefix length');
  const ip = prefix.value;
  const isMulticast = version === 4 ? ip >> 28n === 0xen : ip >> 120n === 0xffn;
  const isLoopback = version === 4 ? ip >> 24n === 127n : ip === 1n;
  if (isMulticast || isLoopback) throw badInput(`Invalid CIDR ${cidr} given as CIDR: it is multicast or loopback`);
  return prefix;
}

/** @throws NetworkError 400 */
export function requireRoomForDhcp(prefix: IpPrefix): void {
  if (prefix.length > bitsOf(prefix.version) - 2)
    throw badInput('Subnet has a prefix length that is incompatible with DHCP service enabled');
}

/** The first free prefix of a length in these; undefined: there is none. */
export function freePrefix(prefixes: readonly IpPrefix[], taken: readonly IpPrefix[], length: number): IpPrefix | undefined {
  const used = taken.map(rangeOf).sort((a, b) => (a.first < b.first ? -1 : 1));
  // Small ones first: large ones stay whole for those who need them.
  for (const whole of prefixes.toSorted((a, b) => b.length - a.length)) {
    if (whole.length > length) continue;
    const { version, last } = rangeOf(whole);
    const size = 1n << BigInt(bitsOf(version) - length);
    let at = whole.value;
    for (const range of used) {
      if (range.last < at || range.first > last) continue;
      if (range.first >= at + size) break;
      at = (range.last + size) & maskOf(version, length);
    }
    if (at + size - 1n <= last) return { version, value: at, length };
  }
  return undefined;
}
