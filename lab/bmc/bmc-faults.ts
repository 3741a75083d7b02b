import type { Random } from '../../core/base/random.ts';

/**
 * How an emulated BMC misbehaves. Each setting is a chance in [0, 1] or a span of milliseconds; what is absent never
 * happens. All draws come from one seeded stream, so that a seed gives the same BMC again.
 */
export interface BmcFaults {
  /** Every answer takes this long, from-to. */
  readonly answerDelayMs?: readonly [number, number];
  /** A datagram is lost, each way; a Redfish connection breaks before its answer. */
  readonly packetLoss?: number;
  /** A new session finds no free slot: other tools hold them all. */
  readonly sessionRefusal?: number;
  /** A boot override is accepted and not kept. */
  readonly bootDeviceLoss?: number;
  /** A power command is answered with success and carried out this much later. */
  readonly powerDelayMs?: readonly [number, number];
  /** An IPMI answer is preceded by a damaged copy of itself. */
  readonly garbage?: number;
}

export type BmcFaultName = keyof BmcFaults;

export interface BmcFaultDice {
  /** How often each has happened so far. */
  readonly counts: Readonly<Record<BmcFaultName, number>>;
  happens(fault: 'packetLoss' | 'sessionRefusal' | 'bootDeviceLoss' | 'garbage'): boolean;
  /** 0 when the fault is not set. */
  delayMs(fault: 'answerDelayMs' | 'powerDelayMs'): number;
  /** The bytes with a few of them changed, and now and then cut short. */
  damage(bytes: Buffer): Buffer;
}

const CHANGED_BYTES_MAX = 4;
const CUT_CHANCE = 0.3;

export function createBmcFaultDice(faults: BmcFaults, random: Random): BmcFaultDice {
  const counts: Record<BmcFaultName, number> = {
    answerDelayMs: 0,
    packetLoss: 0,
    sessionRefusal: 0,
    bootDeviceLoss: 0,
    powerDelayMs: 0,
    garbage: 0,
  };
  const below = (limit: number) => Math.floor(random.unit() * limit);
  return {
    counts,
    happens(fault) {
      const chance = faults[fault];
      if (chance === undefined || random.unit() >= chance) return false;
      counts[fault] += 1;
      return true;
    },
    delayMs(fault) {
      const span = faults[fault];
      if (span === undefined) return 0;
      counts[fault] += 1;
      return span[0] + below(span[1] - span[0] + 1);
    },
    damage(bytes) {
      const damaged = Buffer.from(bytes);
      for (let left = 1 + below(CHANGED_BYTES_MAX); left > 0; left -= 1) damaged[below(damaged.length)] = below(256);
      return random.unit() < CUT_CHANCE ? damaged.subarray(0, below(damaged.length)) : damaged;
    },
  };
}
