/**
 * A seeded mutator over golden packets: bits flipped, bytes set to the values that lengths go wrong at, pieces cut out, doubled,
 * or taken from another packet. The same seed makes the same packets.
 */
export interface Mutator {
  /** A whole number below `limit`. */
  below(limit: number): number;
  next(): Buffer;
}

/** What a test suite does each time; `test/pxe/hostile-packets.test.ts` takes more from the environment. */
export const MUTATE_ROUNDS = 3000;
const EDITS_MAX = 4;
const EDGES = [0, 1, 2, 4, 16, 127, 128, 254, 255];

export function createMutator(golden: readonly Buffer[], seed: number): Mutator {
  let state = seed >>> 0 || 1;
  // xorshift32
  const below = (limit: number): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return limit <= 1 ? 0 : state % limit;
  };
  const edits: readonly ((bytes: Buffer) => Buffer)[] = [
    (bytes) => {
      if (bytes.length > 0) bytes[below(bytes.length)]! ^= 1 << below(8);
      return bytes;
    },
    (bytes) => {
      if (bytes.length > 0) bytes[below(bytes.length)] = EDGES[below(EDGES.length)]!;
      return bytes;
    },
    (bytes) => bytes.subarray(0, below(bytes.length + 1)),
    (bytes) => {
      const at = below(bytes.length + 1);
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + below(16))]);
    },
    (bytes) => {
      const at = below(bytes.length + 1);
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at, at + 1 + below(32)), bytes.subarray(at)]);
    },
    (bytes) => {
      const other = golden[below(golden.length)]!;
      return Buffer.concat([bytes.subarray(0, below(bytes.length + 1)), other.subarray(below(other.length + 1))]);
    },
  ];
  return {
    below,
    next() {
      let bytes: Buffer = Buffer.from(golden[below(golden.length)]!);
      for (let i = below(EDITS_MAX) + 1; i > 0; i -= 1) bytes = Buffer.from(edits[below(edits.length)]!(bytes));
      return bytes;
    },
  };
}
