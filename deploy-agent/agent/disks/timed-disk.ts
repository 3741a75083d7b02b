import type { Clock } from '../../../core/base/clock.ts';
import type { OpenDisk } from './disk.ts';

/** A disk that knows for how long it was waited for: what it, and neither the network nor the processor, cost. */
export interface TimedDisk {
  readonly disk: OpenDisk;
  waitedMs(): number;
}

export function timedDisk(disk: OpenDisk, clock: Pick<Clock, 'steadyMs'>): TimedDisk {
  let waitedMs = 0;
  const timed = async <Result>(work: Promise<Result>): Promise<Result> => {
    const startedMs = clock.steadyMs();
    return work.finally(() => (waitedMs += clock.steadyMs() - startedMs));
  };
  return {
    waitedMs: () => waitedMs,
    disk: {
      facts: disk.facts,
      read: (offset, length) => timed(disk.read(offset, length)),
      write: (offset, bytes) => timed(disk.write(offset, bytes)),
      zero: (offset, length) => timed(disk.zero(offset, length)),
      discard: (offset, length) => timed(disk.discard(offset, length)),
      flush: () => timed(disk.flush()),
      eraseByDevice: (signal) => timed(disk.eraseByDevice(signal)),
      rereadPartitions: () => disk.rereadPartitions(),
      close: () => disk.close(),
    },
  };
}
