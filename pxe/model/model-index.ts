import { type Ipv4Cidr, ipv4InCidr, ipv4ToNumber, parseIpv4Cidr } from '../../core/base/ipv4-address.ts';
import { type IndexedRelayRule, indexRelayRules } from './relay-rule-policy.ts';
import { type MacAddress, parseMacAddress } from '../../core/base/mac-address.ts';
import { indexHosts6, indexSubnet6, type IndexedSubnet6, inRange6, type ModelIndex6 } from './model-index6.ts';
import { isFreeOptionCode } from '../typed-option-codec.ts';
import type { IndexedClass } from './client-class-policy.ts';
import type { BootHost, BootModel, BootSubnet, OptionValues } from '../boot-model.ts';

/** An inclusive range of addresses. */
export interface AddressRange {
  readonly first: number;
  readonly last: number;
}

export interface IndexedSubnet {
  readonly subnet: BootSubnet;
  readonly cidr: Ipv4Cidr;
  readonly server: number;
  readonly pools: readonly AddressRange[];
  readonly discoveryPool?: AddressRange;
  /** Extra options, decoded from hex. */
  readonly options: ReadonlyMap<number, Buffer>;
  /** The same of machines with an instance, in place of those. */
  readonly instanceOptions: ReadonlyMap<number, Buffer>;
  readonly ipv6?: IndexedSubnet6;
}

/** A boot model with the look-ups that each packet needs, made once per model. */
export interface ModelIndex extends ModelIndex6 {
  readonly model: BootModel;
  readonly secret: Buffer;
  readonly subnets: readonly IndexedSubnet[];
  readonly hostByMac: ReadonlyMap<MacAddress, BootHost>;
  /** Fixed address by MAC. */
  readonly reservedAddressByMac: ReadonlyMap<MacAddress, number>;
  /** The machine that each reserved address is kept for. */
  readonly hostByReservedAddress: ReadonlyMap<number, BootHost>;
  /** Every address of our own, never handed out. */
  readonly ownAddresses: ReadonlySet<number>;
  readonly relayRules: readonly IndexedRelayRule[];
  readonly classes: readonly IndexedClass[];
  /** NICs that are not answered. */
  readonly withdrawnMacs: ReadonlySet<MacAddress>;
  /** Relays that may ask who has an address. */
  readonly leaseQueriesFrom: ReadonlySet<number>;
  /** Of machines that have some. */
  readonly optionsByHost: ReadonlyMap<BootHost, ReadonlyMap<number, Buffer>>;
  /** What in the model could not be used, in sentences for an operator. */
  readonly problems: readonly string[];
}

/** A pool larger than a /12 is a typing mistake, and its scan would hold up every other machine. */
const POOL_ADDRESSES_MAX = 1 << 20;

function indexRange(range: readonly [string, string], cidr: Ipv4Cidr): AddressRange | string {
  const first = ipv4ToNumber(range[0]);
  const last = ipv4ToNumber(range[1]);
  if (first === undefined || last === undefined) return `pool ${range.join('-')} is not a pair of IPv4 addresses`;
  if (first > last) return `pool ${range.join('-')} ends before it starts`;
  if (!ipv4InCidr(first, cidr) || !ipv4InCidr(last, cidr)) return `pool ${range.join('-')} lies outside its subnet`;
  if (last - first >= POOL_ADDRESSES_MAX) return `pool ${range.join('-')} has more than ${POOL_ADDRESSES_MAX} addresses`;
  return { first, last };
}

function indexOptions(whose: string, values: OptionValues | undefined, problems: string[]): Map<number, Buffer> {
  const options = new Map<number, Buffer>();
  for (const [code, hex] of Object.entries(values ?? {})) {
    const number = Number(code);
    if (!isFreeOptionCode(number) || !/^([0-9a-f]{2})*$/i.test(hex))
      problems.push(`${whose}: option ${code} is not one that can be set, with a value in hex`);
    else options.set(number, Buffer.from(hex, 'hex'));
  }
  return options;
}

