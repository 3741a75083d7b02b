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

/** 0 selector | 1 bits 7-4 format: 0 IPv4 | 2 gateway | 3..6 address | 7..12 MAC; undefined: not IPv4 */
export function decodeDestinationAddress(data: Buffer): string | undefined | Malformed {
  if (data.length < 2) return malformed('destination address is shorter than 2 bytes', data.length);
  if (data[1]! >> 4 !== 0) return undefined;
  if (data.length < DESTINATION_ADDRESS_BYTES) return malformed('destination address is shorter than 13 bytes', data.length);
  return ipv4FromNumber(data.readUInt32BE(3));
}

/** The BMC finds the MAC by itself. */
export function encodeDestinationAddress(selector: number, address: string): Buffer {
  const data = Buffer.alloc(DESTINATION_ADDRESS_BYTES);
  data[0] = selector;
  data.writeUInt32BE(ipv4ToNumber(address) ?? 0, 3);
  return data;
}
