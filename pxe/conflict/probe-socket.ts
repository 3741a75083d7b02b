import { networkInterfaces } from 'node:os';
import type { LinuxCalls } from '../../core/base/linux-calls.ts';
import { type MacAddress, macAddressToBytes, parseMacAddress } from '../../core/base/mac-address.ts';
import { isMalformed } from '../../core/base/malformed.ts';
import { createDatagramReceiver, writeInetName } from '../socket/datagram-arena.ts';
import { decodeArp, decodeEchoReply, encodeArpProbe, encodeEchoRequest } from './arp-codec.ts';

/** Asks one wire, or one routed address, whether somebody has an address. */
export interface ProbeSocket {
  /** On the wire of the interface. False when it could not be asked. */
  askWire(address: number, interfaceName: string): boolean;
  /** Over whatever routes lead there. */
  askRouted(address: number): boolean;
  close(): void;
}

const AF_INET = 2;
const AF_PACKET = 17;
const SOCK_DGRAM = 2;
const SOCK_RAW = 3;
const IPPROTO_ICMP = 1;
const SOL_RAW = 255;
const ICMP_FILTER = 1;
const ETH_P_ARP = 0x0806;
/** Packets taken in at once. */
const SLOTS = 32;
const PACKET_BYTES_MAX = 256;

/** struct sockaddr_ll: family(2) protocol(2, network order) ifindex(4) hatype(2) pkttype(1) halen(1) addr(8) */
function broadcastName(interfaceIndex: number): Buffer {
  const name = Buffer.alloc(20);
  name.writeUInt16LE(AF_PACKET, 0);
  name.writeUInt16BE(ETH_P_ARP, 2);
  name.writeInt32LE(interfaceIndex, 4);
  name[11] = 6;
  name.fill(0xff, 12, 18);
  return name;
}

const swap16 = (value: number): number => ((value & 255) << 8) | (value >>> 8);

/**
 * @param onHeard somebody has this address: known by MAC on a wire, by an echo elsewhere
 * Throws the system's error where raw sockets are forbidden (CAP_NET_RAW).
 */
export function openProbeSocket(
  system: LinuxCalls,
  echoIdentifier: number,
  onHeard: (address: number, mac: MacAddress | undefined) => void,
): ProbeSocket {
  const closers: (() => void)[] = [];
  const open = (domain: number, type: number, protocol: number, onPacket: (bytes: Buffer) => void): number => {
    const fd = system.socket(domain, type, protocol);
    const receiver = createDatagramReceiver(system, SLOTS, PACKET_BYTES_MAX);
    const stop = system.watchReadable(fd, () => {
      for (let count = receiver.receive(fd); count > 0; count = count < SLOTS ? 0 : receiver.receive(fd))
        for (let slot = 0; slot < count; slot += 1) onPacket(receiver.bytes(slot));
    });
    closers.push(stop);
    return fd;
  };
  const arp = open(AF_PACKET, SOCK_DGRAM, swap16(ETH_P_ARP), (bytes) => {
    const packet = decodeArp(bytes);
    if (!isMalformed(packet) && packet.sender !== 0) onHeard(packet.sender, packet.senderMac);
  });
  const echo = open(AF_INET, SOCK_RAW, IPPROTO_ICMP, (bytes) => {
    const packet = decodeEchoReply(bytes);
    if (!isMalformed(packet) && packet.identifier === echoIdentifier) onHeard(packet.source, undefined);
  });
  const onlyReplies = Buffer.alloc(4);
  onlyReplies.writeUInt32LE(0xfffffffe);
  system.setsockopt(echo, SOL_RAW, ICMP_FILTER, onlyReplies);
  const request = encodeEchoRequest(echoIdentifier);
  return {
    askWire(address, interfaceName) {
      const mac = parseMacAddress(networkInterfaces()[interfaceName]?.[0]?.mac ?? '');
      const index = system.interfaceIndex(interfaceName);
      return (
        mac !== undefined && index > 0 && system.sendTo(arp, encodeArpProbe(macAddressToBytes(mac), address), broadcastName(index)) > 0
      );
    },
    askRouted(address) {
      const name = Buffer.alloc(16);
      writeInetName(name, address, 0);
      return system.sendTo(echo, request, name) > 0;
    },
    close() {
      for (const close of closers) close();
    },
  };
}
