export interface Worker {
  wake(): void;
  onError(listener: (error: unknown) => void): void;
  stop(): void;
}

/** Work that is done again when it was asked for meanwhile, one at a time. */
export function createWorker(gatherMs: number, work: () => Promise<void>): Worker {
  let isDue = false;
  let isRunning = false;
  let isStopped = false;
  let fail: (error: unknown) => void = () => undefined;
  const run = async () => {
    isRunning = true;
    while (isDue && !isStopped) {
      await new Promise((resolve) => setTimeout(resolve, gatherMs));
      isDue = false;
      await work().catch(fail);
    }
    isRunning = false;
  };
  return {
    wake() {
      isDue = true;
      if (!isRunning && !isStopped) void run();
    },
    onError: (listener) => void (fail = listener),
    stop: () => void (isStopped = true),
  };
}
