import { connect, createServer, type Server, type Socket } from 'node:net';
import type { Clock } from '../../core/base/clock.ts';
import { parseIp } from '../../core/base/ip-address.ts';
import { ipv4InCidr, ipv4ToNumber } from '../../core/base/ipv4-address.ts';
import type { Logger } from '../../core/base/logger.ts';
import type { RecordEvent } from '../../core/base/machine-event.ts';
import type { Random } from '../../core/base/random.ts';
import type { LeaseRecord } from '../boot-model.ts';
import { serverDuid } from '../dhcp6/dhcp6-reply-policy.ts';
import type { LeaseBook } from '../lease/lease-book.ts';
import type { BootCounters } from '../model/boot-counters.ts';
import { type IndexedSubnet, type ModelIndex } from '../model/model-index.ts';
import { inRange6 } from '../model/model-index6.ts';
import type { PeerSight } from './answer-book.ts';
import type { SharedNetwork } from './lease-sharing.ts';
import { LEASES_MAX, type PeerMessage } from './peer-frame-codec.ts';
import { openPeerLink, type PeerLink } from './peer-link.ts';

export interface PeerLinksOptions {
  /** 647, which IANA keeps for DHCP servers that speak to each other. */
  readonly port: number;
  readonly book: LeaseBook;
  readonly currentIndex: () => ModelIndex;
  readonly counters: BootCounters;
  readonly recordEvent: RecordEvent;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** The connections to other boot servers, one for each network that is shared: who lives is asked where the clients are. */
export interface PeerLinks extends PeerSight {
  /** Opens and closes what the shares want. */
  reconcile(): void;
  stop(): void;
}

const BEAT_MS = 500;
/** A server that is not heard for this long is dead, and its clients are divided among the others. */
export const PEER_SILENT_MS = 2000;
/** Records that are not accepted by then are told again. */
const TELL_AGAIN_BEATS = 10;

interface Peer {
  readonly subnetId: string;
  readonly self: string;
  readonly address: string;
  socket: Socket | undefined;
  link: PeerLink | undefined;
  isOpen: boolean;
  wasAlive: boolean;
  /** The run that was told what its outbox has no longer. */
  run: string | undefined;
  duid: string | undefined;
}

const keyOf = (subnetId: string, address: string) => `${subnetId} ${address}`;
/** Of two servers the one with the lower address dials. */
const dials = (self: string, peer: string): boolean => ipv4ToNumber(self)! < ipv4ToNumber(peer)!;

const isOn = (subnet: IndexedSubnet, { ipAddress }: LeaseRecord): boolean => {
  const ip = parseIp(ipAddress);
  if (ip?.version === 6) return subnet.ipv6 !== undefined && inRange6(ipAddress, subnet.ipv6.range);
  return ip !== undefined && ipv4InCidr(Number(ip.value), subnet.cidr);
};

export function startPeerLinks(options: PeerLinksOptions): PeerLinks {
  const { book, clock, counters, logger } = options;
  const peers = new Map<string, Peer>();
  const listeners = new Map<string, Server>();
  const run = options.random.bytes(32).toString('hex');
  const subnetOf = (subnetId: string) => options.currentIndex().subnets.find(({ subnet }) => subnet.id === subnetId);

  const isAlive = (peer: Peer | undefined): boolean =>
    peer?.link !== undefined && peer.isOpen && clock.steadyMs() - peer.link.heardMs() < PEER_SILENT_MS;

  const tellChange = (peer: Peer): void => {
    const alive = isAlive(peer);
    if (alive === peer.wasAlive) return;
    peer.wasAlive = alive;
    counters.add(alive ? 'peer.found' : 'peer.lost');
    const message = alive
      ? `boot server ${peer.address} shares network ${peer.subnetId} with ${peer.self} and answers its part of the clients`
      : `boot server ${peer.address} is not heard on network ${peer.subnetId}; ${peer.self} answers its clients too`;
    logger[alive ? 'info' : 'warn']({ peer: peer.address, network: peer.subnetId }, message);
    options.recordEvent({
      atMs: clock.nowMs(),
      source: 'boot',
      kind: alive ? 'boot.peer-found' : 'boot.peer-lost',
      severity: alive ? 'info' : 'warning',
      machine: { ipAddress: peer.address },
      message,
    });
  };

  const onLeases = async (peer: Peer, subnet: IndexedSubnet, link: PeerLink, leases: readonly LeaseRecord[]): Promise<void> => {
    const here = leases.filter((lease) => isOn(subnet, lease)).map((lease) => ({ ...lease, subnetId: peer.subnetId }));
    counters.add('peer.leases-heard', here.length);
    try {
      const accepted = await book.merge(here, clock.nowMs(), peer.address);
      counters.add('peer.leases-objected', here.length - accepted.length);
      link.send({ kind: 'accepted', accepted: accepted.map(({ ipAddress, sequence }) => [ipAddress, sequence]) });
    } catch (error) {
      counters.add('peer.journal-failed');
      logger.warn({ err: error }, 'leases of another boot server could not be written down; it tells them again');
    }
  };

  const onMessage = (peer: Peer, link: PeerLink, message: PeerMessage): void => {
    const subnet = subnetOf(peer.subnetId);
    if (message.kind === 'beat') peer.duid = message.duid;
    else if (message.kind === 'leases' && subnet) void onLeases(peer, subnet, link, message.leases);
    else if (message.kind === 'accepted') {
      const outbox = book.sharing.network(peer.subnetId)?.outboxes.get(peer.address);
      for (const [ipAddress, sequence] of message.accepted) outbox?.accepted(ipAddress, sequence);
    }
    tellChange(peer);
    pushTo(peer);
  };

  const attach = (peer: Peer, socket: Socket, isDialler: boolean): void => {
    const subnet = subnetOf(peer.subnetId);
    if (subnet === undefined) return void socket.destroy();
    peer.socket?.destroy();
    peer.socket = socket;
    peer.isOpen = false;
    const link: PeerLink = openPeerLink({
      ...options,
      socket,
      isDialler,
      cidr: subnet.subnet.cidr,
      run,
      secret: options.currentIndex().secret,
      onOpen(theirRun) {
        if (peer.socket !== socket) return;
        peer.isOpen = true;
        book.sharing.network(peer.subnetId)?.outboxes.get(peer.address)?.again();
        if (peer.run !== undefined && peer.run !== theirRun) book.sharing.tellAll(peer.subnetId, peer.address);
        peer.run = theirRun;
        beat(peer);
      },
      onMessage: (message) => {
        if (peer.socket === socket) onMessage(peer, link, message);
      },
      onEnd() {
        if (peer.socket !== socket) return;
        peer.socket = undefined;
        peer.link = undefined;
        peer.isOpen = false;
        tellChange(peer);
      },
    });
    peer.link = link;
  };

  const dial = (peer: Peer): void => {
    if (peer.socket !== undefined || !dials(peer.self, peer.address)) return;
    const socket = connect({ host: peer.address, port: options.port, localAddress: peer.self });
    attach(peer, socket, true);
    // One that was switched off answers nothing, and TCP would wait for minutes.
    socket.setTimeout(PEER_SILENT_MS, () => {
      if (socket.connecting) socket.destroy();
    });
  };

  const pushTo = (peer: Peer): void => {
    const outbox = book.sharing.network(peer.subnetId)?.outboxes.get(peer.address);
    if (outbox === undefined || !peer.isOpen) return;
    for (let leases = outbox.next(LEASES_MAX); leases.length > 0; leases = outbox.next(LEASES_MAX)) {
      counters.add('peer.leases-told', leases.length);
      peer.link?.send({ kind: 'leases', leases });
    }
  };

  const beat = (peer: Peer): void => {
    const { serverUuid } = options.currentIndex();
    peer.link?.send({ kind: 'beat', duid: serverDuid(serverUuid).toString('hex') });
    pushTo(peer);
  };

  const listen = ({ share }: SharedNetwork): void => {
    if (listeners.has(share.self) || !share.members.some((member) => member !== share.self && !dials(share.self, member))) return;
    const server = createServer((socket) => {
      const from = socket.remoteAddress ?? '';
      const peer = [...peers.values()].find(({ self, address }) => self === share.self && address === from);
      if (peer && !dials(peer.self, peer.address)) attach(peer, socket, false);
      else {
        counters.add('peer.refused.stranger');
        socket.destroy();
      }
    });
    server.once('error', (error) => {
      counters.add('peer.listen-failed');
      logger.warn({ err: error, address: share.self }, 'other boot servers cannot reach this one; it is tried again every few seconds');
      if (listeners.get(share.self) === server) listeners.delete(share.self);
    });
    listeners.set(share.self, server);
    server.listen({ host: share.self, port: options.port });
  };

  const reconcile = (): void => {
    const wanted = new Map<string, Peer>();
    for (const { share, outboxes } of book.sharing.networks())
      for (const address of outboxes.keys()) {
        const key = keyOf(share.subnetId, address);
        const fresh = { socket: undefined, link: undefined, isOpen: false, wasAlive: false, run: undefined, duid: undefined };
        wanted.set(key, peers.get(key) ?? { subnetId: share.subnetId, self: share.self, address, ...fresh });
      }
    for (const [key, peer] of peers)
      if (!wanted.has(key)) {
        peers.delete(key);
        peer.socket?.destroy();
      }
    for (const [key, peer] of wanted) peers.set(key, peer);
    for (const network of book.sharing.networks()) listen(network);
    for (const peer of peers.values()) dial(peer);
  };

  book.sharing.onDurable(() => {
    for (const peer of peers.values()) pushTo(peer);
  });
  let beats = 0;
  const timer = setInterval(() => {
    beats += 1;
    for (const peer of peers.values()) {
      dial(peer);
      if (beats % TELL_AGAIN_BEATS === 0) book.sharing.network(peer.subnetId)?.outboxes.get(peer.address)?.again();
      beat(peer);
      tellChange(peer);
      // Half a connection that nobody ended, or one that never proved itself.
      if (peer.link !== undefined && clock.steadyMs() - peer.link.heardMs() >= PEER_SILENT_MS) peer.socket?.destroy();
    }
  }, BEAT_MS);

  return {
    reconcile,
    isAlive: (subnetId, address) => isAlive(peers.get(keyOf(subnetId, address))),
    hasDuid: (subnetId, duid) => [...peers.values()].some((peer) => peer.subnetId === subnetId && peer.duid === duid),
    stop() {
      clearInterval(timer);
      for (const { socket } of peers.values()) socket?.destroy();
      peers.clear();
      for (const server of listeners.values()) server.close();
    },
  };
}
