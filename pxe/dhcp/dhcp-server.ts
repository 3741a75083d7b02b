import type dgram from 'node:dgram';
import type { Clock } from '../../core/base/clock.ts';
import { ipv4FromNumber } from '../../core/base/ipv4-address.ts';
import type { Logger } from '../../core/base/logger.ts';
import { isMalformed } from '../../core/base/malformed.ts';
import type { RecordEvent } from '../../core/base/machine-event.ts';
import type { LeaseBook } from '../lease/lease-book.ts';
import type { BootCounters } from '../model/boot-counters.ts';
import type { EventGate } from '../model/event-gate.ts';
import type { ModelIndex } from '../model/model-index.ts';
import type { FrameSender } from '../socket/frame-sender.ts';
import type { LinuxCalls } from '../../core/base/linux-calls.ts';
import { createDhcpEvents } from './dhcp-events.ts';
import { decodeDhcpMessage } from './dhcp-message-codec.ts';
import { answerDhcp } from './dhcp-policy.ts';
import { createDhcpSender } from './dhcp-sender.ts';
import { type DhcpListen, openDhcpSocket } from './dhcp-socket.ts';

export interface DhcpServerOptions {
  /** 67; clients are reached on the next port, relays on this one. */
  readonly port: number;
  readonly httpPort: () => number;
  readonly currentIndex: () => ModelIndex;
  readonly book: LeaseBook;
  readonly system: LinuxCalls | undefined;
  readonly frames: FrameSender | undefined;
  readonly counters: BootCounters;
  readonly recordEvent: RecordEvent;
  readonly gate: EventGate;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** One socket and what it is for. `interface` is unknown for routed packets, and everywhere without `system`. */
export interface DhcpListener {
  readonly listen: DhcpListen;
  readonly socket: dgram.Socket;
  readonly interface: string | undefined;
  /** An interface that was made anew has the old name and another index: the socket then hears nothing. */
  readonly interfaceIndex: number;
}

export interface DhcpServer {
  /** Opens and closes sockets until they match the model. Never rejects: what cannot be opened is told, and tried again by the next call. */
  reconcile(): Promise<void>;
  listening(): readonly DhcpListen[];
  stop(): Promise<void>;
}

const ALL_INTERFACES: DhcpListen = { kind: 'address', address: '0.0.0.0' };

const listenKey = (listen: DhcpListen): string =>
  listen.kind === 'interface' ? `interface ${listen.interface}` : `address ${listen.address}`;

/** One socket for each interface; one for each address that only relays and routers reach. */
function wantedListeners(index: ModelIndex, system: LinuxCalls | undefined): Map<string, DhcpListen> {
  const wanted = index.subnets.map(({ subnet }): DhcpListen => {
    if (!system) return ALL_INTERFACES;
    return subnet.interface ? { kind: 'interface', interface: subnet.interface } : { kind: 'address', address: subnet.serverAddress };
  });
  return new Map(wanted.map((listen) => [listenKey(listen), listen]));
}

/** Answers one packet after the other; the sockets are `startDhcpServer`'s. */
function createPacketHandler(options: DhcpServerOptions, isStopped: () => boolean) {
  const { counters, clock, book } = options;
  const events = createDhcpEvents(options);
  const send = createDhcpSender({ ...options, events });

  const interfaceOf = (listener: DhcpListener): string | undefined => {
    if (listener.interface !== undefined || options.system) return listener.interface;
    // Plain Node cannot tell: right where the model has one interface, a guess nowhere.
    const names = new Set(
      options
        .currentIndex()
        .subnets.map((s) => s.subnet.interface)
        .filter((n) => n !== undefined),
    );
    return names.size === 1 ? [...names][0] : undefined;
  };

  return async (listener: DhcpListener, bytes: Buffer, from: dgram.RemoteInfo): Promise<void> => {
    counters.add('dhcp.received');
    const request = decodeDhcpMessage(bytes);
    if (isMalformed(request)) return events.malformed(from.address, request.reason, request.offset);
    const decision = answerDhcp(request, {
      index: options.currentIndex(),
      leases: book.table,
      interface: interfaceOf(listener),
      httpPort: options.httpPort(),
      nowMs: clock.nowMs(),
    });
    const via = request.giaddr === 0 ? listenKey(listener.listen) : `relay ${ipv4FromNumber(request.giaddr)}`;
    if (decision.kind === 'reply' && decision.hold !== undefined) book.table.hold(decision.hold, decision.facts.mac, clock.nowMs());
    if (decision.kind === 'silence' && decision.exhausted) book.table.noteExhausted(decision.exhausted, clock.nowMs());
    if (decision.kind === 'silence' && decision.dropOffer !== undefined && decision.facts)
      book.table.dropOffer(decision.dropOffer, decision.facts.mac);
    if (decision.leases.length > 0) {
      try {
        await book.write(decision.leases);
      } catch (error) {
        return events.journalFailure(decision, error as NodeJS.ErrnoException);
      }
    }
    if (decision.kind === 'silence') return events.silence(decision, request.xid, via);
    if (isStopped()) return counters.add('dhcp.drop.stopping');
    send(listener, decision);
    events.reply(decision, request.xid, via);
  };
}

export function startDhcpServer(options: DhcpServerOptions): DhcpServer {
  const { counters, logger } = options;
  const listeners = new Map<string, DhcpListener>();
  const complained = new Set<string>();
  let stopped = false;
  let reconciling = Promise.resolve();
  const receive = createPacketHandler(options, () => stopped);

  const indexOf = (listen: DhcpListen): number =>
    options.system && listen.kind === 'interface' ? options.system.interfaceIndex(listen.interface) : 0;

  const open = async (key: string, listen: DhcpListen) => {
    try {
      const socket = await openDhcpSocket(options.system, listen, options.port);
      const listener: DhcpListener = {
        listen,
        socket,
        interface: listen.kind === 'interface' ? listen.interface : undefined,
        interfaceIndex: indexOf(listen),
      };
      if (stopped) return void socket.close();
      listeners.set(key, listener);
      complained.delete(key);
      const drop = () => {
        if (listeners.get(key) === listener) listeners.delete(key);
      };
      socket.on('error', (error) => {
        logger.warn({ err: error, listen: key }, 'a DHCP socket failed; it is opened again');
        drop();
        socket.close();
      });
      socket.on('message', (bytes, from) => {
        receive(listener, bytes, from).catch((error: unknown) => {
          counters.add('dhcp.drop.internal-error');
          logger.error({ err: error }, 'a DHCP packet was not answered because of a fault in the server');
        });
      });
      logger.info({ listen: key, port: options.port }, 'DHCP listens');
    } catch (error) {
      counters.add('dhcp.listen-failed');
      if (complained.has(key)) return;
      complained.add(key);
      logger.error({ err: error, listen: key, port: options.port }, `DHCP cannot listen on ${key}; it is tried again every few seconds`);
    }
  };

  const reconcile = async (): Promise<void> => {
    const wanted = wantedListeners(options.currentIndex(), options.system);
    for (const [key, listener] of listeners) {
      if (wanted.has(key) && listener.interfaceIndex === indexOf(listener.listen)) continue;
      listeners.delete(key);
      listener.socket.close();
    }
    for (const [key, listen] of wanted) if (!listeners.has(key) && !stopped) await open(key, listen);
  };

  return {
    listening: () => [...listeners.values()].map((l) => l.listen),
    reconcile() {
      // One after the other: two at once would open a socket twice.
      reconciling = reconciling.then(reconcile);
      return reconciling;
    },
    async stop() {
      stopped = true;
      for (const { socket } of listeners.values()) socket.close();
      listeners.clear();
    },
  };
}
