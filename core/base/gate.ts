/** Lets at most `limit` holders in at once, first come first served; a waiter whose signal aborts leaves the queue. */
export interface Gate {
  /** Resolves to the function that lets the next one in; call it once. */
  enter(signal: AbortSignal): Promise<() => void>;
}

export function createGate(limit: number): Gate {
  let inside = 0;
  const waiting: (() => void)[] = [];
  const leaveOnce = () => {
    let left = false;
    return () => {
      if (left) return;
      left = true;
      inside -= 1;
      waiting.shift()?.();
    };
  };
  return {
    enter: (signal) =>
      new Promise((resolve, reject) => {
        if (signal.aborted) return reject(signal.reason);
        const admit = () => {
          signal.removeEventListener('abort', give);
          inside += 1;
          resolve(leaveOnce());
        };
        const give = () => {
          const at = waiting.indexOf(admit);
          if (at >= 0) waiting.splice(at, 1);
          reject(signal.reason);
        };
        if (inside < limit) return admit();
        signal.addEventListener('abort', give, { once: true });
        waiting.push(admit);
      }),
  };
}
