import type { Clock } from '../../core/base/clock.ts';
import { ipv4FromNumber } from '../../core/base/ipv4-address.ts';
import type { Logger } from '../../core/base/logger.ts';
import { isMalformed } from '../../core/base/malformed.ts';
import type { RecordEvent } from '../../core/base/machine-event.ts';
import type { LeaseBook, LeaseGroup } from '../lease/lease-book.ts';
import type { BootCounters } from '../model/boot-counters.ts';
import type { EventGate } from '../model/event-gate.ts';
import { type AnswerBook, noteAnswer } from '../sharing/answer-book.ts';
import type { ModelIndex } from '../model/model-index.ts';
import type { FrameSender } from '../socket/frame-sender.ts';
import type { LinuxCalls } from '../../core/base/linux-calls.ts';
import { createDhcpEvents } from './dhcp-events.ts';
import { answerLeaseQuery, isLeaseQuery } from './lease-query-policy.ts';
import { type DhcpMessage, decodeDhcpMessage, encodeDhcpMessage } from './dhcp-message-codec.ts';
import { MESSAGE_TYPE, OPTION } from './dhcp-option-codec.ts';
import type { DhcpReply, DhcpSilence } from './dhcp-exchange.ts';
import { answerDhcp } from './dhcp-policy.ts';
import { createOfferProbing } from './offer-probing.ts';
import type { AddressProber } from '../conflict/address-prober.ts';
import { createDhcpSender, type DhcpDelivery, encodeReply } from './dhcp-sender.ts';
import {
  type DhcpChannel,
  type DhcpChannelEvents,
  type DhcpListen,
  type DhcpPacket,
  openBatchChannel,
  openPlainChannel,
} from './dhcp-socket.ts';
import { createDatagramReceiver } from '../socket/datagram-arena.ts';

