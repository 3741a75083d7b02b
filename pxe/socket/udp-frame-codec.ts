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
function sumWords(bytes: Buffer, start: number): number {
  let sum = 0;
  for (let i = start; i + 1 < bytes.length; i += 2) sum += bytes.readUInt16BE(i);
  if ((bytes.length - start) % 2 === 1) sum += bytes[bytes.length - 1]! << 8;
  return sum;
}

function checksum(sum: number): number {
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000);
  return ~sum & 0xffff;
}

const addressSum = (address: number) => (address >>> 16) + (address & 0xffff);

export function encodeUdpPacket(packet: UdpPacket): Buffer {
  const udpBytes = UDP_HEADER_BYTES + packet.payload.length;
  const bytes = Buffer.alloc(IP_HEADER_BYTES + udpBytes);
  bytes[0] = 0x45;
  bytes.writeUInt16BE(bytes.length, 2);
  bytes.writeUInt16BE(DONT_FRAGMENT, 6);
  bytes[8] = TTL;
  bytes[9] = PROTOCOL_UDP;
  bytes.writeUInt32BE(packet.sourceAddress, 12);
  bytes.writeUInt32BE(packet.destinationAddress, 16);
  bytes.writeUInt16BE(checksum(sumWords(bytes.subarray(0, IP_HEADER_BYTES), 0)), 10);
  bytes.writeUInt16BE(packet.sourcePort, 20);
  bytes.writeUInt16BE(packet.destinationPort, 22);
  bytes.writeUInt16BE(udpBytes, 24);
  packet.payload.copy(bytes, IP_HEADER_BYTES + UDP_HEADER_BYTES);
  const pseudo = addressSum(packet.sourceAddress) + addressSum(packet.destinationAddress) + PROTOCOL_UDP + udpBytes;
  // A sum of zero is sent as all ones: zero means that there is no checksum.
  bytes.writeUInt16BE(checksum(pseudo + sumWords(bytes, IP_HEADER_BYTES)) || 0xffff, 26);
  return bytes;
}
