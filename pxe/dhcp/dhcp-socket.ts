import dgram from 'node:dgram';
import { once } from 'node:events';
import { getSystemErrorName } from 'node:util';
import { ipv4FromNumber, ipv4ToNumber } from '../../core/base/ipv4-address.ts';
import type { LinuxCalls } from '../../core/base/linux-calls.ts';
import { createDatagramSender, type DatagramReceiver, writeInetName } from '../socket/datagram-arena.ts';

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
const SO_RCVBUF = 8;
const SO_BINDTODEVICE = 25;
const SO_RCVBUFFORCE = 33;
const ENABLED = Buffer.from([1, 0, 0, 0]);
/** A rack that powers on at once sends thousands of packets before the first is read. */
const RECEIVE_BUFFER_BYTES = 4 << 20;

export interface DhcpPacket {
  readonly bytes: Buffer;
  /** IPv4 address of whoever sent it. */
  readonly from: number;
  readonly fromPort: number;
}

/** A socket that takes packets in and sends them in groups. */
export interface DhcpChannel {
  send(bytes: Buffer, address: number, port: number): void;
  /** Nothing is sent for certain before. */
  flush(): void;
  close(): void;
}

export interface DhcpChannelEvents {
  /** `behind`: more packets wait than were taken in at once. The packets' memory is used again after the call. */
  onPackets(packets: readonly DhcpPacket[], behind: boolean): void;
  onSendFailure(address: string, error: NodeJS.ErrnoException): void;
  /** The channel is of no use any more. */
  onError(error: Error): void;
}

/** Replies are at most as long as a datagram that need not be cut to pieces. */
const REPLY_BYTES_MAX = 1500;
const SEND_SLOTS = 64;

const sockaddr = (address: number, port: number): Buffer => {
  const name = Buffer.alloc(16);
  writeInetName(name, address, port);
  return name;
};

function openDescriptor(system: LinuxCalls, listen: DhcpListen, port: number): number {
  const fd = system.socket(AF_INET, SOCK_DGRAM, 0);
  try {
    system.setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, ENABLED);
    system.setsockopt(fd, SOL_SOCKET, SO_BROADCAST, ENABLED);
    if (listen.kind === 'interface') system.setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, Buffer.from(`${listen.interface}\0`));
    setReceiveBuffer(system, fd);
    system.bind(fd, sockaddr(listen.kind === 'interface' ? 0 : ipv4ToNumber(listen.address)!, port));
    return fd;
  } catch (error) {
    system.close(fd);
    throw error;
  }
}

/** Past the administrator's limit where we may (CAP_NET_ADMIN), else up to it. */
function setReceiveBuffer(system: LinuxCalls, fd: number): void {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(RECEIVE_BUFFER_BYTES);
  try {
    system.setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, bytes);
  } catch {
    system.setsockopt(fd, SOL_SOCKET, SO_RCVBUF, bytes);
  }
}

/** Many packets with one system call. Throws the system's error when the interface is missing, the port taken or the right lacking. */
export function openBatchChannel(
  system: LinuxCalls,
  receiver: DatagramReceiver,
  listen: DhcpListen,
  port: number,
  events: DhcpChannelEvents,
): DhcpChannel {
  const fd = openDescriptor(system, listen, port);
  const sender = createDatagramSender(system, fd, {
    slots: SEND_SLOTS,
    slotBytes: REPLY_BYTES_MAX,
    nameBytes: 16,
    onFailure: (name, errno) => events.onSendFailure(ipv4FromNumber(name.readUInt32BE(4)), errnoError(errno)),
  });
  const close = system.watchReadable(fd, () => {
    for (;;) {
      const count = receiver.receive(fd);
      if (count === 0) return;
      const packets = Array.from({ length: count }, (_, slot) => ({
        bytes: receiver.bytes(slot),
        from: receiver.address(slot),
        fromPort: receiver.port(slot),
      }));
      events.onPackets(packets, count === receiver.slots);
      if (count < receiver.slots) return;
    }
  });
  return {
    send(bytes, address, toPort) {
      bytes.copy(sender.slot());
      sender.queue(bytes.length, (name) => writeInetName(name, address, toPort));
    },
    flush: () => sender.flush(),
    close,
  };
}

const errnoError = (errno: number): NodeJS.ErrnoException => {
  const code = getSystemErrorName(-errno);
  return Object.assign(new Error(`sendmmsg failed: ${code}`), { code, errno: -errno });
};

/** What plain Node can do. Rejects as `openBatchChannel` throws; of an interface it knows nothing. */
export async function openPlainChannel(listen: DhcpListen, port: number, events: DhcpChannelEvents): Promise<DhcpChannel> {
  const socket = dgram.createSocket({ type: 'udp4', reuseAddr: true });
  try {
    const listening = once(socket, 'listening');
    if (listen.kind === 'address') socket.bind(port, listen.address);
    else socket.bind(port);
    await listening;
  } catch (error) {
    socket.close();
    throw error;
  }
  socket.setBroadcast(true);
  try {
    socket.setRecvBufferSize(RECEIVE_BUFFER_BYTES);
  } catch {
    // The kernel's limit stands; drops then show in the interface's own counters.
  }
  let closed = false;
  // What came in during one turn of the event loop is one group: its REQUESTs are answered first, its leases share one sync.
  let waiting: DhcpPacket[] = [];
  socket.on('message', (bytes, from) => {
    waiting.push({ bytes, from: ipv4ToNumber(from.address) ?? 0, fromPort: from.port });
    if (waiting.length > 1) return;
    setImmediate(() => {
      const group = waiting;
      waiting = [];
      if (!closed) events.onPackets(group, false);
    });
  });
  socket.on('error', (error) => events.onError(error));
  return {
    send(bytes, address, toPort) {
      if (closed) return;
      const text = ipv4FromNumber(address);
      socket.send(bytes, toPort, text, (error) => {
        if (error && !closed) events.onSendFailure(text, error);
      });
    },
    flush: () => {},
    close() {
      if (closed) return;
      closed = true;
      socket.close();
    },
  };
}
