import { formatIp, parseIp } from '../../core/base/ip-address.ts';
import { ipv4FromNumber, ipv4InCidr, ipv4ToNumber } from '../../core/base/ipv4-address.ts';
import type { BootHost } from '../boot-model.ts';
import { isActive, type LeaseView } from '../lease/lease-table.ts';
import type { IndexedSubnet, ModelIndex } from '../model/model-index.ts';
import { inRange6 } from '../model/model-index6.ts';
import { DNS_CLASS_IN, DNS_CODE, DNS_TYPE, type DnsAnswer, type DnsQuery, type DnsRecord } from './dns-message-codec.ts';

/**
 * Names of machines, from the same tables as their addresses: `machine-1.rack.test` for each known machine on a subnet with a
 * domain, `rack.test` itself for our own address, and both ways back. An authority only: nothing is asked elsewhere.
 */
export interface DnsContext {
  readonly index: ModelIndex;
  readonly leases: LeaseView;
  readonly leases6: LeaseView<string>;
  readonly nowMs: number;
}

const LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** What a machine is called in DNS; undefined when its name is none. */
const labelOf = (host: BootHost): string | undefined => (LABEL.test(host.name.toLowerCase()) ? host.name.toLowerCase() : undefined);

const hostsByLabel = new WeakMap<ModelIndex, ReadonlyMap<string, BootHost>>();

/** Made once per model: a name that two machines have is the first's. */
function hostsOf(index: ModelIndex): ReadonlyMap<string, BootHost> {
  const known = hostsByLabel.get(index);
  if (known) return known;
  const byLabel = new Map<string, BootHost>();
  for (const host of index.model.hosts) {
    const label = labelOf(host);
    if (label !== undefined && !byLabel.has(label)) byLabel.set(label, host);
  }
  hostsByLabel.set(index, byLabel);
  return byLabel;
}

const domainOf = ({ subnet }: IndexedSubnet): string | undefined => subnet.domain?.toLowerCase().replace(/\.$/, '');

/** The machine's addresses on one subnet: reserved ones, and leased ones that still count. */
function addressesOn({ index, leases, leases6, nowMs }: DnsContext, subnet: IndexedSubnet, host: BootHost): string[] {
  const { id } = subnet.subnet;
  const found = new Set<string>();
  for (const mac of host.macs) {
    const reserved = index.reservedAddressByMac.get(mac);
    if (reserved !== undefined && ipv4InCidr(reserved, subnet.cidr)) found.add(ipv4FromNumber(reserved));
    const leased = leases.addressOfClient(id, mac);
    if (leased !== undefined && isActive(leases.lease(leased), nowMs)) found.add(ipv4FromNumber(leased));
    const reserved6 = index.reservedAddress6ByMac.get(mac);
    if (reserved6 !== undefined && subnet.ipv6 && inRange6(reserved6, subnet.ipv6.range)) found.add(reserved6);
    const leased6 = leases6.addressOfClient(id, mac);
    if (leased6 !== undefined && isActive(leases6.lease(leased6), nowMs)) found.add(leased6);
  }
  return [...found];
}

const addressRecords = (name: string, addresses: readonly string[]): DnsRecord[] =>
  addresses.map((value) => ({ type: value.includes(':') ? 'aaaa' : 'a', name, value }));

/** SOA serials are 32 bits (RFC 1982); a model's version is a time in milliseconds. */
const soaOf = (context: DnsContext, name: string): DnsRecord => ({
  type: 'soa',
  name,
  server: name,
  serial: Math.floor(context.index.model.version / 1000) % 2 ** 32,
});

const REFUSED: DnsAnswer = { code: DNS_CODE.refused, isAuthoritative: false, answers: [], authority: [] };

/** Of a name that is there, what was asked for; the zone's SOA when there is none of it. */
function pick(context: DnsContext, query: DnsQuery, zone: string, records: readonly DnsRecord[] | undefined): DnsAnswer {
  const answers = (records ?? []).filter(({ type }) => query.type === DNS_TYPE.any || query.type === DNS_TYPE[type]);
  return {
    code: records === undefined ? DNS_CODE.nameError : DNS_CODE.ok,
    isAuthoritative: true,
    answers,
    authority: answers.length > 0 ? [] : [soaOf(context, zone)],
  };
}

