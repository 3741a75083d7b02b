import { createSocket, type Socket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { isIPv6 } from 'node:net';
import type { Logger } from '../../core/base/logger.ts';
import { isMalformed } from '../../core/base/malformed.ts';
import { decodeRmcp, encodeRmcp } from './rmcp-codec.ts';

/**
 * One UDP socket (per address family) for all BMCs. Packets are handed out by the sender's address and port, so that a
 * BMC can only ever answer for itself; each listener then checks session id, tag or sequence number.
 */
export interface Lane {
  readonly host: string;
  readonly port: number;
  /** Sends an IPMI body; the RMCP header is added here. */
  send(body: Buffer): void;
  /** Answers the function that ends the subscription. */
  onPacket(listener: (body: Buffer) => void): () => void;
  close(): void;
}

export interface IpmiTransport {
  openLane(host: string, port: number): Promise<Lane>;
  readonly counters: TransportCounters;
  close(): Promise<void>;
}

export interface TransportCounters {
  sent: number;
  sendErrors: number;
  received: number;
  malformed: number;
  /** From an address that no lane talks to. */
  strangers: number;
}

/** Room for the answers of some thousand BMCs that come within one turn of the event loop; the kernel may grant less. */
const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024;

export function createIpmiTransport(logger: Logger): IpmiTransport {
  const counters: TransportCounters = { sent: 0, sendErrors: 0, received: 0, malformed: 0, strangers: 0 };
  const listeners = new Map<string, Set<(body: Buffer) => void>>();
  const sockets = new Map<'udp4' | 'udp6', Promise<Socket>>();
  let closed = false;

  const receive = (bytes: Buffer, from: { address: string; port: number }) => {
    counters.received += 1;
    const lane = listeners.get(`${from.address} ${from.port}`);
    if (!lane) return void (counters.strangers += 1);
    const packet = decodeRmcp(bytes);
    if (isMalformed(packet)) return void (counters.malformed += 1);
    if (packet.kind === 'ipmi') for (const listener of lane) listener(packet.body);
  };

  const openSocket = (family: 'udp4' | 'udp6') =>
    new Promise<Socket>((resolve, reject) => {
      const socket = createSocket({ type: family, recvBufferSize: RECEIVE_BUFFER_BYTES });
      socket.on('message', receive);
      socket.once('error', reject);
      socket.bind(0, () => {
        socket.off('error', reject);
        socket.on('error', (error) => logger.warn({ error: error.message }, 'IPMI socket reported an error'));
        resolve(socket);
      });
    });

  const socketFor = (family: 'udp4' | 'udp6') => {
    const known = sockets.get(family) ?? openSocket(family);
    sockets.set(family, known);
    return known;
  };

  return {
    counters,
    async openLane(host, port) {
      const { address } = await lookup(host);
      const socket = await socketFor(isIPv6(address) ? 'udp6' : 'udp4');
      const key = `${address} ${port}`;
      const mine = new Set<(body: Buffer) => void>();
      const subscribe = (listener: (body: Buffer) => void) => {
        const all = listeners.get(key) ?? new Set();
        listeners.set(key, all.add(listener));
        mine.add(listener);
      };
      const unsubscribe = (listener: (body: Buffer) => void) => {
        mine.delete(listener);
        listeners.get(key)?.delete(listener);
        if (listeners.get(key)?.size === 0) listeners.delete(key);
      };
      return {
        host,
        port,
        send(body) {
          // A console's last retransmission may come after the process has begun to stop.
          if (closed) return;
          counters.sent += 1;
          socket.send(encodeRmcp('ipmi', body), port, address, (error) => {
            if (error) counters.sendErrors += 1;
          });
        },
        onPacket(listener) {
          subscribe(listener);
          return () => unsubscribe(listener);
        },
        close: () => mine.forEach(unsubscribe),
      };
    },
    async close() {
      closed = true;
      const open = await Promise.allSettled(sockets.values());
      sockets.clear();
      await Promise.all(
        open.map((each) => each.status === 'fulfilled' && new Promise<void>((resolve) => each.value.close(() => resolve()))),
      );
    },
  };
}
