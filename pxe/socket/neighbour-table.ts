import { parseIp } from '../../core/base/ip-address.ts';
import type { LinuxCalls } from '../../core/base/linux-calls.ts';
import { type MacAddress, macAddressFromBytes } from '../../core/base/mac-address.ts';

/** Asks the kernel's neighbour table for one IPv6 address on one interface (rtnetlink(7), RTM_GETNEIGH; Linux 5.0 and later). */
export interface NeighbourTable {
  /** Undefined when the kernel does not know, or not yet. */
  macOf(address: string, interfaceName: string): MacAddress | undefined;
  close(): void;
}

const AF_INET6 = 10;
const AF_NETLINK = 16;
const SOCK_RAW = 3;
const NETLINK_ROUTE = 0;
const RTM_NEWNEIGH = 28;
const RTM_GETNEIGH = 30;
const NLM_F_REQUEST = 1;
const NDA_DST = 1;
const NDA_LLADDR = 2;
/** struct nlmsghdr(16): length type flags sequence port; struct ndmsg(12): family pad pad ifindex state flags type. */
const ATTRIBUTES = 28;
const REQUEST_BYTES = ATTRIBUTES + 20;
const ANSWER_BYTES_MAX = 512;

function requestFor(interfaceIndex: number, address: bigint): Buffer {
  const request = Buffer.alloc(REQUEST_BYTES);
  request.writeUInt32LE(REQUEST_BYTES, 0);
  request.writeUInt16LE(RTM_GETNEIGH, 4);
  request.writeUInt16LE(NLM_F_REQUEST, 6);
  request[16] = AF_INET6;
  request.writeInt32LE(interfaceIndex, 20);
  request.writeUInt16LE(20, ATTRIBUTES);
  request.writeUInt16LE(NDA_DST, ATTRIBUTES + 2);
  Buffer.from(address.toString(16).padStart(32, '0'), 'hex').copy(request, ATTRIBUTES + 4);
  return request;
}

function macIn(answer: Buffer): MacAddress | undefined {
  if (answer.length < ATTRIBUTES || answer.readUInt16LE(4) !== RTM_NEWNEIGH) return undefined;
  for (let at = ATTRIBUTES; at + 4 <= answer.length;) {
    const length = answer.readUInt16LE(at);
    if (length < 4 || at + length > answer.length) return undefined;
    if (answer.readUInt16LE(at + 2) === NDA_LLADDR && length === 10) return macAddressFromBytes(answer.subarray(at + 4, at + 10));
    at += (length + 3) & ~3;
  }
  return undefined;
}

/** Throws the system's error where netlink is forbidden. */
export function openNeighbourTable(system: LinuxCalls): NeighbourTable {
  const fd = system.socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
  const kernel = Buffer.alloc(12);
  kernel.writeUInt16LE(AF_NETLINK, 0);
  const answer = Buffer.from(new ArrayBuffer(ANSWER_BYTES_MAX));
  return {
    macOf(address, interfaceName) {
      const ip = parseIp(address);
      const index = system.interfaceIndex(interfaceName);
      if (ip?.version !== 6 || index === 0) return undefined;
      // The kernel answers within the call, so nothing need be waited for.
      if (system.sendTo(fd, requestFor(index, ip.value), kernel) < 0) return undefined;
      const length = system.read(fd, answer);
      return length < 0 ? undefined : macIn(answer.subarray(0, length));
    },
    close: () => system.close(fd),
  };
}
