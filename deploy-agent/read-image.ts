import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../core/base/clock.ts';
import { downloadImage } from './agent/image/image-download.ts';
import { findSpread, spreadImage } from './agent/image/spread/spread-download.ts';

/** How a machine behaves to others that want chunks from it. */
export type Giving = 'well' | 'slowly' | 'corrupt';

/** What a chunk of 2 MiB takes from a machine whose link is nearly dead. */
const SLOW_MS = 20_000;

/**
 * An image as the agent gets it, from the server and from other machines, checked and forgotten: for whoever wants to know how it is spread.
 * @returns the SHA-256 of its bytes and how long they took
 */
export async function readImage(options: {
  readonly url: URL;
  readonly giving: Giving;
  readonly heldBytesMax: number;
  /** Only from the server, as without spread. */
  readonly isAlone?: boolean;
}): Promise<{ readonly sha256: string; readonly seconds: number }> {
  const { url, giving, heldBytesMax } = options;
  const { signal } = new AbortController();
  const startedMs = systemClock.nowMs();
  const common = { url, signal, clock: systemClock, log: () => undefined };
  const chunks = options.isAlone === true ? undefined : await findSpread(url, signal);
  const bytes = chunks === undefined ? downloadImage(common) : spreadImage(chunks, { ...common, heldBytesMax, giving: ways[giving] });
  const hash = createHash('sha256');
  for await (const piece of bytes) hash.update(piece);
  return { sha256: hash.digest('hex'), seconds: (systemClock.nowMs() - startedMs) / 1000 };
}

const ways = {
  well: {},
  slowly: { pause: () => sleep(SLOW_MS, undefined, { ref: false }) },
  corrupt: {
    change: (chunk: Buffer) => {
      const other = Buffer.from(chunk);
      other[0]! ^= 0xff;
      return other;
    },
  },
};
