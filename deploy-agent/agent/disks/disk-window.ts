import type { OpenDisk } from './disk.ts';

/** A partition as a disk of its own: offsets begin at its first byte, and nothing beyond its last can be reached. */
export function diskWindow(disk: OpenDisk, { offset, length }: { readonly offset: number; readonly length: number }): OpenDisk {
  const inside = (at: number, bytes: number): number => {
    if (at < 0 || bytes < 0 || at + bytes > length) throw new Error(`${bytes} bytes at ${at} are outside of the partition of ${length}`);
    return offset + at;
  };
  return {
    facts: { ...disk.facts, sizeBytes: length },
    read: async (at, bytes) => disk.read(inside(at, bytes), bytes),
    write: async (at, bytes) => disk.write(inside(at, bytes.length), bytes),
    zero: async (at, bytes) => disk.zero(inside(at, bytes), bytes),
    discard: async (at, bytes) => disk.discard(inside(at, bytes), bytes),
    flush: () => disk.flush(),
    eraseByDevice: async () => undefined,
    rereadPartitions: async () => {},
    close: async () => {},
  };
}
