import { createHash } from 'node:crypto';
import { contains, formatIp, type IpPrefix, type IpRange, parseIp, parsePrefix, rangeOf } from '../../core/base/ip-address.ts';
import { type MacAddress, parseMacAddress } from '../../core/base/mac-address.ts';
import type { BootHost, BootModel, BootSubnetIpv6 } from '../boot-model.ts';

/** The IPv6 side of a subnet. Addresses are canonical text, ranges numbers. */
export interface IndexedSubnet6 {
  readonly settings: BootSubnetIpv6;
  readonly prefix: IpPrefix;
  readonly range: IpRange;
  readonly server: string;
  readonly pools: readonly IpRange[];
  readonly discoveryPool?: IpRange;
}

export interface ModelIndex6 {
  readonly reservedAddress6ByMac: ReadonlyMap<MacAddress, string>;
  readonly hostByReservedAddress6: ReadonlyMap<string, BootHost>;
  readonly ownAddresses6: ReadonlySet<string>;
  /** 16 bytes that name this server for ever (RFC 6355): made of the secret and its addresses, so nothing need be kept. */
  readonly serverUuid: Buffer;
}

/** The address in the form in which we compare and keep it. */
export const canonicalIpv6 = (text: string): string | undefined => {
  const ip = parseIp(text);
  return ip?.version === 6 ? formatIp(6, ip.value) : undefined;
};

export function indexSubnet6(id: string, settings: BootSubnetIpv6, problems: string[]): IndexedSubnet6 | undefined {
  const prefix = parsePrefix(settings.cidr);
  const server = canonicalIpv6(settings.serverAddress);
  if (prefix?.version !== 6 || server === undefined) {
    problems.push(
      `subnet ${id}: ${prefix?.version === 6 ? `server address ${settings.serverAddress}` : `cidr ${settings.cidr}`} is not IPv6; it is not served by DHCPv6`,
    );
    return undefined;
  }
  const range = rangeOf(prefix);
  const usable = ([from, to]: readonly [string, string]): IpRange[] => {
    const [first, last] = [parseIp(from), parseIp(to)];
    if (first && last && first.value <= last.value && contains(range, first) && contains(range, last))
      return [{ version: 6, first: first.value, last: last.value }];
    problems.push(`subnet ${id}: pool ${from}-${to} is no range of ${settings.cidr}; the pool is not used`);
    return [];
  };
  const [discoveryPool] = settings.discoveryPool ? usable(settings.discoveryPool) : [];
  return { settings, prefix, range, server, pools: settings.pools.flatMap(usable), ...(discoveryPool ? { discoveryPool } : {}) };
}

export function indexHosts6(model: BootModel, subnets: readonly IndexedSubnet6[], problems: string[]): ModelIndex6 {
  const reservedAddress6ByMac = new Map<MacAddress, string>();
  const hostByReservedAddress6 = new Map<string, BootHost>();
  for (const host of model.hosts)
    for (const [text, given] of Object.entries(host.reservations6 ?? {})) {
      const mac = parseMacAddress(text);
      const address = canonicalIpv6(given);
      if (mac === undefined || address === undefined) problems.push(`host ${host.name}: reservation ${text} -> ${given} is not valid`);
      else if ((hostByReservedAddress6.get(address) ?? host) !== host)
        problems.push(`address ${address} is reserved for both ${hostByReservedAddress6.get(address)!.name} and ${host.name}`);
      else {
        reservedAddress6ByMac.set(mac, address);
        hostByReservedAddress6.set(address, host);
      }
    }
  const own = subnets.map((subnet) => subnet.server);
  const serverUuid = createHash('sha256')
    .update(`DHCPv6 server ${model.bootSecret} ${own.join(' ')}`)
    .digest()
    .subarray(0, 16);
  return { reservedAddress6ByMac, hostByReservedAddress6, ownAddresses6: new Set(own), serverUuid };
}

export const inRange6 = (address: string, range: IpRange): boolean => {
  const ip = parseIp(address);
  return ip !== undefined && contains(range, ip);
};
