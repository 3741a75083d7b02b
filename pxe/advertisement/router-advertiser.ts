import { networkInterfaces } from 'node:os';
import type { Logger } from '../../core/base/logger.ts';
import { macAddressToBytes, parseMacAddress } from '../../core/base/mac-address.ts';
import { isMalformed } from '../../core/base/malformed.ts';
import type { BootCounters } from '../model/boot-counters.ts';
import type { EventGate } from '../model/event-gate.ts';
import type { ModelIndex } from '../model/model-index.ts';
import type { LinuxCalls } from '../../core/base/linux-calls.ts';
import { type Advertisement, decodeRouterSolicitation, EMPTY_ADVERTISEMENT, encodeAdvertisement } from './router-advertisement-codec.ts';
import {
  allNodesAddress,
  hasFullHopLimit,
  hasSourceAddress,
  openSolicitationSocket,
  type ReceivedSolicitation,
  type SolicitationSocket,
} from './solicitation-socket.ts';

/**
 * Answers router solicitations, so that iPXE does not sit out its wait for IPv6, and hosts know where DHCPv6 is. It never speaks
 * unasked, and is a router only where the model says so.
 */
export interface RouterAdvertiser {
  /** Makes the sockets match the model; what cannot be opened is told once and tried again by the next call. */
  reconcile(): void;
  listening(): readonly string[];
  stop(): void;
}

export interface RouterAdvertiserOptions {
  readonly currentIndex: () => ModelIndex;
  readonly system: LinuxCalls | undefined;
  readonly counters: BootCounters;
  readonly gate: EventGate;
  readonly logger: Logger;
}

const interfaceMac = (name: string): Uint8Array | undefined => {
  const mac = parseMacAddress(networkInterfaces()[name]?.[0]?.mac ?? '');
  return mac === undefined ? undefined : macAddressToBytes(mac);
};

/** All that the subnets of one wire say together. */
export function advertisementOf(index: ModelIndex, interfaceName: string): Advertisement {
  const here = index.subnets.filter((s) => s.subnet.interface === interfaceName && s.subnet.routerAdvertisements && s.ipv6 !== undefined);
  if (here.length === 0) return EMPTY_ADVERTISEMENT;
  const said = here.map((s) => s.ipv6!.settings.advertisement);
  return {
    managed: said.some((one) => one.managed),
    otherConfiguration: said.some((one) => one.otherConfiguration),
    routerLifetimeSeconds: Math.max(...said.map((one) => one.routerLifetimeSeconds)),
    onLink: here.map(({ subnet, ipv6 }) => ({
      address: Buffer.from(ipv6!.prefix.value.toString(16).padStart(32, '0'), 'hex'),
      prefixLength: ipv6!.prefix.length,
      lifetimeSeconds: subnet.leaseSeconds,
    })),
  };
}

function answerSolicitation(
  options: RouterAdvertiserOptions,
  name: string,
  socket: SolicitationSocket,
  packet: ReceivedSolicitation,
): void {
  const { counters, gate } = options;
  counters.add('router-advertisement.received');
  if (!hasFullHopLimit(packet)) return counters.add('router-advertisement.drop.hop-limit');
  if (isMalformed(decodeRouterSolicitation(packet.bytes))) return counters.add('router-advertisement.drop.malformed');
  const source = packet.source
    .subarray(8, 24)
    .toString('hex')
    .replace(/(.{4})(?!$)/g, '$1:');
  const destination = hasSourceAddress(packet) ? packet.source : allNodesAddress(socket.interfaceIndex);
  const sent = socket.send(encodeAdvertisement(advertisementOf(options.currentIndex(), name), interfaceMac(name)), destination);
  counters.add(sent < 0 ? 'router-advertisement.drop.send-failed' : 'router-advertisement.sent');
  gate.record(`ra ${name} ${source}`, {
    source: 'router-advertisement',
    kind: sent < 0 ? 'router-advertisement.failed' : 'router-advertisement.sent',
    severity: sent < 0 ? 'warning' : 'debug',
    message:
      sent < 0
        ? `${source} on ${name} waits for IPv6: the router advertisement could not be sent (errno ${-sent})`
        : `${source} on ${name} need not wait for IPv6`,
    machine: { ipAddress: source },
    evidence: { interface: name },
  });
}

export function startRouterAdvertiser(options: RouterAdvertiserOptions): RouterAdvertiser {
  const { system, logger } = options;
  const sockets = new Map<string, SolicitationSocket>();
  const complained = new Set<string>();
  const open = (calls: LinuxCalls, name: string) => {
    try {
      const socket: SolicitationSocket = openSolicitationSocket(calls, name, (packet) => answerSolicitation(options, name, socket, packet));
      sockets.set(name, socket);
      complained.delete(name);
      logger.info({ interface: name }, 'router solicitations are answered');
    } catch (error) {
      options.counters.add('router-advertisement.listen-failed');
      if (!complained.has(name))
        logger.warn({ err: error, interface: name }, 'router solicitations cannot be answered here: iPXE will wait some 12 s for IPv6');
      complained.add(name);
    }
  };
  const close = (name: string) => {
    sockets.get(name)?.close();
    sockets.delete(name);
  };
  return {
    listening: () => [...sockets.keys()],
    reconcile() {
      const wanted = new Set(
        options
          .currentIndex()
          .subnets.filter((s) => s.subnet.routerAdvertisements)
          .map((s) => s.subnet.interface)
          .filter((n) => n !== undefined),
      );
      // An interface that was made anew has the old name and another index.
      for (const [name, socket] of sockets) if (!wanted.has(name) || system?.interfaceIndex(name) !== socket.interfaceIndex) close(name);
      if (!system) return;
      for (const name of wanted) if (!sockets.has(name)) open(system, name);
    },
    stop() {
      for (const name of sockets.keys()) close(name);
    },
  };
}
