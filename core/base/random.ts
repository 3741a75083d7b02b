import { randomBytes } from 'node:crypto';

/** Randomness as an argument: the system's for production, a seeded stream for replay. */
export interface Random {
  bytes(length: number): Buffer;
  /** A float in [0, 1). */
  unit(): number;
}

export const systemRandom: Random = { bytes: (length) => randomBytes(length), unit: () => Math.random() };

/** A repeatable stream (mulberry32). Never for keys. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const unit = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  return { unit, bytes: (length) => Buffer.from(Array.from({ length }, () => Math.floor(unit() * 256))) };
}
