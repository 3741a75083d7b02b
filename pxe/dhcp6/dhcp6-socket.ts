import dgram from 'node:dgram';
import { once } from 'node:events';
import { networkInterfaces } from 'node:os';
import type { BootCounters } from '../model/boot-counters.ts';

/** One request, and where it came from. */
export interface Dhcp6Arrival {
  readonly bytes: Buffer;
  /** As the system writes it, with the zone of a link-local address: `fe80::1%boot0`. */
  readonly from: string;
}

/** All of DHCPv6 goes over one socket: the zone of the sender's address tells the interface, without any call of the system. */
export interface Dhcp6Socket {
  /** Hears the multicast groups on these interfaces and no others; those that have no IPv6 address yet are for the next call. */
  join(interfaces: ReadonlySet<string>): void;
  /** Interfaces on which clients are heard. */
  joined(): readonly string[];
  send(bytes: Buffer, address: string, port: number): void;
  close(): void;
}

/** RFC 8415 §7.1: what clients send to, and what relays send to when they know no server. */
const GROUPS = ['ff02::1:2', 'ff05::1:3'] as const;
/** A rack that powers on at once. */
const RECEIVE_BUFFER_BYTES = 1 << 20;

/** The interface's number, once it has a link-local address to answer from. */
const indexOf = (name: string): number | undefined =>
  networkInterfaces()[name]?.find((one) => one.family === 'IPv6' && one.address.startsWith('fe80:'))?.scopeid;

export interface Dhcp6SocketOptions {
  readonly port: number;
  readonly counters: BootCounters;
  readonly onArrivals: (arrivals: readonly Dhcp6Arrival[]) => void;
  readonly onSendFailure: (address: string, error: NodeJS.ErrnoException) => void;
  readonly onError: (error: Error) => void;
}

/** Rejects when the port is taken or the host has no IPv6. */
export async function openDhcp6Socket(options: Dhcp6SocketOptions): Promise<Dhcp6Socket> {
  const socket = dgram.createSocket({ type: 'udp6', ipv6Only: true, reuseAddr: true });
  try {
    const listening = once(socket, 'listening');
    socket.bind(options.port);
    await listening;
    socket.setRecvBufferSize(RECEIVE_BUFFER_BYTES);
  } catch (error) {
    socket.close();
    throw error;
  }
  const members = new Map<string, number>();
  let isClosed = false;
  // What came in during one turn of the event loop is one group: its leases share one sync.
  let waiting: Dhcp6Arrival[] = [];
  socket.on('message', (bytes, { address }) => {
    waiting.push({ bytes, from: address });
    if (waiting.length > 1) return;
    setImmediate(() => {
      const group = waiting;
      waiting = [];
      if (!isClosed) options.onArrivals(group);
    });
  });
  socket.on('error', options.onError);
  const change = (verb: 'addMembership' | 'dropMembership', name: string): boolean => {
    try {
      for (const group of GROUPS) socket[verb](group, `::%${name}`);
      return true;
    } catch {
      // An interface that went away took its memberships along; one that is not ready is tried again.
      options.counters.add(verb === 'addMembership' ? 'dhcp6.listen-failed' : 'dhcp6.interface-gone');
      return false;
    }
  };
  return {
    joined: () => [...members.keys()],
    join(interfaces) {
      for (const [name, index] of members)
        if (!interfaces.has(name) || indexOf(name) !== index) {
          members.delete(name);
          change('dropMembership', name);
        }
      for (const name of interfaces) {
        const index = indexOf(name);
        if (index !== undefined && !members.has(name) && change('addMembership', name)) members.set(name, index);
      }
    },
    send(bytes, address, port) {
      if (isClosed) return;
      socket.send(bytes, port, address, (error) => {
        if (error && !isClosed) options.onSendFailure(address, error);
      });
    },
    close() {
      if (isClosed) return;
      isClosed = true;
      socket.close();
    },
  };
}
