import type { Clock } from '../../core/base/clock.ts';
import type { LinuxCalls } from '../../core/base/linux-calls.ts';
import type { Logger } from '../../core/base/logger.ts';
import type { MacAddress } from '../../core/base/mac-address.ts';
import type { Random } from '../../core/base/random.ts';
import type { BootCounters } from '../model/boot-counters.ts';
import { openProbeSocket, type ProbeSocket } from './probe-socket.ts';

/** How an address is asked after: by ARP on the wire of an interface, or by an ICMP echo over routes. */
export type ProbeWay = { readonly kind: 'wire'; readonly interface: string } | { readonly kind: 'routed' };

export type ProbeResult =
  | { readonly taken: false }
  /** `by` is unknown where the answer came over a router. */
  | { readonly taken: true; readonly by: MacAddress | undefined };

/** Finds out whether somebody uses an address that is about to be offered (RFC 2131 §3.1, RFC 5227). */
export interface AddressProber {
  /**
   * False when there is nothing to wait for: the address was found free a moment ago, or cannot be asked after now. Else
   * `onResult` is called once, unless a later call for the same address takes its place.
   */
  probe(address: number, way: ProbeWay, onResult: (result: ProbeResult) => void): boolean;
  close(): void;
}

/** On a wire an answer takes some ms; sleeping devices take longer, and are found by their clients' DECLINE. */
const WIRE_MS = 150;
/** Across a campus. */
const ROUTED_MS = 400;
/** Waiting clients: two racks at once. More are answered without a probe. */
const PROBES_MAX = 512;
/** Who is found free is offered again without a probe for this long. */
const FREE_MS = 5 * 60 * 1000;
/** Beyond this many remembered addresses the oldest is forgotten, and asked after again. */
const FREE_MAX = 65_536;

interface Pending {
  onResult: (result: ProbeResult) => void;
  readonly timer: NodeJS.Timeout;
}

export interface ProberOptions {
  readonly system: LinuxCalls;
  readonly clock: Clock;
  readonly random: Random;
  readonly counters: BootCounters;
  readonly logger: Logger;
}

/** Opens its sockets with the first address to ask after. */
export function createAddressProber({ system, clock, random, counters, logger }: ProberOptions): AddressProber {
  const pending = new Map<number, Pending>();
  const freeSinceMs = new Map<number, number>();
  let socket: ProbeSocket | undefined;
  let isForbidden = false;

  const settle = (address: number, result: ProbeResult) => {
    const waiting = pending.get(address);
    if (waiting === undefined) return;
    pending.delete(address);
    clearTimeout(waiting.timer);
    counters.add(result.taken ? 'probe.taken' : 'probe.free');
    if (!result.taken) {
      freeSinceMs.delete(address);
      freeSinceMs.set(address, clock.nowMs());
      if (freeSinceMs.size > FREE_MAX) freeSinceMs.delete(freeSinceMs.keys().next().value!);
    }
    waiting.onResult(result);
  };

  const opened = (): ProbeSocket | undefined => {
    if (socket || isForbidden) return socket;
    try {
      socket = openProbeSocket(system, random.bytes(2).readUInt16BE(0), (address, by) => {
        freeSinceMs.delete(address);
        settle(address, { taken: true, by });
      });
    } catch (error) {
      isForbidden = true;
      logger.warn({ err: error }, 'raw sockets are not allowed (CAP_NET_RAW): addresses are offered without asking who has them');
    }
    return socket;
  };

  return {
    probe(address, way, onResult) {
      if (clock.nowMs() - (freeSinceMs.get(address) ?? -Infinity) < FREE_MS) return false;
      const waiting = pending.get(address);
      if (waiting) {
        waiting.onResult = onResult;
        return true;
      }
      if (pending.size >= PROBES_MAX) {
        counters.add('probe.skipped-busy');
        return false;
      }
      const isAsked = way.kind === 'wire' ? opened()?.askWire(address, way.interface) : opened()?.askRouted(address);
      if (!isAsked) {
        counters.add('probe.skipped-unreachable');
        return false;
      }
      const timer = setTimeout(() => settle(address, { taken: false }), way.kind === 'wire' ? WIRE_MS : ROUTED_MS);
      pending.set(address, { onResult, timer });
      return true;
    },
    close() {
      for (const { timer } of pending.values()) clearTimeout(timer);
      pending.clear();
      socket?.close();
    },
  };
}
