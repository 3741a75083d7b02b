/*
 * How fast a window leaves. Firmware keeps a handful of packets: what comes faster than it reads is lost, and each loss costs a window or a second. So a window
 * goes out at once until its client loses some of it, then in bursts with a pause between them that halve with each loss and grow again while nothing is lost.
 */
export interface Pace {
  /** Blocks that leave at once; Infinity: whole windows. */
  readonly burstBlocks: number;
  /** Windows since the last loss. */
  readonly cleanWindows: number;
}

/** Between two bursts: a burst of 4 is 6 MB/s then, more than such firmware takes from anyone. */
export const BURST_PAUSE_MS = 1;
/** So many windows without a loss, and twice as much is tried. */
const CLEAN_WINDOWS = 64;

/** Before anything is known of a client. */
export const UNPACED: Pace = { burstBlocks: Infinity, cleanWindows: 0 };

export const afterLoss = ({ burstBlocks }: Pace, windowBlocks: number): Pace => ({
  burstBlocks: Math.max(1, Math.floor(Math.min(burstBlocks, windowBlocks) / 2)),
  cleanWindows: 0,
});

export function afterWindow(pace: Pace, windowBlocks: number): Pace {
  if (pace.burstBlocks === Infinity) return pace;
  const cleanWindows = pace.cleanWindows + 1;
  if (cleanWindows < CLEAN_WINDOWS) return { ...pace, cleanWindows };
  const burstBlocks = pace.burstBlocks * 2;
  return burstBlocks < windowBlocks ? { burstBlocks, cleanWindows: 0 } : UNPACED;
}
