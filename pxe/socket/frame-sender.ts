import type { MacAddress } from '../../core/base/mac-address.ts';
import type { LinuxCalls } from '../../core/base/linux-calls.ts';
import { createDatagramSender } from './datagram-arena.ts';
import { type UdpPacket, writeUdpPacket } from './udp-frame-codec.ts';

const AF_PACKET = 17;
const SOCK_DGRAM = 2;
const ETH_P_IP = 0x0800;

/** A rack's worth with one system call. */
const SLOTS = 64;
const FRAME_BYTES_MAX = 1600;
const LINK_NAME_BYTES = 20;

/** struct sockaddr_ll: family(2) protocol(2, network order) ifindex(4) hatype(2) pkttype(1) halen(1) addr(8) */
function writeLinkName(name: Buffer, interfaceIndex: number, mac: MacAddress): void {
  name.writeUInt16LE(AF_PACKET, 0);
  name.writeUInt16BE(ETH_P_IP, 2);
  name.writeInt32LE(interfaceIndex, 4);
  name[11] = 6;
  for (let i = 0; i < 6; i += 1) name[12 + i] = Number.parseInt(mac.slice(3 * i, 3 * i + 2), 16);
}

/** Sends UDP to a hardware address: the way to a client that has an address in our book but does not answer ARP yet. */
export interface FrameSender {
  queue(interfaceIndex: number, mac: MacAddress, packet: UdpPacket): void;
  /** Sends what was queued, and answers how many frames could not be sent since the last time. */
  flush(): number;
  close(): void;
}

/** Throws the system's error where packet sockets are forbidden (CAP_NET_RAW). */
export function openFrameSender(system: LinuxCalls): FrameSender {
  // Protocol 0: this socket never receives.
  const fd = system.socket(AF_PACKET, SOCK_DGRAM, 0);
  let failed = 0;
  const sender = createDatagramSender(system, fd, {
    slots: SLOTS,
    slotBytes: FRAME_BYTES_MAX,
    nameBytes: LINK_NAME_BYTES,
    onFailure: () => (failed += 1),
  });
  return {
    queue(interfaceIndex, mac, packet) {
      const length = writeUdpPacket(sender.slot(), packet);
      sender.queue(length, (name) => writeLinkName(name, interfaceIndex, mac));
    },
    flush() {
      sender.flush();
      const count = failed;
      failed = 0;
      return count;
    },
    close: () => system.close(fd),
  };
}
