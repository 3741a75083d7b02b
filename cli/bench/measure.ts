import { costOf } from './process-cost.ts';

/** One line of a benchmark. Milliseconds, unless the name says otherwise. */
export interface Measurement {
  readonly name: string;
  readonly concurrency: number;
  readonly calls: number;
  readonly errors: number;
  readonly medianMs: number;
  readonly p95Ms: number;
  readonly perSecond: number;
  /** CPU of all server processes, database included, per call. */
  readonly serverCpuMs: number;
  readonly seconds: number;
}

export interface Load {
  readonly name: string;
  readonly concurrency: number;
  /** Whichever comes first ends it. */
  readonly calls?: number;
  readonly seconds?: number;
  call(index: number): Promise<unknown>;
}

const ERRORS_MAX = 50;
const round = (value: number) => Math.round(value * 100) / 100;

/** @throws the first error of a load that does not succeed once in {@link ERRORS_MAX} calls */
export async function measure(load: Load, serverPids: readonly number[]): Promise<Measurement> {
  const { concurrency, calls = Infinity, seconds = Infinity } = load;
  const latencies: number[] = [];
  let next = 0;
  let errors = 0;
  let firstError: unknown;
  const before = costOf(serverPids, { memory: false }).cpuMs;
  const startedMs = performance.now();
  const worker = async () => {
    while (next < calls && performance.now() - startedMs < seconds * 1000) {
      const index = next++;
      const sentMs = performance.now();
      try {
        await load.call(index);
        latencies.push(performance.now() - sentMs);
      } catch (error) {
        errors += 1;
        firstError ??= error;
        if (errors >= ERRORS_MAX && latencies.length === 0) throw firstError;
      }
    }
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
  const elapsed = (performance.now() - startedMs) / 1000;
  const spent = costOf(serverPids, { memory: false }).cpuMs - before;
  latencies.sort((a, b) => a - b);
  const quantile = (share: number) => round(latencies[Math.min(latencies.length - 1, Math.floor(share * latencies.length))] ?? 0);
  return {
    name: load.name,
    concurrency,
    calls: latencies.length,
    errors,
    medianMs: quantile(0.5),
    p95Ms: quantile(0.95),
    perSecond: round(latencies.length / elapsed),
    serverCpuMs: round(latencies.length === 0 ? 0 : spent / latencies.length),
    seconds: round(elapsed),
  };
}
