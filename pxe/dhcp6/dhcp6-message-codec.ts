import { formatIp, parseIp } from '../../core/base/ip-address.ts';
import { isMalformed, type Malformed, malformed } from '../../core/base/malformed.ts';

/**
 * DHCPv6, RFC 8415 §8 and §9, with the options as raw bytes: in order, and as often as they came.
 *
 *   client, server   0 type(1) | 1 transaction(3) | 4 options
 *   relay            0 type(1) | 1 hops(1) | 2 link-address(16) | 18 peer-address(16) | 34 options, one of them the relayed message
 *   option           code(2) length(2) value
 */
export interface Dhcp6Message {
  readonly type: number;
  readonly transaction: number;
  readonly options: Dhcp6Options;
}

export type Dhcp6Options = readonly (readonly [code: number, value: Buffer])[];

/** The envelope of one relay. Addresses are canonical text. */
export interface Dhcp6Relay {
  readonly hops: number;
  readonly link: string;
  readonly peer: string;
  /** Without the relayed message. */
  readonly options: Dhcp6Options;
}

/** What is on the wire: a message in the envelopes of its relays, the outermost first. */
export interface Dhcp6Packet {
  readonly relays: readonly Dhcp6Relay[];
  /** Of all envelopes; undefined without one. */
  readonly envelope?: 'forward' | 'reply';
  readonly message: Dhcp6Message;
}

const RELAY_FORWARD = 12;
const RELAY_REPLY = 13;
const OPTION_RELAY_MESSAGE = 9;
/** RFC 8415 §7.6 HOP_COUNT_LIMIT: hops 0 to 8 are nine envelopes. */
const RELAYS_MAX = 9;
const MESSAGE_HEADER_BYTES = 4;
const RELAY_HEADER_BYTES = 34;

export const decodeIpv6 = (bytes: Buffer): string => formatIp(6, BigInt(`0x${bytes.toString('hex', 0, 16)}`));

/** @throws for what is no address: only text that was checked is encoded. */
export function encodeIpv6(text: string): Buffer {
  const ip = parseIp(text);
  if (ip?.version !== 6) throw new Error(`${text} is not an IPv6 address`);
  return Buffer.from(ip.value.toString(16).padStart(32, '0'), 'hex');
}

export function decodeDhcp6Options(bytes: Buffer, start: number): Dhcp6Options | Malformed {
  const options: [number, Buffer][] = [];
  for (let at = start; at < bytes.length;) {
    if (at + 4 > bytes.length) return malformed('an option without a length', at);
    const end = at + 4 + bytes.readUInt16BE(at + 2);
    if (end > bytes.length) return malformed(`option ${bytes.readUInt16BE(at)} is cut short`, at);
    options.push([bytes.readUInt16BE(at), bytes.subarray(at + 4, end)]);
    at = end;
  }
  return options;
}

export function decodeDhcp6Packet(bytes: Buffer): Dhcp6Packet | Malformed {
  const relays: Dhcp6Relay[] = [];
  const envelopeType = bytes[0];
  let rest = bytes;
  while (rest[0] === RELAY_FORWARD || rest[0] === RELAY_REPLY) {
    if (rest[0] !== envelopeType) return malformed('a relayed reply in a relayed request', 0);
    if (relays.length === RELAYS_MAX) return malformed(`relayed more than ${RELAYS_MAX} times`, 1);
    if (rest.length < RELAY_HEADER_BYTES) return malformed('shorter than a relay header', rest.length);
    const options = decodeDhcp6Options(rest, RELAY_HEADER_BYTES);
    if (isMalformed(options)) return options;
    const relayed = options.filter(([code]) => code === OPTION_RELAY_MESSAGE);
    if (relayed.length !== 1) return malformed(`${relayed.length} relayed messages in one envelope`, RELAY_HEADER_BYTES);
    relays.push({
      hops: rest[1]!,
      link: decodeIpv6(rest.subarray(2, 18)),
      peer: decodeIpv6(rest.subarray(18, 34)),
      options: options.filter(([code]) => code !== OPTION_RELAY_MESSAGE),
    });
    rest = relayed[0]![1];
  }
  if (rest.length < MESSAGE_HEADER_BYTES) return malformed('shorter than a DHCPv6 header', rest.length);
  const options = decodeDhcp6Options(rest, MESSAGE_HEADER_BYTES);
  if (isMalformed(options)) return options;
  const message = { type: rest[0]!, transaction: rest.readUIntBE(1, 3), options };
  if (relays.length === 0) return { relays, message };
  return { relays, envelope: envelopeType === RELAY_REPLY ? 'reply' : 'forward', message };
}

export function encodeDhcp6Options(options: Dhcp6Options): Buffer {
  const parts = options.map(([code, value]) => {
    const head = Buffer.alloc(4);
    head.writeUInt16BE(code, 0);
    head.writeUInt16BE(value.length, 2);
    return Buffer.concat([head, value]);
  });
  return Buffer.concat(parts);
}

/** @throws RangeError for an option of more than 65535 bytes. */
export function encodeDhcp6Packet({ relays, envelope, message }: Dhcp6Packet): Buffer {
  const header = Buffer.alloc(MESSAGE_HEADER_BYTES);
  header[0] = message.type;
  header.writeUIntBE(message.transaction, 1, 3);
  let bytes = Buffer.concat([header, encodeDhcp6Options(message.options)]);
  for (const relay of relays.toReversed()) {
    const head = Buffer.from([envelope === 'reply' ? RELAY_REPLY : RELAY_FORWARD, relay.hops]);
    const options = encodeDhcp6Options([...relay.options, [OPTION_RELAY_MESSAGE, bytes]]);
    bytes = Buffer.concat([head, encodeIpv6(relay.link), encodeIpv6(relay.peer), options]);
  }
  return bytes;
}
