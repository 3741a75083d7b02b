/**
 * An IPv4 + UDP packet (RFC 791 §3.1, RFC 768) for a packet socket that adds the Ethernet header itself.
 *
 *   0 version/IHL 0x45 | 1 TOS | 2 total length | 4 id | 6 DF | 8 TTL | 9 protocol 17 | 10 checksum | 12 source | 16 destination
 *  20 source port | 22 destination port | 24 length | 26 checksum | 28 payload
 */
export interface UdpPacket {
  readonly sourceAddress: number;
  readonly sourcePort: number;
  readonly destinationAddress: number;
  readonly destinationPort: number;
  readonly payload: Buffer;
}

const IP_HEADER_BYTES = 20;
const UDP_HEADER_BYTES = 8;
const TTL = 64;
const PROTOCOL_UDP = 17;
const DONT_FRAGMENT = 0x4000;

/** Ones' complement sum of 16-bit words (RFC 1071), not yet folded. */
function sumWords(bytes: Buffer, start: number, end: number): number {
  let sum = 0;
  let i = start;
  for (; i + 1 < end; i += 2) sum += (bytes[i]! << 8) | bytes[i + 1]!;
  return i < end ? sum + (bytes[i]! << 8) : sum;
}

function checksum(sum: number): number {
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000);
  return ~sum & 0xffff;
}

const addressSum = (address: number) => (address >>> 16) + (address & 0xffff);

const write16 = (into: Buffer, at: number, value: number): void => {
  into[at] = value >>> 8;
  into[at + 1] = value & 255;
};

const write32 = (into: Buffer, at: number, value: number): void => {
  write16(into, at, value >>> 16);
  write16(into, at + 2, value & 0xffff);
};

/** Writes the packet to the start of `into`, which has room for it, and answers its length. */
export function writeUdpPacket(into: Buffer, packet: UdpPacket): number {
  const udpBytes = UDP_HEADER_BYTES + packet.payload.length;
  const length = IP_HEADER_BYTES + udpBytes;
  into.fill(0, 0, IP_HEADER_BYTES + UDP_HEADER_BYTES);
  into[0] = 0x45;
  write16(into, 2, length);
  write16(into, 6, DONT_FRAGMENT);
  into[8] = TTL;
  into[9] = PROTOCOL_UDP;
  write32(into, 12, packet.sourceAddress);
  write32(into, 16, packet.destinationAddress);
  write16(into, 10, checksum(sumWords(into, 0, IP_HEADER_BYTES)));
  write16(into, 20, packet.sourcePort);
  write16(into, 22, packet.destinationPort);
  write16(into, 24, udpBytes);
  packet.payload.copy(into, IP_HEADER_BYTES + UDP_HEADER_BYTES);
  const pseudo = addressSum(packet.sourceAddress) + addressSum(packet.destinationAddress) + PROTOCOL_UDP + udpBytes;
  // A sum of zero is sent as all ones: zero means that there is no checksum.
  write16(into, 26, checksum(pseudo + sumWords(into, IP_HEADER_BYTES, length)) || 0xffff);
  return length;
}

export function encodeUdpPacket(packet: UdpPacket): Buffer {
  const bytes = Buffer.alloc(IP_HEADER_BYTES + UDP_HEADER_BYTES + packet.payload.length);
  writeUdpPacket(bytes, packet);
  return bytes;
}
