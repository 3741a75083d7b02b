/** Chunks in memory, for whoever asks: the newest ones, since machines that began together are at about the same place. */
export interface HeldChunks {
  get(index: number): Buffer | undefined;
  add(index: number, bytes: Buffer): void;
  indices(): Iterable<number>;
}

/** @param floor below it chunks may go: what is at it or after it is still wanted here. */
export function createHeldChunks(bytesMax: number, floor: () => number): HeldChunks {
  const chunks = new Map<number, Buffer>();
  let bytes = 0;
  return {
    get: (index) => chunks.get(index),
    add(index, added) {
      chunks.set(index, added);
      bytes += added.length;
      for (const [old, { length }] of chunks) {
        if (bytes <= bytesMax) break;
        if (old >= floor()) continue;
        chunks.delete(old);
        bytes -= length;
      }
    },
    indices: () => chunks.keys(),
  };
}