function indexSubnet(subnet: BootSubnet, problems: string[]): IndexedSubnet | undefined {
  const cidr = parseIpv4Cidr(subnet.cidr);
  const server = ipv4ToNumber(subnet.serverAddress);
  if (cidr === undefined || server === undefined) {
    problems.push(
      `subnet ${subnet.id}: ${cidr === undefined ? `cidr ${subnet.cidr}` : `server address ${subnet.serverAddress}`} is not valid; the subnet is not served`,
    );
    return undefined;
  }
  const usable = (range: readonly [string, string]): AddressRange[] => {
    const indexed = indexRange(range, cidr);
    if (typeof indexed !== 'string') return [indexed];
    problems.push(`subnet ${subnet.id}: ${indexed}; the pool is not used`);
    return [];
  };
  const [discoveryPool] = subnet.discoveryPool ? usable(subnet.discoveryPool) : [];
  const ipv6 = subnet.ipv6 && indexSubnet6(subnet.id, subnet.ipv6, problems);
  return {
    subnet,
    cidr,
    server,
    pools: subnet.pools.flatMap(usable),
    ...(discoveryPool ? { discoveryPool } : {}),
    options: indexOptions(`subnet ${subnet.id}`, subnet.options, problems),
    instanceOptions: indexOptions(`subnet ${subnet.id}`, subnet.instanceOptions, problems),
    ...(ipv6 ? { ipv6 } : {}),
  };
}

export function indexModel(model: BootModel): ModelIndex {
  const problems: string[] = [];
  const subnets = model.subnets.map((subnet) => indexSubnet(subnet, problems)).filter((s) => s !== undefined);
  const hostByMac = new Map<MacAddress, BootHost>();
  const reservedAddressByMac = new Map<MacAddress, number>();
  const hostByReservedAddress = new Map<number, BootHost>();
  for (const host of model.hosts) {
    for (const text of host.macs) {
      const mac = parseMacAddress(text);
      const other = mac === undefined ? undefined : hostByMac.get(mac);
      if (mac === undefined) problems.push(`host ${host.name}: ${text} is not a MAC address`);
      else if (other) problems.push(`MAC ${mac} belongs to both ${other.name} and ${host.name}; ${other.name} keeps it`);
      else hostByMac.set(mac, host);
    }
    for (const [text, address] of Object.entries(host.reservations)) {
      const mac = parseMacAddress(text);
      const number = ipv4ToNumber(address);
      if (mac === undefined || number === undefined) problems.push(`host ${host.name}: reservation ${text} -> ${address} is not valid`);
      else if ((hostByReservedAddress.get(number) ?? host) !== host)
        problems.push(`address ${address} is reserved for both ${hostByReservedAddress.get(number)!.name} and ${host.name}`);
      else {
        reservedAddressByMac.set(mac, number);
        hostByReservedAddress.set(number, host);
      }
    }
  }
  return {
    model,
    secret: Buffer.from(model.bootSecret, 'base64'),
    subnets,
    hostByMac,
    reservedAddressByMac,
    hostByReservedAddress,
    ownAddresses: new Set(subnets.map((s) => s.server)),
    relayRules: indexRelayRules(model.relayRules ?? [], subnets, (range, subnet) => indexRange(range, subnet.cidr), problems),
    classes: (model.classes ?? []).map((settings) => ({
      settings,
      options: indexOptions(`class ${settings.name}`, settings.options, problems),
    })),
    optionsByHost: new Map(
      model.hosts.flatMap((host) => (host.options ? [[host, indexOptions(`host ${host.name}`, host.options, problems)]] : [])),
    ),
    withdrawnMacs: new Set((model.withdrawnMacs ?? []).flatMap((text) => parseMacAddress(text) ?? [])),
    leaseQueriesFrom: new Set((model.leaseQueriesFrom ?? []).flatMap((text) => ipv4ToNumber(text) ?? [])),
    ...indexHosts6(
      model,
      subnets.flatMap((s) => s.ipv6 ?? []),
      problems,
    ),
    problems,
  };
}

export const subnetOfAddress = (index: ModelIndex, address: number): IndexedSubnet | undefined =>
  index.subnets.find((s) => ipv4InCidr(address, s.cidr));

/** The subnet that an address of either family lies in, and our address there. */
export function serverNextTo(index: ModelIndex, ipAddress: string): { subnet: IndexedSubnet; address: string } | undefined {
  if (ipAddress.includes(':')) {
    const subnet = index.subnets.find((s) => s.ipv6 && inRange6(ipAddress, s.ipv6.range));
    return subnet?.ipv6 && { subnet, address: subnet.ipv6.server };
  }
  const subnet = subnetOfAddress(index, ipv4ToNumber(ipAddress) ?? 0);
  return subnet && { subnet, address: subnet.subnet.serverAddress };
}

/** Whether a machine on this network shall get signed loaders, if its firmware is one that can start them. */
export const needsSigned = (host: BootHost | undefined, { subnet }: IndexedSubnet): boolean =>
  host?.hasSecureBoot === true || subnet.signedLoaders === true;

/** An address as the host of a URL. */
export const urlHost = (address: string): string => (address.includes(':') ? `[${address}]` : address);

export const addressInRange = (address: number, range: AddressRange): boolean => address >= range.first && address <= range.last;
