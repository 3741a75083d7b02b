import { performance } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';
import { findGarbageCollector } from '../../core/base/garbage-collector.ts';

/*
 * V8 keeps what a busy hour took for as long as nothing else wants it: a control plane at rest would hold twice what it needs. So when it has little to do, and
 * has taken much since the last time, its heap is collected whole and what is free goes back to the system. That holds the event loop up for about a millisecond
 * for each megabyte that lives, so never while there is work.
 */
const LOOK_MS = 5_000;
/** Share of the time in which the event loop had something to do. */
const RESTING_BELOW = 0.1;
/** Less is not worth a pause. */
const GROWN_BYTES_MIN = 24 * 2 ** 20;
const PAUSE_MS_MIN = 60_000;

export interface MemoryFacts {
  readonly utilization: number;
  readonly heapBytes: number;
  /** What the heap held after it was collected last; 0: never. */
  readonly collectedBytes: number;
  readonly sinceCollectedMs: number;
}

export const isTimeToCollect = ({ utilization, heapBytes, collectedBytes, sinceCollectedMs }: MemoryFacts): boolean =>
  utilization < RESTING_BELOW && sinceCollectedMs >= PAUSE_MS_MIN && heapBytes - collectedBytes >= GROWN_BYTES_MIN;

/** The answer ends it. Does nothing where V8 can not be asked. */
export function startMemoryKeeper(): () => void {
  const collect = findGarbageCollector();
  if (collect === undefined) return () => {};
  const heapBytes = () => getHeapStatistics().total_heap_size;
  let collectedBytes = 0;
  let collectedAtMs = -Infinity;
  let before = performance.eventLoopUtilization();
  const timer = setInterval(() => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, before);
    before = now;
    const sinceCollectedMs = performance.now() - collectedAtMs;
    if (!isTimeToCollect({ utilization, heapBytes: heapBytes(), collectedBytes, sinceCollectedMs })) return;
    collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
    collectedBytes = heapBytes();
    collectedAtMs = performance.now();
    before = performance.eventLoopUtilization();
  }, LOOK_MS);
  timer.unref();
  return () => clearInterval(timer);
}
