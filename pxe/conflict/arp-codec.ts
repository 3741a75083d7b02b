import { ipv4FromNumber } from '../../core/base/ipv4-address.ts';
import { type MacAddress, macAddressFromBytes } from '../../core/base/mac-address.ts';
import { type Malformed, malformed } from '../../core/base/malformed.ts';

/**
 * ARP for IPv4 over Ethernet, RFC 826, without the Ethernet header.
 *
 *   0 hardware 1 | 2 protocol 0x0800 | 4 lengths 6, 4 | 6 operation | 8 sender MAC(6) | 14 sender address | 18 target MAC(6) | 24 target address
 */
export interface ArpPacket {
  readonly operation: number;
  readonly senderMac: MacAddress;
  /** Addresses are unsigned 32-bit numbers. */
  readonly sender: number;
  readonly target: number;
}

const PACKET_BYTES = 28;
const HEAD = Buffer.from('0001080006040001', 'hex');

/** RFC 5227 §2.1.1: the sender's address is zero, so that the probe teaches nobody anything. */
export function encodeArpProbe(ownMac: Uint8Array, target: number): Buffer {
  const bytes = Buffer.alloc(PACKET_BYTES);
  HEAD.copy(bytes);
  bytes.set(ownMac.subarray(0, 6), 8);
  bytes.writeUInt32BE(target, 24);
  return bytes;
}

export function decodeArp(bytes: Buffer): ArpPacket | Malformed {
  if (bytes.length < PACKET_BYTES) return malformed('shorter than ARP', bytes.length);
  if (bytes.compare(HEAD, 0, 6, 0, 6) !== 0) return malformed('not ARP for IPv4 over Ethernet', 0);
  return {
    operation: bytes.readUInt16BE(6),
    senderMac: macAddressFromBytes(bytes.subarray(8)),
    sender: bytes.readUInt32BE(14),
    target: bytes.readUInt32BE(24),
  };
}

/** RFC 792: type 8 asks, type 0 answers: type(1) code(1) checksum(2) identifier(2) sequence(2). */
export function encodeEchoRequest(identifier: number): Buffer {
  const bytes = Buffer.from([8, 0, 0, 0, identifier >>> 8, identifier & 255, 0, 1]);
  const sum = 0x0800 + identifier + 1;
  bytes.writeUInt16BE(~((sum & 0xffff) + (sum >>> 16)) & 0xffff, 2);
  return bytes;
}

export interface EchoReply {
  /** Unsigned 32-bit. */
  readonly source: number;
  readonly identifier: number;
}

/** A whole IPv4 packet, as raw sockets give it. */
export function decodeEchoReply(bytes: Buffer): EchoReply | Malformed {
  const headerBytes = ((bytes[0] ?? 0) & 15) * 4;
  if (bytes.length < 20 || headerBytes < 20 || bytes.length < headerBytes + 8) return malformed('shorter than an echo reply', bytes.length);
  if (bytes[0]! >>> 4 !== 4 || bytes[9] !== 1) return malformed('not ICMP over IPv4', 0);
  if (bytes[headerBytes] !== 0)
    return malformed(`ICMP type ${bytes[headerBytes]} of ${ipv4FromNumber(bytes.readUInt32BE(12))}`, headerBytes);
  return { source: bytes.readUInt32BE(12), identifier: bytes.readUInt16BE(headerBytes + 4) };
}
