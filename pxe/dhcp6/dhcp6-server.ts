import { isMalformed } from '../../core/base/malformed.ts';
import type { MacAddress } from '../../core/base/mac-address.ts';
import type { LeaseBook } from '../lease/lease-book.ts';
import { type AnswerBook, noteAnswer } from '../sharing/answer-book.ts';
import type { ModelIndex } from '../model/model-index.ts';
import { createDhcp6Events, type Dhcp6EventOptions, type Dhcp6Occasion } from './dhcp6-events.ts';
import { decodeDhcp6Packet, type Dhcp6Packet, encodeDhcp6Packet } from './dhcp6-message-codec.ts';
import { answerDhcp6, type Dhcp6Reply } from './dhcp6-policy.ts';
import { type Dhcp6Arrival, type Dhcp6Socket, openDhcp6Socket } from './dhcp6-socket.ts';

export interface Dhcp6ServerOptions extends Dhcp6EventOptions {
  /** 547; clients are answered on the port below it, relays on the same. */
  readonly port: number;
  readonly httpPort: () => number;
  readonly currentIndex: () => ModelIndex;
  readonly book: LeaseBook;
  readonly answers: AnswerBook | undefined;
  /** The kernel's knowledge of who has a link-local address; undefined when it has none yet. */
  readonly neighbourOf: (address: string, interfaceName: string) => MacAddress | undefined;
}

export interface Dhcp6Server {
  /** Opens the socket once a subnet has IPv6, and follows the interfaces. Never rejects; what fails is told and tried again. */
  reconcile(): Promise<void>;
  /** Interfaces on which clients are heard. */
  listening(): readonly string[];
  stop(): void;
}

interface Decided {
  readonly decision: Dhcp6Reply;
  readonly occasion: Dhcp6Occasion;
  readonly from: string;
  readonly bytes: Buffer;
  readonly isRelayed: boolean;
}

function createArrivalHandler(options: Dhcp6ServerOptions, socketOf: () => Dhcp6Socket | undefined) {
  const { counters, clock, book, port } = options;
  const events = createDhcp6Events(options);

  /** A client that we cannot name yet is asked for its MAC by the kernel, which a packet to it makes do so; it asks again in a second. */
  const poke = (from: string) => {
    counters.add('dhcp6.neighbour-asked');
    socketOf()?.send(Buffer.alloc(0), from, port - 1);
  };

  const decide = (packet: Dhcp6Packet, from: string): Decided | undefined => {
    const [source = '', zone] = from.split('%');
    const nowMs = clock.nowMs();
    const isRelayed = packet.relays.length > 0;
    const decision = answerDhcp6(packet, {
      index: options.currentIndex(),
      leases: book.table6,
      interface: zone,
      source,
      neighbour: zone === undefined || isRelayed ? undefined : options.neighbourOf(source, zone),
      httpPort: options.httpPort(),
      nowMs,
      answers: options.answers,
    });
    noteAnswer(options.answers, decision, nowMs);
    const { type, transaction } = packet.message;
    const occasion = { type, transaction, via: isRelayed ? `relay ${source}` : `interface ${zone ?? '(routed)'}` };
    if (decision.kind === 'silence') {
      if (decision.reason === 'no-link-layer-address' && !isRelayed) poke(from);
      events.silence(decision, occasion);
      return undefined;
    }
    if (decision.hold !== undefined) book.table6.hold(decision.hold, decision.facts.mac, nowMs);
    if (decision.exhausted) book.table6.noteExhausted(decision.exhausted, nowMs);
    return { decision, occasion, from, isRelayed, bytes: encodeDhcp6Packet(decision.packet) };
  };

  const send = ({ decision, occasion, from, bytes, isRelayed }: Decided): void => {
    counters.add(`dhcp6.sent.${decision.type}`);
    if (decision.inPlaceOf !== undefined) counters.add('dhcp6.sent-in-place-of-peer');
    socketOf()?.send(bytes, from, isRelayed ? port : port - 1);
    events.reply(decision, occasion);
  };

  /** A fault in the answer to one packet is not to cost the others theirs. */
  const guarded = (arrival: Dhcp6Arrival): Decided | undefined => {
    try {
      const packet = decodeDhcp6Packet(arrival.bytes);
      if (!isMalformed(packet)) return decide(packet, arrival.from);
      events.malformed(arrival.from, packet.reason, packet.offset);
    } catch (error) {
      counters.add('dhcp6.drop.internal-error');
      options.logger.error({ err: error }, 'a DHCPv6 packet was not answered because of a fault in the server');
    }
    return undefined;
  };

  return {
    events,
    async onArrivals(arrivals: readonly Dhcp6Arrival[]): Promise<void> {
      counters.add('dhcp6.received', arrivals.length);
      const group = book.group();
      const lasting: Decided[] = [];
      for (const arrival of arrivals) {
        const decided = guarded(arrival);
        if (decided === undefined) continue;
        if (decided.decision.leases.length === 0) send(decided);
        else {
          lasting.push(decided);
          group.add(decided.decision.leases);
        }
      }
      if (lasting.length === 0) return;
      try {
        await group.commit();
      } catch (error) {
        for (const { decision } of lasting) events.journalFailure(decision, error as NodeJS.ErrnoException);
        return;
      }
      for (const decided of lasting) send(decided);
    },
  };
}

export function startDhcp6Server(options: Dhcp6ServerOptions): Dhcp6Server {
  const { counters, logger, port } = options;
  let socket: Dhcp6Socket | undefined;
  let hasComplained = false;
  let isStopped = false;
  const handler = createArrivalHandler(options, () => socket);

  const open = async (): Promise<void> => {
    try {
      const opened = await openDhcp6Socket({
        port,
        counters,
        onArrivals: (arrivals) => void handler.onArrivals(arrivals),
        onSendFailure: (address, error) => handler.events.sendFailure(address, error),
        onError(error) {
          logger.warn({ err: error }, 'the DHCPv6 socket failed; it is opened again');
          opened.close();
          if (socket === opened) socket = undefined;
        },
      });
      if (isStopped) return opened.close();
      socket = opened;
      hasComplained = false;
      logger.info({ port }, 'DHCPv6 listens');
    } catch (error) {
      counters.add('dhcp6.listen-failed');
      if (!hasComplained) logger.error({ err: error, port }, 'DHCPv6 cannot listen; it is tried again every few seconds');
      hasComplained = true;
    }
  };

  return {
    async reconcile() {
      const subnets = options.currentIndex().subnets.filter((one) => one.ipv6 !== undefined);
      if (subnets.length > 0 && socket === undefined && !isStopped) await open();
      socket?.join(new Set(subnets.map((one) => one.subnet.interface).filter((name) => name !== undefined)));
    },
    listening: () => socket?.joined() ?? [],
    stop() {
      isStopped = true;
      socket?.close();
    },
  };
}
