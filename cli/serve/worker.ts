export interface Worker {
  wake(): void;
  onError(listener: (error: unknown) => void): void;
  stop(): void;
}

export interface WorkerPace {
  /** What is asked for within this is done together. */
  readonly gatherMs: number;
  /** Pauses after each work, as a multiple of the time that it took: how little of a busy process it takes. None: 0. */
  readonly restFactor?: number;
  /** No pause is longer. */
  readonly restMsMax?: number;
}

/** Work that is done again when it was asked for meanwhile, one at a time. The first after a while is done at once. */
export function createWorker({ gatherMs, restFactor = 0, restMsMax = Infinity }: WorkerPace, work: () => Promise<void>): Worker {
  let isDue = false;
  let isRunning = false;
  let isStopped = false;
  let fail: (error: unknown) => void = () => undefined;
  let restUntil = 0;
  const run = async () => {
    isRunning = true;
    while (isDue && !isStopped) {
      await pause(Math.max(gatherMs, restUntil - performance.now()));
      if (isStopped) break;
      isDue = false;
      const begun = performance.now();
      await work().catch(fail);
      const ended = performance.now();
      restUntil = ended + Math.min((ended - begun) * restFactor, restMsMax);
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

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
