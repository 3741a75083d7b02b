import { type Malformed, malformed } from '../../core/base/malformed.ts';
import { decodeUint32 } from './dhcp-option-codec.ts';

/**
 * Option 82, RFC 3046 §2.0: sub-options code(1) length(1) value …
 *
 *   1 circuit identifier  2 remote identifier  5 link selection(4, RFC 3527)  10 flags(1, RFC 5010)  11 server identifier(4, RFC 5107)
 *   151 network of the client: type(1) value, 152 empty, "do not serve it if you do not know 151" (RFC 6607 §3)
 */
export interface RelayInformation {
  /** Printable text as it is, else `0x…`. */
  readonly circuitId?: string;
  readonly remoteId?: string;
  /** An address of the network that the client is on. */
  readonly link?: number;
  /** The relay got the packet by unicast, so its client has an address already. */
  readonly isUnicast?: boolean;
  /** The relay's own address, which the client shall take for the server's. */
  readonly serverIdentifier?: number;
  /** A name, or the 7 bytes of RFC 2685 in hex; empty for the global network. */
  readonly network?: string;
}

const CODE = { circuitId: 1, remoteId: 2, link: 5, flags: 10, serverIdentifier: 11, network: 151, networkControl: 152 } as const;
const FLAG_UNICAST = 0x80;
const NETWORK_TYPE = { name: 0, vpnId: 1, global: 255 } as const;

/** Bytes as configuration writes them: as text where all of it can be printed and none of it starts like hex. */
export function identifierText(bytes: Buffer): string {
  const text = bytes.toString('latin1');
  return /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(text) && !text.startsWith('0x') ? text : `0x${bytes.toString('hex')}`;
}

function networkText(value: Buffer): string | Malformed {
  const [type, rest] = [value[0], value.subarray(1)];
  if (type === NETWORK_TYPE.name) return identifierText(rest);
  if (type === NETWORK_TYPE.vpnId && rest.length === 7) return `0x${rest.toString('hex')}`;
  return type === NETWORK_TYPE.global ? '' : malformed('a network selection of a kind that is not known', 0);
}

/** The sub-options in order; undefined when one is cut short. */
function split(value: Buffer): [number, Buffer][] | undefined {
  const parts: [number, Buffer][] = [];
  for (let at = 0; at < value.length;) {
    const end = at + 2 + (value[at + 1] ?? 0);
    if (at + 2 > value.length || end > value.length) return undefined;
    parts.push([value[at]!, value.subarray(at + 2, end)]);
    at = end;
  }
  return parts;
}

export function decodeRelayInformation(value: Buffer): RelayInformation | Malformed {
  const parts = split(value);
  if (parts === undefined) return malformed('a sub-option of option 82 is cut short', 0);
  const found = new Map(parts);
  const [circuitId, remoteId, selection] = [found.get(CODE.circuitId), found.get(CODE.remoteId), found.get(CODE.network)];
  const link = decodeUint32(found.get(CODE.link));
  const serverIdentifier = decodeUint32(found.get(CODE.serverIdentifier));
  const flags = found.get(CODE.flags)?.[0];
  const network = selection && networkText(selection);
  if (typeof network === 'object') return network;
  return {
    ...(circuitId ? { circuitId: identifierText(circuitId) } : {}),
    ...(remoteId ? { remoteId: identifierText(remoteId) } : {}),
    ...(link === undefined ? {} : { link }),
    ...(flags === undefined ? {} : { isUnicast: (flags & FLAG_UNICAST) !== 0 }),
    ...(serverIdentifier === undefined ? {} : { serverIdentifier }),
    ...(network === undefined ? {} : { network }),
  };
}

/** What goes back to the relay: all of it, less 152, whose absence says that 151 was understood (RFC 6607 §5.3). */
export function echoRelayInformation(value: Buffer): Buffer {
  const parts = split(value);
  if (!parts?.some(([code]) => code === CODE.networkControl)) return value;
  return encodeRelayParts(parts.filter(([code]) => code !== CODE.networkControl));
}

export const encodeRelayParts = (parts: readonly (readonly [number, Buffer])[]): Buffer =>
  Buffer.concat(parts.flatMap(([code, bytes]) => [Buffer.from([code, bytes.length]), bytes]));
