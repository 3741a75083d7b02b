import dgram from 'node:dgram';
import { once } from 'node:events';
import { type LinuxCalls } from '../../core/base/linux-calls.ts';

/** Where a DHCP socket listens. A broadcast sent on an `interface` socket leaves by that interface, with no route needed. */
export type DhcpListen =
  | { readonly kind: 'interface'; readonly interface: string }
  /** For relayed and routed packets, which come to an address of ours by any interface. */
  | { readonly kind: 'address'; readonly address: string };

const AF_INET = 2;
const SOCK_DGRAM = 2;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const SO_BROADCAST = 6;
const SO_BINDTODEVICE = 25;
const ENABLED = Buffer.from([1, 0, 0, 0]);
/** A rack that powers on at once sends thousands of packets before the first is read. */
const RECEIVE_BUFFER_BYTES = 4 << 20;

/** struct sockaddr_in: family(2) port(2, network order) address(4) zero(8) */
function anyAddress(port: number): Buffer {
  const address = Buffer.alloc(16);
  address.writeUInt16LE(AF_INET, 0);
  address.writeUInt16BE(port, 2);
  return address;
}

function openInterfaceDescriptor(system: LinuxCalls, name: string, port: number): number {
  const fd = system.socket(AF_INET, SOCK_DGRAM, 0);
  try {
    system.setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, ENABLED);
    system.setsockopt(fd, SOL_SOCKET, SO_BROADCAST, ENABLED);
    system.setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, Buffer.from(`${name}\0`));
    system.bind(fd, anyAddress(port));
    return fd;
  } catch (error) {
    system.close(fd);
    throw error;
  }
}

/** Rejects with the system's error when the interface is missing, the port taken or the right is lacking. */
export async function openDhcpSocket(system: LinuxCalls | undefined, listen: DhcpListen, port: number): Promise<dgram.Socket> {
  const socket = dgram.createSocket({ type: 'udp4', reuseAddr: true });
  // Asked for first: a descriptor that is bound already makes the event at once.
  const listening = once(socket, 'listening');
  listening.catch(() => {});
  try {
    if (system && listen.kind === 'interface') socket.bind({ fd: openInterfaceDescriptor(system, listen.interface, port) });
    else if (listen.kind === 'address') socket.bind(port, listen.address);
    else socket.bind(port);
    await listening;
  } catch (error) {
    socket.close();
    throw error;
  }
  if (!system || listen.kind === 'address') socket.setBroadcast(true);
  try {
    socket.setRecvBufferSize(RECEIVE_BUFFER_BYTES);
  } catch {
    // The kernel's limit stands; drops then show in the interface's own counters.
  }
  return socket;
}
