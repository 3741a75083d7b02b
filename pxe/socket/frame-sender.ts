import { type MacAddress, macAddressToBytes } from '../../core/base/mac-address.ts';
import type { LinuxCalls } from '../../core/base/linux-calls.ts';
import { encodeUdpPacket, type UdpPacket } from './udp-frame-codec.ts';

const AF_PACKET = 17;
const SOCK_DGRAM = 2;
const ETH_P_IP = 0x0800;

/** struct sockaddr_ll: family(2) protocol(2, network order) ifindex(4) hatype(2) pkttype(1) halen(1) addr(8) */
function linkAddress(interfaceIndex: number, mac: MacAddress): Buffer {
  const address = Buffer.alloc(20);
  address.writeUInt16LE(AF_PACKET, 0);
  address.writeUInt16BE(ETH_P_IP, 2);
  address.writeInt32LE(interfaceIndex, 4);
  address[11] = 6;
  macAddressToBytes(mac).copy(address, 12);
  return address;
}

/** Sends UDP to a hardware address: the way to a client that has an address in our book but does not answer ARP yet. */
export interface FrameSender {
  /** False when the frame could not be sent; a broadcast still can be. */
  send(interfaceName: string, mac: MacAddress, packet: UdpPacket): boolean;
  close(): void;
}

/** Throws the system's error where packet sockets are forbidden (CAP_NET_RAW). */
export function openFrameSender(system: LinuxCalls): FrameSender {
  // Protocol 0: this socket never receives.
  const fd = system.socket(AF_PACKET, SOCK_DGRAM, 0);
  return {
    send(interfaceName, mac, packet) {
      const index = system.interfaceIndex(interfaceName);
      return index > 0 && system.sendTo(fd, encodeUdpPacket(packet), linkAddress(index, mac)) > 0;
    },
    close: () => system.close(fd),
  };
}
