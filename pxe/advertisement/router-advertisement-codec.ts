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
const OPTION_PREFIX = 3;
const FLAG_MANAGED = 0x80;
const FLAG_OTHER = 0x40;
const FLAG_ON_LINK = 0x80;
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

/** What an advertisement says beside "I am here". */
export interface Advertisement {
  /** M and O (RFC 4861 §4.2): addresses, or only other settings, are to be had by DHCPv6. */
  readonly managed: boolean;
  readonly otherConfiguration: boolean;
  /** 0: no default router. */
  readonly routerLifetimeSeconds: number;
  /** Prefixes whose addresses are on this wire; none is for addresses that hosts make themselves. */
  readonly onLink: readonly { readonly address: Uint8Array; readonly prefixLength: number; readonly lifetimeSeconds: number }[];
}

/**
 * Says "there is no router and no address to be had here": it ends a firmware's wait for IPv6 and changes nothing for any other
 * host on the wire.
 */
export const EMPTY_ADVERTISEMENT: Advertisement = { managed: false, otherConfiguration: false, routerLifetimeSeconds: 0, onLink: [] };

/** Prefix information, RFC 4861 §4.6.2: 0 type 3 | 1 length 4 | 2 bits | 3 flags L A … | 4 valid s | 8 preferred s | 16 prefix(16) */
function prefixInformation({ address, prefixLength, lifetimeSeconds }: Advertisement['onLink'][number]): Buffer {
  const bytes = Buffer.alloc(32);
  bytes[0] = OPTION_PREFIX;
  bytes[1] = 4;
  bytes[2] = prefixLength;
  bytes[3] = FLAG_ON_LINK;
  bytes.writeUInt32BE(lifetimeSeconds, 4);
  bytes.writeUInt32BE(lifetimeSeconds, 8);
  bytes.set(address.subarray(0, 16), 16);
  return bytes;
}

export function encodeAdvertisement(advertisement: Advertisement, sourceMac: Uint8Array | undefined): Buffer {
  const bytes = Buffer.alloc(sourceMac ? 24 : 16);
  bytes[0] = TYPE_ADVERTISEMENT;
  bytes[4] = HOP_LIMIT;
  bytes[5] = (advertisement.managed ? FLAG_MANAGED : 0) | (advertisement.otherConfiguration ? FLAG_OTHER : 0);
  bytes.writeUInt16BE(advertisement.routerLifetimeSeconds, 6);
  if (sourceMac) {
    bytes[16] = OPTION_SOURCE_LINK_LAYER;
    bytes[17] = 1;
    bytes.set(sourceMac.subarray(0, 6), 18);
  }
  return Buffer.concat([bytes, ...advertisement.onLink.map(prefixInformation)]);
}
