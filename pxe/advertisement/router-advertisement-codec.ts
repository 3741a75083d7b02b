import { type Malformed, malformed } from '../../core/base/malformed.ts';

/**
 * Router solicitation and advertisement, RFC 4861 §4.1 and §4.2. The kernel fills in the ICMPv6 checksum.
 *
 *   RS  0 type 133 | 1 code 0 | 2 checksum | 4 reserved | 8 options
 *   RA  0 type 134 | 1 code 0 | 2 checksum | 4 hop limit | 5 flags M O … | 6 router lifetime s | 8 reachable ms | 12 retransmit ms | 16 options
 *   option: type(1) length in units of 8 bytes(1) value …; source link-layer address is type 1
 */
export interface RouterSolicitation {
  readonly kind: 'router-solicitation';
}

const TYPE_SOLICITATION = 133;
const TYPE_ADVERTISEMENT = 134;
const OPTION_SOURCE_LINK_LAYER = 1;
const HOP_LIMIT = 64;

export function decodeRouterSolicitation(bytes: Buffer): RouterSolicitation | Malformed {
  if (bytes.length < 8) return malformed('shorter than a router solicitation', bytes.length);
  if (bytes[0] !== TYPE_SOLICITATION || bytes[1] !== 0) return malformed('not a router solicitation', 0);
  for (let at = 8; at < bytes.length;) {
    const units = bytes[at + 1] ?? 0;
    if (units === 0 || at + units * 8 > bytes.length) return malformed('an option of no length or cut short', at);
    at += units * 8;
  }
  return { kind: 'router-solicitation' };
}

/**
 * An advertisement that says "there is no router and no address to be had here": lifetime 0, no prefix, no DHCPv6. It ends a
 * firmware's wait for IPv6 and changes nothing for any other host on the wire.
 */
export function encodeEmptyAdvertisement(sourceMac: Uint8Array | undefined): Buffer {
  const bytes = Buffer.alloc(sourceMac ? 24 : 16);
  bytes[0] = TYPE_ADVERTISEMENT;
  bytes[4] = HOP_LIMIT;
  if (sourceMac) {
    bytes[16] = OPTION_SOURCE_LINK_LAYER;
    bytes[17] = 1;
    bytes.set(sourceMac.subarray(0, 6), 18);
  }
  return bytes;
}
