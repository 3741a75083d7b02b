import type { LinuxCalls } from '../../core/base/linux-calls.ts';

/** One ICMPv6 packet and where it came from. */
export interface ReceivedSolicitation {
  readonly bytes: Buffer;
  /** struct sockaddr_in6, ready to be answered to. */
  readonly source: Buffer;
  /** Undefined when the kernel did not say. */
  readonly hopLimit: number | undefined;
}

/** A raw ICMPv6 socket on one interface that hears router solicitations only. */
export interface SolicitationSocket {
  readonly interfaceIndex: number;
  /** A negative errno when it could not be sent. */
  send(bytes: Buffer, destination: Buffer): number;
  close(): void;
}

const AF_INET6 = 10;
const SOCK_RAW = 3;
const SOL_SOCKET = 1;
const SO_BINDTODEVICE = 25;
const IPPROTO_IPV6 = 41;
const IPPROTO_ICMPV6 = 58;
const IPV6_UNICAST_HOPS = 16;
const IPV6_MULTICAST_IF = 17;
const IPV6_MULTICAST_HOPS = 18;
const IPV6_JOIN_GROUP = 20;
const IPV6_RECVHOPLIMIT = 51;
const IPV6_HOPLIMIT = 52;
const ICMP6_FILTER = 1;
const TYPE_SOLICITATION = 133;
const ALL_ROUTERS = Buffer.from('ff020000000000000000000000000002', 'hex');
const ALL_NODES = Buffer.from('ff020000000000000000000000000001', 'hex');
/** RFC 4861 §6.1: neighbour discovery with less has crossed a router and is forged. */
const HOP_LIMIT = 255;

const PACKET_BYTES_MAX = 1500;
const SOCKADDR_IN6_BYTES = 28;
const CONTROL_BYTES = 64;
/** struct msghdr at 0, then what it points to. */
const VECTOR_OFFSET = 56;
const CONTROL_OFFSET = 72;
const NAME_OFFSET = CONTROL_OFFSET + CONTROL_BYTES;
const DATA_OFFSET = NAME_OFFSET + 32;
/** Packets read in one go, so that a flood does not hold up the loop; the rest wakes it again. */
const PACKETS_PER_TURN_MAX = 64;

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return bytes;
}

/** struct sockaddr_in6: family(2) port(2) flow(4) address(16) scope(4) */
export function allNodesAddress(interfaceIndex: number): Buffer {
  const address = Buffer.alloc(SOCKADDR_IN6_BYTES);
  address.writeUInt16LE(AF_INET6, 0);
  ALL_NODES.copy(address, 8);
  address.writeUInt32LE(interfaceIndex, 24);
  return address;
}

function configure(system: LinuxCalls, fd: number, name: string, interfaceIndex: number): void {
  const filter = Buffer.alloc(32, 0xff);
  filter.writeUInt32LE(~(1 << (TYPE_SOLICITATION & 31)) >>> 0, (TYPE_SOLICITATION >> 5) * 4);
  system.setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, filter);
  system.setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, Buffer.from(`${name}\0`));
  system.setsockopt(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, int32(HOP_LIMIT));
  system.setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, int32(HOP_LIMIT));
  system.setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, int32(interfaceIndex));
  system.setsockopt(fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, int32(1));
  system.setsockopt(fd, IPPROTO_IPV6, IPV6_JOIN_GROUP, Buffer.concat([ALL_ROUTERS, int32(interfaceIndex)]));
}

/**
 * struct msghdr of 64-bit Linux and the buffers it points to:
 * name*(8) namelen(4) pad(4) iov*(8) iovlen(8) control*(8) controllen(8) flags(4) pad(4); iovec: base*(8) length(8);
 * cmsghdr: length(8) level(4) type(4) value
 */
function createReceiver(system: LinuxCalls, fd: number) {
  // One piece of memory: the pointers in it are unknown to the garbage collector, so nothing they point to may be on its own.
  const arena = Buffer.from(new ArrayBuffer(DATA_OFFSET + PACKET_BYTES_MAX));
  const base = system.addressOf(arena);
  arena.writeBigUInt64LE(base + BigInt(NAME_OFFSET), 0);
  arena.writeBigUInt64LE(base + BigInt(VECTOR_OFFSET), 16);
  arena.writeBigUInt64LE(1n, 24);
  arena.writeBigUInt64LE(base + BigInt(CONTROL_OFFSET), 32);
  arena.writeBigUInt64LE(base + BigInt(DATA_OFFSET), VECTOR_OFFSET);
  arena.writeBigUInt64LE(BigInt(PACKET_BYTES_MAX), VECTOR_OFFSET + 8);
  const control = arena.subarray(CONTROL_OFFSET, CONTROL_OFFSET + CONTROL_BYTES);
  return (): ReceivedSolicitation | number => {
    arena.writeUInt32LE(SOCKADDR_IN6_BYTES, 8);
    arena.writeBigUInt64LE(BigInt(CONTROL_BYTES), 40);
    const length = system.recvMessage(fd, arena);
    if (length < 0) return length;
    const hasHopLimit =
      arena.readBigUInt64LE(40) >= 20n && control.readInt32LE(8) === IPPROTO_IPV6 && control.readInt32LE(12) === IPV6_HOPLIMIT;
    return {
      bytes: Buffer.from(arena.subarray(DATA_OFFSET, DATA_OFFSET + length)),
      source: Buffer.from(arena.subarray(NAME_OFFSET, NAME_OFFSET + SOCKADDR_IN6_BYTES)),
      hopLimit: hasHopLimit ? control.readInt32LE(16) : undefined,
    };
  };
}

export const hasFullHopLimit = (packet: ReceivedSolicitation): boolean => packet.hopLimit === undefined || packet.hopLimit === HOP_LIMIT;

/** The source of a machine that has no address yet is all zeros: it is answered by multicast. */
export const hasSourceAddress = (packet: ReceivedSolicitation): boolean => packet.source.subarray(8, 24).some((byte) => byte !== 0);

/** Throws the system's error when the interface or the right (CAP_NET_RAW) is missing, or IPv6 is off. */
export function openSolicitationSocket(
  system: LinuxCalls,
  name: string,
  onPacket: (packet: ReceivedSolicitation) => void,
): SolicitationSocket {
  const interfaceIndex = system.interfaceIndex(name);
  const fd = system.socket(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6);
  let stopWatching: () => void;
  try {
    configure(system, fd, name, interfaceIndex);
    const receive = createReceiver(system, fd);
    stopWatching = system.watchReadable(fd, () => {
      for (let i = 0; i < PACKETS_PER_TURN_MAX; i += 1) {
        const packet = receive();
        if (typeof packet === 'number') return;
        onPacket(packet);
      }
    });
  } catch (error) {
    system.close(fd);
    throw error;
  }
  return { interfaceIndex, send: (bytes, destination) => system.sendTo(fd, bytes, destination), close: () => stopWatching() };
}
