import type { Clock } from '../../../core/base/clock.ts';
import { isMalformed } from '../../../core/base/malformed.ts';
import { addressOf, libc } from '../linux/libc.ts';
import { decodeLldp, type LldpNeighbour } from './lldp-codec.ts';

/** One packet socket for all NICs: frames of type 0x88cc with the index of the interface that they came in on (packet(7)). */
const AF_PACKET = 17;
const SOCK_RAW_NONBLOCK = 3 | 0o4000;
const ETHERTYPE_LLDP_NETWORK_ORDER = 0xcc88;
const SOL_PACKET = 263;
const PACKET_ADD_MEMBERSHIP = 1;
const PACKET_MR_MULTICAST = 0;
/** Nearest bridge, nearest non-TPMR bridge, nearest customer bridge (802.1AB, table 7-1). */
const LLDP_GROUPS = ['0180c200000e', '0180c2000003', '0180c2000000'];
const FRAME_BYTES_MAX = 9216;
const POLL_MS = 50;

export interface ListeningNic {
  readonly name: string;
  readonly index: number;
}

function openSocket(nics: readonly ListeningNic[]): number {
  const fd = libc.socket(AF_PACKET, SOCK_RAW_NONBLOCK, ETHERTYPE_LLDP_NETWORK_ORDER);
  for (const nic of fd < 0 ? [] : nics) {
    for (const group of LLDP_GROUPS) {
      const membership = Buffer.alloc(16);
      membership.writeInt32LE(nic.index, 0);
      membership.writeUInt16LE(PACKET_MR_MULTICAST, 4);
      membership.writeUInt16LE(6, 6);
      membership.write(group, 8, 'hex');
      libc.setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, addressOf(membership), membership.length);
    }
  }
  return fd;
}

/** Listens until every NIC has a neighbour or the time is over. */
export async function listenForNeighbours(
  nics: readonly ListeningNic[],
  limitMs: number,
  clock: Clock,
): Promise<Map<string, LldpNeighbour>> {
  const found = new Map<string, LldpNeighbour>();
  const fd = nics.length > 0 ? openSocket(nics) : -1;
  if (fd < 0) return found;
  const frame = Buffer.alloc(FRAME_BYTES_MAX);
  const address = Buffer.alloc(20);
  const addressLength = Buffer.alloc(4);
  try {
    for (const endMs = clock.nowMs() + limitMs; clock.nowMs() < endMs && found.size < nics.length; await clock.sleep(POLL_MS)) {
      for (;;) {
        addressLength.writeUInt32LE(address.length);
        const length = Number(libc.recvfrom(fd, addressOf(frame), BigInt(frame.length), 0, addressOf(address), addressOf(addressLength)));
        if (length < 0) break;
        // sockaddr_ll: family u16, protocol u16, interface index i32.
        const nic = nics.find((one) => one.index === address.readInt32LE(4));
        const neighbour = decodeLldp(Buffer.from(frame.subarray(0, length)));
        if (nic && !isMalformed(neighbour)) found.set(nic.name, neighbour);
      }
    }
  } finally {
    libc.close(fd);
  }
  return found;
}
