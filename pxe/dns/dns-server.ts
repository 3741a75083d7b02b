import dgram from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import type { Clock } from '../../core/base/clock.ts';
import type { Logger } from '../../core/base/logger.ts';
import { isMalformed } from '../../core/base/malformed.ts';
import type { LeaseBook } from '../lease/lease-book.ts';
import type { BootCounters } from '../model/boot-counters.ts';
import type { ModelIndex } from '../model/model-index.ts';
import { DNS_CODE, decodeDnsQuery, encodeDnsAnswer } from './dns-message-codec.ts';
import { answerDns, dnsAddresses } from './dns-zone-policy.ts';

export interface DnsServerOptions {
  /** 53 */
  readonly port: number;
  readonly currentIndex: () => ModelIndex;
  readonly book: Pick<LeaseBook, 'table' | 'table6'>;
  readonly counters: BootCounters;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Names of machines over UDP and TCP, on our own addresses and no others: a resolver of this host keeps its own. */
export interface DnsServer {
  /** Follows the model's addresses. Never rejects; what cannot be opened is told once and tried again by the next call. */
  reconcile(): Promise<void>;
  listening(): readonly string[];
  stop(): void;
}

/** On one address, together: who keeps a connection open must not keep others out. */
const CONNECTIONS_MAX = 64;
const IDLE_MS = 5_000;
/** A question with its name, EDNS and a cookie or two. */
const QUERY_BYTES_MAX = 1024;

interface Listener {
  readonly udp: dgram.Socket;
  readonly tcp: Server;
}

function createAnswerer({ currentIndex, book, counters, clock, logger }: DnsServerOptions) {
  /** Undefined: no answer. */
  return (bytes: Buffer, transport: 'udp' | 'tcp'): Buffer | undefined => {
    counters.add(`dns.received.${transport}`);
    const query = decodeDnsQuery(bytes);
    if (isMalformed(query)) {
      counters.add('dns.drop.malformed');
      return undefined;
    }
    try {
      const answer = answerDns(query, { index: currentIndex(), leases: book.table, leases6: book.table6, nowMs: clock.nowMs() });
      counters.add(`dns.answered.${Object.entries(DNS_CODE).find(([, code]) => code === answer.code)?.[0] ?? answer.code}`);
      return encodeDnsAnswer(query, answer, transport);
    } catch (error) {
      counters.add('dns.drop.internal-error');
      logger.error({ err: error }, 'a DNS question was not answered because of a fault in the server');
      return undefined;
    }
  };
}

/** Two bytes of length before each message (RFC 1035 §4.2.2). */
function serveConnection(socket: Socket, answer: (bytes: Buffer, transport: 'tcp') => Buffer | undefined, counters: BootCounters): void {
  let waiting: Buffer = Buffer.alloc(0);
  socket.setTimeout(IDLE_MS, () => socket.destroy());
  socket.on('error', () => counters.add('dns.drop.reset'));
  socket.on('data', (bytes: Buffer) => {
    waiting = Buffer.concat([waiting, bytes]);
    while (waiting.length >= 2) {
      const length = waiting.readUInt16BE(0);
      if (length > QUERY_BYTES_MAX) {
        counters.add('dns.drop.too-long');
        return socket.destroy();
      }
      if (waiting.length < 2 + length) return;
      const reply = answer(waiting.subarray(2, 2 + length), 'tcp');
      waiting = waiting.subarray(2 + length);
      if (reply === undefined) return socket.destroy();
      const head = Buffer.alloc(2);
      head.writeUInt16BE(reply.length);
      socket.write(Buffer.concat([head, reply]));
    }
  });
}

async function openListener(address: string, options: DnsServerOptions): Promise<Listener> {
  const { counters, port, logger } = options;
  const answer = createAnswerer(options);
  const udp = dgram.createSocket({ type: address.includes(':') ? 'udp6' : 'udp4' });
  const tcp = createServer((socket) => serveConnection(socket, answer, counters));
  tcp.maxConnections = CONNECTIONS_MAX;
  tcp.on('drop', () => counters.add('dns.drop.busy'));
  udp.on('message', (bytes, from) => {
    const reply = answer(bytes, 'udp');
    // Who cannot be reached asks again.
    if (reply) udp.send(reply, from.port, from.address, () => {});
  });
  try {
    const listening = once(udp, 'listening');
    udp.bind(port, address);
    await listening;
    const accepting = once(tcp, 'listening');
    tcp.listen(port, address);
    await accepting;
  } catch (error) {
    udp.close();
    tcp.close();
    throw error;
  }
  udp.on('error', (error) => logger.error({ err: error, address }, 'the DNS socket reported an error'));
  return { udp, tcp };
}

export function startDnsServer(options: DnsServerOptions): DnsServer {
  const { counters, logger, port } = options;
  const listeners = new Map<string, Listener>();
  const complained = new Set<string>();
  let isStopped = false;
  const close = (address: string) => {
    listeners.get(address)?.udp.close();
    listeners.get(address)?.tcp.close();
    listeners.delete(address);
  };
  const open = async (address: string) => {
    try {
      listeners.set(address, await openListener(address, options));
      complained.delete(address);
      logger.info({ address, port }, 'DNS listens');
      if (isStopped) close(address);
    } catch (error) {
      counters.add('dns.listen-failed');
      if (!complained.has(address))
        logger.error({ err: error, address, port }, 'DNS cannot listen here; it is tried again every few seconds');
      complained.add(address);
    }
  };
  return {
    async reconcile() {
      const wanted = new Set(dnsAddresses(options.currentIndex()));
      for (const address of listeners.keys()) if (!wanted.has(address)) close(address);
      for (const address of wanted) if (!listeners.has(address) && !isStopped) await open(address);
    },
    listening: () => [...listeners.keys()],
    stop() {
      isStopped = true;
      for (const address of [...listeners.keys()]) close(address);
    },
  };
}
