import { macAddressFromBytes, type MacAddress } from '../../core/base/mac-address.ts';
import { isMalformed, type Malformed, malformed } from '../../core/base/malformed.ts';
import { decodeDhcp6Options, decodeIpv6, type Dhcp6Options, encodeDhcp6Options, encodeIpv6 } from './dhcp6-message-codec.ts';

/** Values of a message's first byte (RFC 8415 §7.3). */
export const MESSAGE6 = {
  solicit: 1,
  advertise: 2,
  request: 3,
  confirm: 4,
  renew: 5,
  rebind: 6,
  reply: 7,
  release: 8,
  decline: 9,
  reconfigure: 10,
  informationRequest: 11,
} as const;

/** Option codes by the names of the registry (RFC 8415 unless said). */
export const OPTION6 = {
  clientId: 1,
  serverId: 2,
  iaNa: 3,
  iaTa: 4,
  iaAddress: 5,
  optionRequest: 6,
  preference: 7,
  elapsedTime: 8,
  statusCode: 13,
  rapidCommit: 14,
  userClass: 15,
  vendorClass: 16,
  interfaceId: 18,
  /** RFC 3646 */
  dnsServers: 23,
  domainList: 24,
  iaPd: 25,
  informationRefreshTime: 32,
  /** RFC 4649 */
  remoteId: 37,
  /** RFC 4704 */
  clientFqdn: 39,
  /** RFC 5908 */
  ntpServer: 56,
  /** RFC 5970 */
  bootFileUrl: 59,
  bootFileParameters: 60,
  clientArchitecture: 61,
  /** RFC 6939 */
  clientLinkLayerAddress: 79,
} as const;

/** RFC 8415 §21.13. */
export const STATUS6 = { success: 0, unspecFail: 1, noAddrsAvail: 2, noBinding: 3, notOnLink: 4, noPrefixAvail: 6 } as const;

/** The first option of a code. */
export const option6 = (options: Dhcp6Options, code: number): Buffer | undefined => options.find(([each]) => each === code)?.[1];
export const options6 = (options: Dhcp6Options, code: number): Buffer[] =>
  options.filter(([each]) => each === code).map(([, value]) => value);

export function encodeUint16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

export function encodeStatus(code: number, message: string): Buffer {
  return Buffer.concat([encodeUint16(code), Buffer.from(message, 'utf8')]);
}

/** Addresses of an IA_NA: iaid(4) T1(4) T2(4) options, each address option: address(16) preferred(4) valid(4) options. Seconds. */
export interface IdentityAssociation {
  readonly iaid: number;
  readonly t1: number;
  readonly t2: number;
  readonly addresses: readonly IaAddress[];
  readonly status?: { readonly code: number; readonly message: string };
}
export interface IaAddress {
  readonly address: string;
  readonly preferredSeconds: number;
  readonly validSeconds: number;
}

/** More would only be a burden: an interface of a machine that boots has one address. */
const IA_ADDRESSES_MAX = 16;

export function decodeIaNa(value: Buffer): IdentityAssociation | Malformed {
  if (value.length < 12) return malformed('IA_NA shorter than its header', value.length);
  const options = decodeDhcp6Options(value, 12);
  if (isMalformed(options)) return options;
  const addresses = options6(options, OPTION6.iaAddress);
  if (addresses.length > IA_ADDRESSES_MAX) return malformed(`IA_NA with ${addresses.length} addresses`, 12);
  if (addresses.some((one) => one.length < 24)) return malformed('IA address cut short', 12);
  const status = option6(options, OPTION6.statusCode);
  return {
    iaid: value.readUInt32BE(0),
    t1: value.readUInt32BE(4),
    t2: value.readUInt32BE(8),
    addresses: addresses.map((one) => ({
      address: decodeIpv6(one),
      preferredSeconds: one.readUInt32BE(16),
      validSeconds: one.readUInt32BE(20),
    })),
    ...(status === undefined || status.length < 2 ? {} : { status: { code: status.readUInt16BE(0), message: status.toString('utf8', 2) } }),
  };
}

const encodeUint32s = (...values: number[]): Buffer => {
  const bytes = Buffer.alloc(4 * values.length);
  values.forEach((value, at) => bytes.writeUInt32BE(value >>> 0, 4 * at));
  return bytes;
};

export function encodeIaNa({ iaid, t1, t2, addresses, status }: IdentityAssociation): Buffer {
  const options = addresses.map((one): [number, Buffer] => [
    OPTION6.iaAddress,
    Buffer.concat([encodeIpv6(one.address), encodeUint32s(one.preferredSeconds, one.validSeconds)]),
  ]);
  if (status) options.push([OPTION6.statusCode, encodeStatus(status.code, status.message)]);
  return Buffer.concat([encodeUint32s(iaid, t1, t2), encodeDhcp6Options(options)]);
}

const ETHERNET = 1;
const DUID_LINK_LAYER_TIME = 1;
const DUID_LINK_LAYER = 3;
const DUID_UUID = 4;
/** RFC 8415 §11.1: 128 bytes and the type. */
const DUID_BYTES_MAX = 130;

