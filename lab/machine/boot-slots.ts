/**
 * Firmware, kernel and ramdisk of a machine take a whole core for half a minute. Machines past the limit wait with their
 * power on, as in a rack whose power strip switches on in turns, since starved guests lose their timers.
 */
export interface BootSlots {
  /** Runs `start` as soon as a slot is free; the answer gives up the place in the queue, or the slot. */
  take(start: () => void): () => void;
}

export function createBootSlots(count: number): BootSlots {
  let free = count;
  const queue: { start: () => void }[] = [];
  const next = () => {
    while (free > 0) {
      const entry = queue.shift();
      if (!entry) return;
      free -= 1;
      entry.start();
    }
  };
  return {
    take(start) {
      let state: 'waiting' | 'held' | 'done' = 'waiting';
      const entry = {
        start: () => {
          state = 'held';
          start();
        },
      };
      queue.push(entry);
      next();
      return () => {
        const before = state;
        state = 'done';
        if (before === 'waiting') queue.splice(queue.indexOf(entry), 1);
        if (before !== 'held') return;
        free += 1;
        next();
      };
    },
  };
}
