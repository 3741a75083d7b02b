/** Blocks that are read back after an erase: both ends and evenly between, at a place within each stretch that differs from disk to disk. */
export const SAMPLE_BYTES = 4096;
export const SAMPLES_MAX = 64;

export function chooseSamples(
  ranges: readonly { readonly offset: number; readonly length: number }[],
  unit: () => number,
  count = SAMPLES_MAX,
): readonly number[] {
  const total = ranges.reduce((sum, range) => sum + Math.floor(range.length / SAMPLE_BYTES), 0);
  const wanted = Math.min(count, total);
  const place = (index: number): number => {
    let left = index;
    for (const range of ranges) {
      const blocks = Math.floor(range.length / SAMPLE_BYTES);
      if (left < blocks) return range.offset + left * SAMPLE_BYTES;
      left -= blocks;
    }
    return 0;
  };
  const chosen = new Set<number>();
  for (let sample = 0; sample < wanted; sample += 1) {
    const from = Math.floor((sample * total) / wanted);
    const to = Math.floor(((sample + 1) * total) / wanted);
    const index = sample === 0 ? 0 : sample === wanted - 1 ? total - 1 : from + Math.floor(unit() * (to - from));
    chosen.add(place(index));
  }
  return [...chosen].sort((a, b) => a - b);
}