export const isDuid = (value: Buffer): boolean => value.length >= 3 && value.length <= DUID_BYTES_MAX;

/** The Ethernet address in a DUID-LLT or DUID-LL (RFC 8415 §11.2, §11.4); other kinds have none. */
export function macOfDuid(duid: Buffer): MacAddress | undefined {
  const type = duid.readUInt16BE(0);
  const at = type === DUID_LINK_LAYER_TIME ? 8 : type === DUID_LINK_LAYER ? 4 : 0;
  if (at === 0 || duid.length !== at + 6 || duid.readUInt16BE(2) !== ETHERNET) return undefined;
  return macAddressFromBytes(duid.subarray(at));
}

/** RFC 6355; the bytes of firmware's SMBIOS table are not told apart from network order. */
export const encodeDuidUuid = (uuid: Buffer): Buffer => Buffer.concat([encodeUint16(DUID_UUID), uuid.subarray(0, 16)]);

/** Option 79: hardware type(2) address. */
export const decodeLinkLayerAddress = (value: Buffer | undefined): MacAddress | undefined =>
  value?.length === 8 && value.readUInt16BE(0) === ETHERNET ? macAddressFromBytes(value.subarray(2)) : undefined;

/** The MAC in an address whose interface identifier was made of it (RFC 4291, appendix A). */
export function macOfEui64(address: string): MacAddress | undefined {
  const bytes = encodeIpv6(address);
  if (bytes[11] !== 0xff || bytes[12] !== 0xfe) return undefined;
  return macAddressFromBytes(Buffer.from([bytes[8]! ^ 2, bytes[9]!, bytes[10]!, bytes[13]!, bytes[14]!, bytes[15]!]));
}

/** Printable text; whatever else is in there is shown as `?`. */
const text = (bytes: Buffer): string =>
  bytes
    .toString('latin1')
    .replace(/\0+$/, '')
    .replace(/[^\x20-\x7e]/g, '?');

/** Data of two-byte lengths, as in options 15 and 16; what is cut short ends the list. */
function decodeTexts(value: Buffer, start: number): string[] {
  const texts: string[] = [];
  for (let at = start; at + 2 <= value.length;) {
    const end = at + 2 + value.readUInt16BE(at);
    if (end > value.length) break;
    texts.push(text(value.subarray(at + 2, end)));
    at = end;
  }
  return texts;
}

/** Firmware of old sends its class without a length. */
export function decodeUserClasses6(value: Buffer | undefined): string[] {
  if (value === undefined || value.length === 0) return [];
  const classes = decodeTexts(value, 0);
  return classes.length > 0 ? classes : [text(value)];
}

/** The first class of option 16; the vendor's number before it is not looked at. */
export const decodeVendorClass6 = (value: Buffer | undefined): string | undefined =>
  value === undefined || value.length < 6 ? undefined : decodeTexts(value, 4)[0];

export function encodeVendorClass6(enterprise: number, vendorClass: string): Buffer {
  return Buffer.concat([encodeUint32s(enterprise), encodeTexts([vendorClass])]);
}

/** Each with its length in two bytes: option 60, and the classes of 15 and 16. */
export const encodeTexts = (texts: readonly string[]): Buffer =>
  Buffer.concat(texts.flatMap((one) => [encodeUint16(Buffer.byteLength(one)), Buffer.from(one)]));

/** The first of option 61's architectures. */
export const decodeArchitecture6 = (value: Buffer | undefined): number | undefined =>
  value !== undefined && value.length >= 2 ? value.readUInt16BE(0) : undefined;

/** Names as DNS writes them on the wire (RFC 1035 §3.1), not compressed; undefined for what is no name. */
export function encodeDomainName(name: string): Buffer | undefined {
  const labels = name.replace(/\.$/, '').split('.');
  if (labels.some((label) => label.length === 0 || label.length > 63) || name.length > 253) return undefined;
  return Buffer.concat([...labels.flatMap((label) => [Buffer.from([label.length]), Buffer.from(label, 'latin1')]), Buffer.from([0])]);
}

/** Option 39: flags(1) name. The first label only: it is the client's own name. */
export function decodeHostname6(value: Buffer | undefined): string | undefined {
  const length = value?.[1] ?? 0;
  if (value === undefined || length === 0 || length > 63 || value.length < 2 + length) return undefined;
  return text(value.subarray(2, 2 + length));
}

const NTP_SERVER_ADDRESS = 1;

/** Option 56: one sub-option for each server. */
export const encodeNtpServers = (addresses: readonly string[]): Buffer =>
  encodeDhcp6Options(addresses.map((address): [number, Buffer] => [NTP_SERVER_ADDRESS, encodeIpv6(address)]));

/** RFC 8415 §21.9: hundredths of a second; 0 where it is missing or malformed. */
export const decodeElapsedSeconds = (value: Buffer | undefined): number => (value?.length === 2 ? value.readUInt16BE(0) / 100 : 0);