function forward(context: DnsContext, query: DnsQuery): DnsAnswer | undefined {
  const { index } = context;
  const inZone = (domain: string | undefined): domain is string =>
    domain !== undefined && (query.name === domain || query.name.endsWith(`.${domain}`));
  // The longest domain that fits is the zone: one may lie in another.
  const zone = index.subnets
    .map(domainOf)
    .filter(inZone)
    .toSorted((a, b) => b.length - a.length)[0];
  if (zone === undefined) return undefined;
  const subnets = index.subnets.filter((subnet) => domainOf(subnet) === zone);
  if (query.name === zone) {
    const own = subnets.flatMap(({ subnet, ipv6 }) => [subnet.serverAddress, ...(ipv6 ? [ipv6.server] : [])]);
    return pick(context, query, zone, [soaOf(context, zone), { type: 'ns', name: zone, value: zone }, ...addressRecords(zone, own)]);
  }
  const host = hostsOf(index).get(query.name.slice(0, -zone.length - 1));
  if (host === undefined) return pick(context, query, zone, undefined);
  return pick(
    context,
    query,
    zone,
    addressRecords(
      query.name,
      subnets.flatMap((subnet) => addressesOn(context, subnet, host)),
    ),
  );
}

const REVERSE4 = '.in-addr.arpa';
const REVERSE6 = '.ip6.arpa';

/** The name that stands for the network: as many whole labels as its prefix fills. */
function reverseZone({ cidr, ipv6 }: IndexedSubnet, version: 4 | 6): string | undefined {
  if (version === 4) {
    const labels = ipv4FromNumber(cidr.network)
      .split('.')
      .slice(0, Math.floor(cidr.prefixLength / 8));
    return `${labels.toReversed().join('.')}${REVERSE4}`;
  }
  if (!ipv6) return undefined;
  const nibbles = ipv6.prefix.value
    .toString(16)
    .padStart(32, '0')
    .slice(0, Math.floor(ipv6.prefix.length / 4));
  return `${[...nibbles].toReversed().join('.')}${REVERSE6}`;
}

/** The address that a whole reverse name stands for. */
function addressOfReverse(name: string, version: 4 | 6): string | undefined {
  if (version === 4) {
    const value = ipv4ToNumber(name.slice(0, -REVERSE4.length).split('.').toReversed().join('.'));
    return value === undefined ? undefined : ipv4FromNumber(value);
  }
  const nibbles = name.slice(0, -REVERSE6.length).split('.').toReversed().join('');
  return name.length === 63 + REVERSE6.length && /^[0-9a-f]{32}$/.test(nibbles) ? formatIp(6, BigInt(`0x${nibbles}`)) : undefined;
}

/** Who has the address: in the tables of both families a client is its MAC. */
function nameOfAddress(context: DnsContext, subnet: IndexedSubnet, address: string): string | undefined {
  const { index, leases, leases6, nowMs } = context;
  const domain = domainOf(subnet);
  if (domain === undefined) return undefined;
  if (address === subnet.subnet.serverAddress || address === subnet.ipv6?.server) return domain;
  const number = ipv4ToNumber(address);
  const lease = number === undefined ? leases6.lease(address) : leases.lease(number);
  const reservedFor = number === undefined ? index.hostByReservedAddress6.get(address) : index.hostByReservedAddress.get(number);
  const host = reservedFor ?? (isActive(lease, nowMs) && lease.state === 'bound' ? index.hostByMac.get(lease.mac) : undefined);
  const label = host && labelOf(host);
  return label === undefined ? undefined : `${label}.${domain}`;
}

function reverse(context: DnsContext, query: DnsQuery): DnsAnswer | undefined {
  const version = query.name.endsWith(REVERSE4) ? 4 : query.name.endsWith(REVERSE6) ? 6 : undefined;
  if (version === undefined) return undefined;
  const address = addressOfReverse(query.name, version);
  for (const subnet of context.index.subnets) {
    const zone = reverseZone(subnet, version);
    if (zone === undefined) continue;
    if (query.name === zone)
      return pick(context, query, zone, [soaOf(context, zone), { type: 'ns', name: zone, value: domainOf(subnet) ?? zone }]);
    // Resolvers ask their way down label by label (RFC 9156): what lies between is there, and empty.
    if (address === undefined && query.name.endsWith(`.${zone}`)) return pick(context, query, zone, []);
    const isHere =
      address !== undefined && (version === 4 ? ipv4InCidr(ipv4ToNumber(address)!, subnet.cidr) : inRange6(address, subnet.ipv6!.range));
    if (!isHere) continue;
    const name = nameOfAddress(context, subnet, address);
    return pick(context, query, zone, name === undefined ? undefined : [{ type: 'ptr', name: query.name, value: name }]);
  }
  return undefined;
}

export function answerDns(query: DnsQuery, context: DnsContext): DnsAnswer {
  if (query.opcode !== 0) return { ...REFUSED, code: DNS_CODE.notImplemented };
  if (query.class !== DNS_CLASS_IN) return REFUSED;
  return reverse(context, query) ?? forward(context, query) ?? REFUSED;
}

/** Where we answer: our own addresses, of both families. */
export const dnsAddresses = (index: ModelIndex): string[] =>
  [...new Set(index.subnets.flatMap(({ subnet, ipv6 }) => [subnet.serverAddress, ...(ipv6 ? [ipv6.server] : [])]))].filter(
    (address) => parseIp(address) !== undefined,
  );
