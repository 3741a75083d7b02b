import type { Clock } from '../../core/base/clock.ts';
import type { Random } from '../../core/base/random.ts';

/** What dies as one: a process, or a machine between two losses of power. Nothing of it happens any more once it is over. */
export interface Life {
  alive: boolean;
}

export interface VirtualTime {
  nowMs(): number;
  /** The clock of a process: its timers end with it. */
  clockOf(life: Life): Clock;
  /** To the next timer, which rings. False: there is none. */
  advance(): boolean;
}

interface Timer {
  readonly atMs: number;
  /** Timers of one moment ring in the seed's order. */
  readonly lot: number;
  readonly life: Life;
  ring: (() => void) | undefined;
}

/** Jumps from timer to timer; between two of them no time passes. */
export function createVirtualTime(startMs: number, random: Random): VirtualTime {
  let nowMs = startMs;
  const heap: Timer[] = [];
  const isBefore = (one: Timer, other: Timer) => one.atMs < other.atMs || (one.atMs === other.atMs && one.lot < other.lot);
  const swap = (a: number, b: number) => ([heap[a], heap[b]] = [heap[b]!, heap[a]!]);

  const push = (timer: Timer) => {
    heap.push(timer);
    for (let at = heap.length - 1; at > 0;) {
      const parent = (at - 1) >> 1;
      if (!isBefore(heap[at]!, heap[parent]!)) return;
      swap(at, parent);
      at = parent;
    }
  };
  const pop = (): Timer | undefined => {
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    heap[0] = last;
    for (let at = 0; ;) {
      const left = 2 * at + 1;
      const child = left + 1 < heap.length && isBefore(heap[left + 1]!, heap[left]!) ? left + 1 : left;
      if (child >= heap.length || !isBefore(heap[child]!, heap[at]!)) return first;
      swap(at, child);
      at = child;
    }
  };

  const sleep = (life: Life, ms: number, signal?: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const timer: Timer = { atMs: nowMs + Math.max(0, Math.round(ms)), lot: random.unit(), life, ring: resolve };
      push(timer);
      signal?.addEventListener(
        'abort',
        () => {
          if (timer.ring === undefined) return;
          timer.ring = undefined;
          reject(signal.reason);
        },
        { once: true },
      );
    });

  return {
    nowMs: () => nowMs,
    clockOf: (life) => ({ nowMs: () => nowMs, steadyMs: () => nowMs, sleep: (ms, signal) => sleep(life, ms, signal) }),
    advance() {
      for (let timer = pop(); timer !== undefined; timer = pop()) {
        const { ring, life, atMs } = timer;
        if (ring === undefined || !life.alive) continue;
        nowMs = Math.max(nowMs, atMs);
        timer.ring = undefined;
        ring();
        return true;
      }
      return false;
    },
  };
}
