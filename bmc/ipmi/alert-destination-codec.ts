import { formatIp, parseIp } from '../../core/base/ip-address.ts';
import { ipv4FromNumber, ipv4ToNumber } from '../../core/base/ipv4-address.ts';
import { malformed, type Malformed } from '../../core/base/malformed.ts';

/** Whom a LAN channel alerts (IPMI 2.0 table 23-4, parameters 18 and 19). */
export const DESTINATION_TYPE_BYTES = 4;
export const DESTINATION_ADDRESS_BYTES = 13;
const TYPE_PET = 0;

export interface DestinationType {
  readonly selector: number;
  readonly isTrap: boolean;
  /** It is sent again until somebody acknowledges it. */
  readonly isAcknowledged: boolean;
  readonly waitSeconds: number;
  /** After the first; 0 to 7. */
  readonly retries: number;
}

/** 0 selector | 1 bit 7 acknowledged, bits 2-0 type | 2 seconds | 3 bits 2-0 retries */
export function decodeDestinationType(data: Buffer): DestinationType | Malformed {
  if (data.length < DESTINATION_TYPE_BYTES) return malformed('destination type is shorter than 4 bytes', data.length);
  return {
    selector: data[0]! & 0x0f,
    isTrap: (data[1]! & 7) === TYPE_PET,
    isAcknowledged: (data[1]! & 0x80) !== 0,
    waitSeconds: data[2]!,
    retries: data[3]! & 7,
  };
}

/** Of a trap. */
export const encodeTrapDestination = ({ selector, isAcknowledged, waitSeconds, retries }: Omit<DestinationType, 'isTrap'>): Buffer =>
  Buffer.from([selector, (isAcknowledged ? 0x80 : 0) | TYPE_PET, waitSeconds, retries]);

const FORMAT_IPV4 = 0;
const FORMAT_IPV6 = 1;
const IPV6_BYTES = 16;
/** With an IPv6 address. */
export const DESTINATION_ADDRESS6_BYTES = 2 + IPV6_BYTES;

/** 0 selector | 1 bits 7-4 format: 0 IPv4: 2 gateway, 3..6 address, 7..12 MAC; 1 IPv6: 2..17 address | undefined: another kind */
export function decodeDestinationAddress(data: Buffer): string | undefined | Malformed {
  if (data.length < 2) return malformed('destination address is shorter than 2 bytes', data.length);
  const format = data[1]! >> 4;
  if (format !== FORMAT_IPV4 && format !== FORMAT_IPV6) return undefined;
  const sizeBytes = format === FORMAT_IPV4 ? DESTINATION_ADDRESS_BYTES : DESTINATION_ADDRESS6_BYTES;
  if (data.length < sizeBytes) return malformed(`destination address is shorter than ${sizeBytes} bytes`, data.length);
  return format === FORMAT_IPV4 ? ipv4FromNumber(data.readUInt32BE(3)) : formatIp(6, BigInt(`0x${data.toString('hex', 2, sizeBytes)}`));
}

/** The BMC finds the MAC by itself. */
export function encodeDestinationAddress(selector: number, address: string): Buffer {
  const ip = parseIp(address);
  if (ip?.version === 6)
    return Buffer.concat([
      Buffer.from([selector, FORMAT_IPV6 << 4]),
      Buffer.from(ip.value.toString(16).padStart(2 * IPV6_BYTES, '0'), 'hex'),
    ]);
  const data = Buffer.alloc(DESTINATION_ADDRESS_BYTES);
  data[0] = selector;
  data.writeUInt32BE(ipv4ToNumber(address) ?? 0, 3);
  return data;
}
