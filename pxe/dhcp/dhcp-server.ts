import type dgram from 'node:dgram';
import type { Clock } from '../../core/base/clock.ts';
import { ipv4FromNumber } from '../../core/base/ipv4-address.ts';
import type { JsonObject } from '../../core/base/json.ts';
import type { Logger } from '../../core/base/logger.ts';
import { isMalformed } from '../../core/base/malformed.ts';
import type { RecordEvent } from '../../core/base/machine-event.ts';
import type { LeaseBook } from '../lease/lease-book.ts';
import type { BootCounters } from '../model/boot-counters.ts';
import type { EventGate } from '../model/event-gate.ts';
import type { ModelIndex } from '../model/model-index.ts';
import type { FrameSender } from '../socket/frame-sender.ts';
import type { SystemCalls } from '../socket/system-calls.ts';
import { decodeDhcpMessage, encodeDhcpMessage } from './dhcp-message-codec.ts';
import { decodeUint32, OPTION } from './dhcp-option-codec.ts';
import { answerDhcp, type DhcpReply, type DhcpSilence } from './dhcp-policy.ts';
import { type DhcpListen, openDhcpSocket } from './dhcp-socket.ts';

export interface DhcpServerOptions {
  /** 67; clients are reached on the next port, relays on this one. */
  readonly port: number;
  readonly httpPort: () => number;
  readonly currentIndex: () => ModelIndex;
  readonly book: LeaseBook;
  readonly system: SystemCalls | undefined;
  readonly frames: FrameSender | undefined;
  readonly counters: BootCounters;
  readonly recordEvent: RecordEvent;
  readonly gate: EventGate;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** One socket and what it is for. `interface` is unknown for routed packets, and everywhere without `system`. */
interface Listener {
  readonly key: string;
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

const listenKey = (listen: DhcpListen): string => (listen.kind === 'interface' ? `interface ${listen.interface}` : `address ${listen.address}`);

/** One socket for each interface; one for each address that only relays and routers reach. */
function wantedListeners(index: ModelIndex, system: SystemCalls | undefined): Map<string, DhcpListen> {
  const wanted = index.subnets.map(({ subnet }): DhcpListen => {
    if (!system) return ALL_INTERFACES;
    return subnet.interface ? { kind: 'interface', interface: subnet.interface } : { kind: 'address', address: subnet.serverAddress };
  });
  return new Map(wanted.map((listen) => [listenKey(listen), listen]));
}

const SEVERITY: Partial<Record<DhcpSilence['reason'], 'warning' | 'info'>> = {
  'pool-exhausted': 'warning', 'no-pool': 'warning', declined: 'warning', 'declines-too-often': 'warning', 'no-subnet': 'warning',
  'other-server-chosen': 'warning', released: 'info',
};

const evidenceOf = (decision: DhcpReply | DhcpSilence, xid: number, via: string): JsonObject => ({
  xid, via,
  ...(decision.facts?.firmware.vendorClass ? { vendorClass: decision.facts.firmware.vendorClass } : {}),
  ...(decision.facts?.firmware.userClasses.length ? { userClasses: [...decision.facts.firmware.userClasses] } : {}),
  ...(decision.facts?.firmware.architecture === undefined ? {} : { architecture: decision.facts.firmware.architecture }),
  ...(decision.facts?.machineUuid ? { machineUuid: decision.facts.machineUuid } : {}),
  ...(decision.facts?.hostname ? { hostname: decision.facts.hostname } : {}),
});

export function startDhcpServer(options: DhcpServerOptions): DhcpServer {
  const { counters, clock, logger, book, gate } = options;
  const listeners = new Map<string, Listener>();
  const complained = new Set<string>();
  let stopped = false;

  const interfaceOf = (listener: Listener): string | undefined => {
    if (listener.interface !== undefined) return listener.interface;
    if (options.system) return undefined;
    // Plain Node cannot tell: right where the model has one interface, a guess nowhere.
    const names = new Set(options.currentIndex().subnets.map((s) => s.subnet.interface).filter((n) => n !== undefined));
    return names.size === 1 ? [...names][0] : undefined;
  };

  const broadcast = (listener: Listener, bytes: Buffer, server: number) => {
    const subnet = options.currentIndex().subnets.find((s) => s.server === server);
    // Without a socket of its own interface only the subnet's directed broadcast finds the way.
    const target = listener.listen.kind === 'interface' || !subnet ? '255.255.255.255' : ipv4FromNumber(subnet.cidr.broadcast);
    transmit(listener, bytes, options.port + 1, target);
  };

  const transmit = (listener: Listener, bytes: Buffer, port: number, address: string) => {
    try {
      listener.socket.send(bytes, port, address, (error) => {
        if (!error) return;
        counters.add(`dhcp.drop.send-${(error as NodeJS.ErrnoException).code ?? 'error'}`);
        gate.record(`send ${address}`, { source: 'dhcp', kind: 'dhcp.send-failed', severity: 'error', message: `a DHCP reply to ${address} could not be sent: ${error.message}`, machine: { ipAddress: address } });
      });
    } catch {
      counters.add('dhcp.drop.socket-closed');
    }
  };

  const send = (listener: Listener, reply: DhcpReply) => {
    const { bytes, omitted } = encodeDhcpMessage(reply.message, reply.sizeMax);
    if (omitted.length > 0) counters.add('dhcp.omitted-options', omitted.length);
    counters.add(`dhcp.sent.${reply.type}`);
    const server = decodeUint32(reply.message.options.get(OPTION.serverIdentifier))!;
    const { destination } = reply;
    if (destination.kind === 'relay') transmit(listener, bytes, options.port, ipv4FromNumber(destination.address));
    else if (destination.kind === 'unicast') transmit(listener, bytes, options.port + 1, ipv4FromNumber(destination.address));
    else if (destination.kind === 'client' && options.frames && listener.interface !== undefined) {
      const packet = { sourceAddress: server, sourcePort: options.port, destinationAddress: destination.address, destinationPort: options.port + 1, payload: bytes };
      if (options.frames.send(listener.interface, destination.mac, packet)) return;
      counters.add('dhcp.frame-failed');
      broadcast(listener, bytes, server);
    } else broadcast(listener, bytes, server);
  };

  const tellReply = (reply: DhcpReply, xid: number, via: string) => {
    const { facts, host } = reply;
    const machine = { mac: facts.mac, ...(host ? { nodeId: host.nodeId } : {}), ...(reply.message.yiaddr ? { ipAddress: ipv4FromNumber(reply.message.yiaddr) } : {}) };
    const correlationId = `dhcp-${facts.mac}-${xid.toString(16)}`;
    const common = { source: 'dhcp' as const, machine, correlationId, evidence: evidenceOf(reply, xid, via) };
    options.recordEvent({ ...common, atMs: clock.nowMs(), kind: `dhcp.${reply.type}`, severity: reply.type === 'nak' ? 'warning' : 'info', message: `${reply.type.toUpperCase()} to ${host?.name ?? facts.mac}: ${reply.why}` });
    for (const note of reply.notes) gate.record(`${note.kind} ${facts.mac}`, { ...common, kind: note.kind, severity: 'warning', message: note.message });
  };

  const tellSilence = (quiet: DhcpSilence, xid: number, via: string) => {
    counters.add(`dhcp.silence.${quiet.reason}`);
    const severity = SEVERITY[quiet.reason] ?? 'debug';
    const kind = ['released', 'declined', 'pool-exhausted'].includes(quiet.reason) ? `dhcp.${quiet.reason}` : 'dhcp.silence';
    const machine = { mac: quiet.facts?.mac ?? 'unknown', ...(quiet.host ? { nodeId: quiet.host.nodeId } : {}) };
    const told = gate.record(`${quiet.reason} ${machine.mac}`, { source: 'dhcp', kind, severity, message: quiet.why, machine, evidence: { reason: quiet.reason, ...evidenceOf(quiet, xid, via) }, correlationId: `dhcp-${machine.mac}-${xid.toString(16)}` });
    if (!told) counters.add('dhcp.event-held-back');
  };

  const tellJournalFailure = (decision: DhcpReply | DhcpSilence, error: NodeJS.ErrnoException) => {
    counters.add('dhcp.drop.journal');
    const advice = error.code === 'ENOSPC' || error.code === 'EDQUOT' ? 'free space on the boot server’s data disk' : 'check the boot server’s data disk';
    const mac = decision.facts?.mac ?? 'unknown';
    logger.error({ err: error, mac }, 'a lease could not be written to disk; no ACK was given');
    gate.record(`journal ${mac}`, {
      source: 'dhcp', kind: 'dhcp.journal-failed', severity: 'error', machine: { mac },
      message: `${mac} got no ACK: its lease could not be written to disk (${error.code ?? error.message}); ${advice}, the machine asks again by itself`,
      evidence: { code: error.code ?? 'unknown' },
    });
  };

  const receive = async (listener: Listener, bytes: Buffer, from: dgram.RemoteInfo): Promise<void> => {
    counters.add('dhcp.received');
    const request = decodeDhcpMessage(bytes);
    if (isMalformed(request)) {
      counters.add('dhcp.drop.malformed');
      gate.record(`malformed ${from.address}`, { source: 'dhcp', kind: 'dhcp.malformed', severity: 'warning', message: `a packet from ${from.address} is not DHCP: ${request.reason} (byte ${request.offset})`, machine: { ipAddress: from.address } });
      return;
    }
    const decision = answerDhcp(request, {
      index: options.currentIndex(), leases: book.table, interface: interfaceOf(listener), httpPort: options.httpPort(), nowMs: clock.nowMs(),
    });
    const via = request.giaddr === 0 ? listenKey(listener.listen) : `relay ${ipv4FromNumber(request.giaddr)}`;
    if (decision.kind === 'reply' && decision.hold !== undefined) book.table.hold(decision.hold, decision.facts.mac, clock.nowMs());
    if (decision.kind === 'silence' && decision.dropOffer !== undefined && decision.facts) book.table.dropOffer(decision.dropOffer, decision.facts.mac);
    if (decision.leases.length > 0) {
      try {
        await book.write(decision.leases);
      } catch (error) {
        tellJournalFailure(decision, error as NodeJS.ErrnoException);
        return;
      }
    }
    if (decision.kind === 'silence') return tellSilence(decision, request.xid, via);
    if (stopped) return counters.add('dhcp.drop.stopping');
    send(listener, decision);
    tellReply(decision, request.xid, via);
  };

  const indexOf = (listen: DhcpListen): number => (options.system && listen.kind === 'interface' ? options.system.interfaceIndex(listen.interface) : 0);

  const open = async (key: string, listen: DhcpListen) => {
    try {
      const socket = await openDhcpSocket(options.system, listen, options.port);
      const listener: Listener = { key, listen, socket, interface: listen.kind === 'interface' ? listen.interface : undefined, interfaceIndex: indexOf(listen) };
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

  return {
    listening: () => [...listeners.values()].map((l) => l.listen),
    async reconcile() {
      const wanted = wantedListeners(options.currentIndex(), options.system);
      for (const [key, listener] of listeners) {
        if (wanted.has(key) && listener.interfaceIndex === indexOf(listener.listen)) continue;
        listeners.delete(key);
        listener.socket.close();
      }
      for (const [key, listen] of wanted) if (!listeners.has(key) && !stopped) await open(key, listen);
    },
    async stop() {
      stopped = true;
      for (const { socket } of listeners.values()) socket.close();
      listeners.clear();
    },
  };
}