export interface DhcpServerOptions {
  /** 67; clients are reached on the next port, relays on this one. */
  readonly port: number;
  /** 4011: where PXE clients ask a proxy. */
  readonly proxyPort: number;
  readonly httpPort: () => number;
  readonly currentIndex: () => ModelIndex;
  readonly book: LeaseBook;
  readonly answers: AnswerBook | undefined;
  readonly system: LinuxCalls | undefined;
  readonly frames: FrameSender | undefined;
  readonly prober: AddressProber | undefined;
  readonly counters: BootCounters;
  readonly recordEvent: RecordEvent;
  readonly gate: EventGate;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** One socket and what it is for. `interface` is unknown for routed packets, and everywhere without `system`. */
export interface DhcpListener {
  /** `listen` and `port` as one string. */
  readonly key: string;
  readonly listen: DhcpListen;
  readonly port: number;
  readonly channel: DhcpChannel;
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

/** Taken in at once; when as many came, more wait, and the server is behind. Their answers take some 30 ms. */
const GROUP_PACKETS_MAX = 1024;
/** Longer requests are cut, and then malformed: firmware sends no fragments. */
const PACKET_BYTES_MAX = 1536;

/** Relays take what an Ethernet frame holds. */
const LEASE_ANSWER_BYTES_MAX = 1472;

const ALL_INTERFACES: DhcpListen = { kind: 'address', address: '0.0.0.0' };

type Wanted = Pick<DhcpListener, 'key' | 'listen' | 'port'>;

const want = (listen: DhcpListen, port: number, isProxy: boolean): Wanted => ({
  key: `${listen.kind === 'interface' ? `interface ${listen.interface}` : `address ${listen.address}`}${isProxy ? ` port ${port}` : ''}`,
  listen,
  port,
});

/** One socket for each interface; one for each address that only relays and routers reach; for proxies one more. */
function wantedListeners({ currentIndex, system, port, proxyPort }: DhcpServerOptions): Map<string, Wanted> {
  const wanted = currentIndex().subnets.flatMap(({ subnet }): Wanted[] => {
    const { serverAddress: address, interface: name, proxy } = subnet;
    const listen: DhcpListen = !system ? ALL_INTERFACES : name ? { kind: 'interface', interface: name } : { kind: 'address', address };
    return proxy === undefined ? [want(listen, port, false)] : [want(listen, port, false), want(listen, proxyPort, true)];
  });
  return new Map(wanted.map((one) => [one.key, one]));
}

/** A client that gets no OFFER asks again in some seconds; one whose REQUEST is lost has waited in vain. */
const isDiscover = (request: DhcpMessage): boolean => request.options.get(OPTION.messageType)?.[0] === MESSAGE_TYPE.discover;

interface Arrived {
  readonly request: DhcpMessage;
  readonly packet: DhcpPacket;
}

interface DecidedReply {
  readonly decision: DhcpReply | DhcpSilence;
  readonly xid: number;
  readonly via: string;
  readonly delivery: DhcpDelivery | undefined;
}

/** Answers packets in groups; the sockets are `startDhcpServer`'s, or whoever's who brings packets without any. */
export function createPacketHandler(options: Omit<DhcpServerOptions, 'proxyPort'>, isOpen: (listener: DhcpListener) => boolean) {
  const { counters, clock, book } = options;
  const events = createDhcpEvents(options);
  const sender = createDhcpSender(options);
  const probing = createOfferProbing({ ...options, events });

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

  const decide = (listener: DhcpListener, { request, packet }: Arrived, nowMs: number): DecidedReply => {
    const decision = answerDhcp(request, {
      index: options.currentIndex(),
      leases: book.table,
      interface: interfaceOf(listener),
      httpPort: options.httpPort(),
      nowMs,
      answers: options.answers,
      proxyAskedFrom: listener.port === options.port ? undefined : { address: packet.from, port: packet.fromPort },
    });
    noteAnswer(options.answers, decision, nowMs);
    if (decision.kind === 'reply' && decision.hold !== undefined) book.table.hold(decision.hold, decision.facts.mac, nowMs);
    if (decision.kind === 'silence' && decision.exhausted) book.table.noteExhausted(decision.exhausted, nowMs);
    if (decision.kind === 'silence' && decision.dropOffer !== undefined && decision.facts)
      book.table.dropOffer(decision.dropOffer, decision.facts.mac);
    return {
      decision,
      xid: request.xid,
      via: request.giaddr === 0 ? listener.key : `relay ${ipv4FromNumber(request.giaddr)}`,
      delivery: decision.kind === 'reply' ? encodeReply(decision, counters) : undefined,
    };
  };

  const finish = (listener: DhcpListener, { decision, xid, via, delivery }: DecidedReply): void => {
    if (decision.kind === 'silence') return events.silence(decision, xid, via);
    if (!isOpen(listener)) return counters.add('dhcp.drop.stopping');
    counters.add(`dhcp.sent.${decision.type}`);
    if (decision.inPlaceOf !== undefined) counters.add('dhcp.sent-in-place-of-peer');
    sender.send(listener, delivery!);
    events.reply(decision, xid, via);
  };

  const finishDurable = async (listener: DhcpListener, decided: readonly DecidedReply[], group: LeaseGroup): Promise<void> => {
    try {
      await group.commit();
    } catch (error) {
      for (const { decision } of decided) events.journalFailure(decision, error as NodeJS.ErrnoException);
      return;
    }
    for (const one of decided) guard(() => finish(listener, one));
    if (isOpen(listener)) sender.flush(listener);
  };

  /** A fault in the answer to one packet is not to cost the others theirs. */
  const guard = (work: () => void): void => {
    try {
      work();
    } catch (error) {
      counters.add('dhcp.drop.internal-error');
      options.logger.error({ err: error }, 'a DHCP packet was not answered because of a fault in the server');
    }
  };

  const answerQuery = (listener: DhcpListener, request: DhcpMessage, nowMs: number): void => {
    const answer = answerLeaseQuery(request, { index: options.currentIndex(), leases: book.table, nowMs });
    events.leaseQuery(answer, ipv4FromNumber(request.giaddr));
    if (answer.kind === 'answer')
      listener.channel.send(encodeDhcpMessage(answer.message, LEASE_ANSWER_BYTES_MAX).bytes, answer.relay, options.port);
  };

  /** Its memory is used again once it was handled, so a packet that waits is copied. */
  const holdBack = (listener: DhcpListener, { packet }: Arrived, decided: DecidedReply, attempt: number): boolean => {
    if (decided.decision.kind === 'silence' || decided.decision.probe === undefined) return false;
    const copy = { ...packet, bytes: Buffer.from(packet.bytes) };
    return probing.holdBack(decided.decision, attempt, {
      send: () =>
        guard(() => {
          finish(listener, decided);
          if (isOpen(listener)) sender.flush(listener);
        }),
      again: () => onPackets(listener, [copy], false, attempt + 1),
    });
  };

  const onPackets = (listener: DhcpListener, packets: readonly DhcpPacket[], behind: boolean, attempt = 1): void => {
    if (attempt === 1) counters.add('dhcp.received', packets.length);
    const nowMs = clock.nowMs();
    const first: Arrived[] = [];
    const discovers: Arrived[] = [];
    for (const packet of packets) {
      const request = decodeDhcpMessage(packet.bytes);
      if (isMalformed(request)) events.malformed(ipv4FromNumber(packet.from), request.reason, request.offset);
      else if (isLeaseQuery(request)) guard(() => answerQuery(listener, request, nowMs));
      else (isDiscover(request) ? discovers : first).push({ request, packet });
    }
    // More packets wait behind these: their DISCOVERs are the oldest, and their senders have most likely asked again.
    if (behind) counters.add('dhcp.drop.overload', discovers.length);
    const lasting: DecidedReply[] = [];
    const group = book.group();
    for (const arrived of behind ? first : first.concat(discovers))
      guard(() => {
        const decided = decide(listener, arrived, nowMs);
        if (holdBack(listener, arrived, decided, attempt)) return;
        if (decided.decision.leases.length === 0) return finish(listener, decided);
        lasting.push(decided);
        group.add(decided.decision.leases);
      });
    sender.flush(listener);
    if (lasting.length > 0) void finishDurable(listener, lasting, group);
  };

  return { events, onPackets };
}

export function startDhcpServer(options: DhcpServerOptions): DhcpServer {
  const { counters, logger, system } = options;
  const listeners = new Map<string, DhcpListener>();
  const complained = new Set<string>();
  let stopped = false;
  let reconciling = Promise.resolve();
  const handler = createPacketHandler(options, (listener) => !stopped && listeners.get(listener.key) === listener);
  const receiver = system ? createDatagramReceiver(system, GROUP_PACKETS_MAX, PACKET_BYTES_MAX) : undefined;

  const indexOf = (listen: DhcpListen): number => (system && listen.kind === 'interface' ? system.interfaceIndex(listen.interface) : 0);

  const openChannel = ({ listen, port }: Wanted, events: DhcpChannelEvents): Promise<DhcpChannel> | DhcpChannel =>
    system && receiver ? openBatchChannel(system, receiver, listen, port, events) : openPlainChannel(listen, port, events);

  const open = async (wanted: Wanted) => {
    const { key, listen, port } = wanted;
    try {
      const channel = await openChannel(wanted, {
        onPackets: (packets, behind) => handler.onPackets(listener, packets, behind),
        onSendFailure: (address, error) => handler.events.sendFailure(address, error),
        onError(error) {
          logger.warn({ err: error, listen: key }, 'a DHCP socket failed; it is opened again');
          if (listeners.get(key) === listener) listeners.delete(key);
          channel.close();
        },
      });
      const listener: DhcpListener = {
        ...wanted,
        channel,
        interface: listen.kind === 'interface' ? listen.interface : undefined,
        interfaceIndex: indexOf(listen),
      };
      if (stopped) return channel.close();
      listeners.set(key, listener);
      complained.delete(key);
      logger.info({ listen: key, port }, 'DHCP listens');
    } catch (error) {
      counters.add('dhcp.listen-failed');
      if (complained.has(key)) return;
      complained.add(key);
      logger.error({ err: error, listen: key, port }, `DHCP cannot listen on ${key}; it is tried again every few seconds`);
    }
  };

  const reconcile = async (): Promise<void> => {
    const wanted = wantedListeners(options);
    for (const [key, listener] of listeners) {
      if (wanted.has(key) && listener.interfaceIndex === indexOf(listener.listen)) continue;
      listeners.delete(key);
      listener.channel.close();
    }
    for (const one of wanted.values()) if (!listeners.has(one.key) && !stopped) await open(one);
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
      for (const { channel } of listeners.values()) channel.close();
      listeners.clear();
    },
  };
}
