import { contains, eui64, parseIp, parsePrefix, rangeOf } from '../../core/base/ip-address.ts';
import { badInput, NetworkError } from '../network-error.ts';
import { isAutomatic } from './subnet-policy.ts';

/** Which addresses a port is to have: of which subnets, and which ones exactly. */
export interface AddressSubnet {
  readonly id: string;
  readonly ip_version: 4 | 6;
  readonly cidr: string;
  readonly gateway_ip: string | null;
  readonly ipv6_address_mode: string | null;
  readonly service_types: readonly string[];
  readonly segment_id: string | null;
  /** Of its segment. */
  readonly physical_network: string | null;
  readonly pools: readonly { readonly first: string; readonly last: string }[];
}

/** One address: of the first of these subnets that has one free, or exactly this one. */
export interface AddressWish {
  readonly subnets: readonly AddressSubnet[];
  readonly ip?: string;
}

export interface FixedIp {
  readonly subnet_id?: string;
  readonly ip_address?: string;
}

export interface PortFacts {
  readonly networkId: string;
  readonly mac: string;
  readonly deviceOwner: string;
}

export const ROUTER_INTERFACE_OWNERS: readonly string[] = [
  'network:router_interface',
  'network:router_interface_distributed',
  'network:ha_router_replicated_interface',
  'network:router_centralized_snat',
];

/** Subnets that serve this kind of device: without service types, or with this one. */
export const servingSubnets = (subnets: readonly AddressSubnet[], deviceOwner: string): AddressSubnet[] =>
  subnets.filter((subnet) => subnet.service_types.length === 0 || subnet.service_types.includes(deviceOwner));

/** Nothing was asked: one address of each family, and one of every subnet whose machines address themselves. */
export function usualAddresses(subnets: readonly AddressSubnet[], port: PortFacts): AddressWish[] {
  const serving = servingSubnets(subnets, port.deviceOwner);
  if (subnets.length > 0 && serving.length === 0)
    throw new NetworkError(
      409,
      'IpAddressGenerationFailureNoMatchingSubnet',
      `No valid service subnet for the given device owner, network_id ${port.networkId}, service type ${port.deviceOwner}.`,
    );
  const given = serving.filter((subnet) => !isAutomatic(subnet.ipv6_address_mode));
  const families = [4, 6].map((version) => ({ subnets: given.filter((subnet) => subnet.ip_version === version) }));
  return [...families.filter((wish) => wish.subnets.length > 0), ...automatic(serving, port, [])];
}

function automatic(subnets: readonly AddressSubnet[], port: PortFacts, taken: readonly string[]): AddressWish[] {
  if (ROUTER_INTERFACE_OWNERS.includes(port.deviceOwner)) return [];
  return subnets
    .filter((subnet) => isAutomatic(subnet.ipv6_address_mode) && !taken.includes(subnet.id))
    .map((subnet) => ({ subnets: [subnet], ip: eui64(parsePrefix(subnet.cidr)!, port.mac) }));
}

/** What was asked for, and what machines make themselves. @throws NetworkError 400 */
export function askedAddresses(subnets: readonly AddressSubnet[], asked: readonly FixedIp[], port: PortFacts): AddressWish[] {
  const wishes = asked.map((fixed) => wishFor(subnets, fixed, port));
  const ips = wishes.map((wish) => wish.ip).filter((ip) => ip !== undefined);
  if (new Set(ips).size < ips.length) throw badInput('fixed_ips: Duplicate IP address');
  const isRouters = ROUTER_INTERFACE_OWNERS.includes(port.deviceOwner);
  const isOwn = (wish: AddressWish) => isAutomatic(wish.subnets[0]!.ipv6_address_mode) && !isRouters;
  const others = wishes.filter((wish) => !isOwn(wish));
  return [...others, ...(asked.length === 0 ? [] : automatic(subnets, port, []))];
}

function wishFor(subnets: readonly AddressSubnet[], fixed: FixedIp, port: PortFacts): AddressWish {
  const subnet = subnetOf(subnets, fixed, port.networkId);
  const isOwn = isAutomatic(subnet.ipv6_address_mode) && !ROUTER_INTERFACE_OWNERS.includes(port.deviceOwner);
  const ip = fixed.ip_address;
  if (isOwn && ip !== undefined && ip !== eui64(parsePrefix(subnet.cidr)!, port.mac))
    throw new NetworkError(
      400,
      'AllocationOnAutoAddressSubnet',
      `IPv6 address ${ip} cannot be directly assigned to a port on subnet ${subnet.id} as the subnet is configured for automatic addresses.`,
    );
  return { subnets: [subnet], ...(ip === undefined ? {} : { ip }) };
}

function subnetOf(subnets: readonly AddressSubnet[], fixed: FixedIp, networkId: string): AddressSubnet {
  const ip = fixed.ip_address === undefined ? undefined : parseIp(fixed.ip_address)!;
  const inside = (subnet: AddressSubnet) => ip === undefined || contains(rangeOf(parsePrefix(subnet.cidr)!), ip);
  if (fixed.subnet_id === undefined) {
    if (ip === undefined) throw badInput('IP allocation requires subnet_id or ip_address');
    const found = subnets.find(inside);
    if (found !== undefined) return found;
    throw new NetworkError(
      400,
      'InvalidIpForNetwork',
      `IP address ${fixed.ip_address} is not a valid IP for any of the subnets on the specified network.`,
    );
  }
  const named = subnets.find((subnet) => subnet.id === fixed.subnet_id);
  if (named === undefined)
    throw badInput(`Failed to create port on network ${networkId}, because fixed_ips included invalid subnet ${fixed.subnet_id}`);
  if (inside(named) && (ip === undefined || isUsable(named, ip.value))) return named;
  throw new NetworkError(400, 'InvalidIpForSubnet', `IP address ${fixed.ip_address} is not a valid IP for the specified subnet.`);
}

/** Not the network's own address nor the broadcast one. */
function isUsable(subnet: AddressSubnet, value: bigint): boolean {
  const { version, first, last } = rangeOf(parsePrefix(subnet.cidr)!);
  if (last - first < 2n) return true;
  return value !== first && (version === 6 || value !== last);
}
