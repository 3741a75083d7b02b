import { ipv4ToNumber } from '../../core/base/ipv4-address.ts';

/** Option codes by the names of the registry (RFC 2132 unless said). */
export const OPTION = {
  subnetMask: 1,
  router: 3,
  domainNameServer: 6,
  hostName: 12,
  domainName: 15,
  broadcastAddress: 28,
  vendorInformation: 43,
  requestedAddress: 50,
  leaseTime: 51,
  messageType: 53,
  serverIdentifier: 54,
  parameterRequestList: 55,
  message: 56,
  maximumMessageSize: 57,
  renewalTime: 58,
  rebindingTime: 59,
  vendorClass: 60,
  clientIdentifier: 61,
  tftpServerName: 66,
  bootFileName: 67,
  /** RFC 3004 */
  userClass: 77,
  /** RFC 3046 */
  relayAgentInformation: 82,
  /** RFC 4388 §6.1 */
  clientLastTransactionTime: 91,
  associatedAddress: 92,
  /** RFC 4578 §2.1 */
  clientArchitecture: 93,
  /** RFC 4578 §2.3 */
  clientMachineIdentifier: 97,
  /** iPXE's encapsulated options */
  etherboot: 175,
} as const;

/** Values of option 53. */
export const MESSAGE_TYPE = {
  discover: 1,
  offer: 2,
  request: 3,
  decline: 4,
  ack: 5,
  nak: 6,
  release: 7,
  inform: 8,
  /** RFC 4388 */
  leaseQuery: 10,
  leaseUnassigned: 11,
  leaseUnknown: 12,
  leaseActive: 13,
} as const;

const UINT8S = Array.from({ length: 256 }, (_, value) => Buffer.from([value]));
/** The same buffer each time: not to be written to. */
export const encodeUint8 = (value: number): Buffer => UINT8S[value & 255]!;

export function encodeUint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}

/** Dotted addresses to their bytes; what is not an address is left out. */
export const encodeAddresses = (addresses: readonly string[]): Buffer =>
  Buffer.concat(
    addresses
      .map(ipv4ToNumber)
      .filter((a) => a !== undefined)
      .map(encodeUint32),
  );

/** An address or a 32-bit number; undefined when the option is absent or not four bytes. */
export const decodeUint32 = (value: Buffer | undefined): number | undefined => (value?.length === 4 ? value.readUInt32BE(0) : undefined);

export const decodeUint16 = (value: Buffer | undefined): number | undefined =>
  value !== undefined && value.length >= 2 ? value.readUInt16BE(0) : undefined;

/** Printable ASCII of a text option, without a trailing NUL. */
export function decodeText(value: Buffer | undefined): string | undefined {
  const text = value?.toString('latin1');
  // Nearly all text is printable as it came; the test costs a tenth of the repair.
  return text === undefined || /^[\x20-\x7e]*$/.test(text) ? text : text.replace(/\0+$/, '').replace(/[^\x20-\x7e]/g, '?');
}

/**
 * The classes in option 77. RFC 3004 wants each class prefixed by its length; iPXE and others send bare text. Bytes that
 * add up as prefixed classes are read so, anything else is one bare class.
 */
export function decodeUserClasses(value: Buffer | undefined): string[] {
  if (value === undefined || value.length === 0) return [];
  const classes: string[] = [];
  let at = 0;
  while (at < value.length) {
    const length = value[at]!;
    if (length === 0 || at + 1 + length > value.length) return [decodeText(value)!];
    classes.push(decodeText(value.subarray(at + 1, at + 1 + length))!);
    at += 1 + length;
  }
  return classes;
}

/**
 * The UUID of option 97 type 0 as SMBIOS tools print it. RFC 4578 says network byte order, but firmware copies the bytes of
 * its SMBIOS table (OVMF and iPXE do), where the first three fields are little-endian.
 */
export function decodeMachineUuid(value: Buffer | undefined): string | undefined {
  if (value?.length !== 17 || value[0] !== 0) return undefined;
  const bytes = Buffer.from(value.subarray(1));
  bytes.subarray(0, 4).swap32();
  bytes.subarray(4, 8).swap16();
  const hex = bytes.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
