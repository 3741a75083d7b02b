import type { Random } from '../../core/base/random.ts';

/**
 * What a bad cable or an overrun buffer does to frames: each is lost, doubled or late by a draw from a seeded stream. A
 * lone datagram (DHCP, TFTP, ARP) and a segment of a TCP stream have chances of their own: the first has nobody below it
 * that sends again, the second would only make an image take hours.
 */
export interface FrameFaults {
  readonly loss?: FrameChances;
  readonly duplicate?: FrameChances;
  /** A late frame is overtaken by those behind it. */
  readonly delay?: FrameChances & { readonly ms: readonly [number, number] };
}

export interface FrameChances {
  readonly datagram: number;
  readonly stream: number;
}

export type FrameFaultName = keyof FrameFaults;

export interface FrameDisturber {
  readonly counts: Readonly<Record<FrameFaultName, number>>;
  /** Calls `deliver` not at all, once or twice, now or later. */
  pass(frame: Buffer, deliver: (frame: Buffer) => void): void;
}

const ETHERTYPE_IPV4 = 0x0800;
const PROTOCOL_TCP = 6;
const IPV4_PROTOCOL_OFFSET = 23;

export const isStreamFrame = (frame: Buffer): boolean =>
  frame.length > IPV4_PROTOCOL_OFFSET && frame.readUInt16BE(12) === ETHERTYPE_IPV4 && frame[IPV4_PROTOCOL_OFFSET] === PROTOCOL_TCP;

export function createFrameDisturber(
  faults: FrameFaults,
  random: Random,
  later: (ms: number, run: () => void) => void = (ms, run) => void setTimeout(run, ms).unref(),
): FrameDisturber {
  const counts: Record<FrameFaultName, number> = { loss: 0, duplicate: 0, delay: 0 };
  const happens = (name: FrameFaultName, kind: keyof FrameChances): boolean => {
    const chances = faults[name];
    if (chances === undefined || random.unit() >= chances[kind]) return false;
    counts[name] += 1;
    return true;
  };
  return {
    counts,
    pass(frame, deliver) {
      const kind = isStreamFrame(frame) ? 'stream' : 'datagram';
      if (happens('loss', kind)) return;
      const copies = happens('duplicate', kind) ? 2 : 1;
      for (let copy = 0; copy < copies; copy += 1) {
        if (!happens('delay', kind)) {
          deliver(frame);
          continue;
        }
        const [least, most] = faults.delay!.ms;
        later(least + Math.floor(random.unit() * (most - least + 1)), () => deliver(frame));
      }
    },
  };
}
