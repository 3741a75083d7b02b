import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { AgentFailure } from '../control/agent-failure.ts';
import { burnInStep, secondsOf } from './burn-in.ts';
import type { StepContext } from './step.ts';

/**
 * Every thread computes the same chain of hashes and square roots. What one thread has at a round, all others must have at
 * that round: a core that computes wrongly, or only when it is hot, disagrees.
 */
const ROUNDS_A_MARK = 2000;
const SOURCE = `
const { parentPort } = require('node:worker_threads');
const { createHash } = require('node:crypto');
let link = Buffer.alloc(64);
let root = 2;
for (let mark = 1; ; mark += 1) {
  for (let round = 0; round < ${ROUNDS_A_MARK}; round += 1) {
    root = Math.sqrt(root + round) * Math.PI;
    link = createHash('sha512').update(link).update(String(root)).digest();
  }
  parentPort.postMessage({ mark, digest: link.toString('hex') });
}
`;

interface Mark {
  readonly mark: number;
  readonly digest: string;
}

/** Marks that all threads have passed are forgotten. @returns the disagreement, if there is one. */
export function createAgreement(threads: number) {
  const seen = new Map<number, { digest: string; count: number }>();
  return (thread: number, { mark, digest }: Mark): string | undefined => {
    const first = seen.get(mark);
    if (first === undefined) {
      if (threads > 1) seen.set(mark, { digest, count: 1 });
      return undefined;
    }
    if (first.digest !== digest) return `thread ${thread} disagrees with another at round ${mark * ROUNDS_A_MARK}`;
    first.count += 1;
    if (first.count === threads) seen.delete(mark);
    return undefined;
  };
}

async function burn(seconds: number, context: StepContext) {
  const threads = availableParallelism();
  const disagrees = createAgreement(threads);
  const startedAtMs = context.clock.nowMs();
  let rounds = 0;
  /** Threads with nothing to compare yet: a slow machine is not done before each of them said something. */
  const silent = new Set(Array.from({ length: threads }, (_each, thread) => thread));
  const compared = Promise.withResolvers<void>();
  const failure = Promise.withResolvers<never>();
  const stop = () => failure.reject(context.signal.reason);
  context.signal.addEventListener('abort', stop, { once: true });
  const workers = Array.from({ length: threads }, (_each, thread) => {
    const worker = new Worker(SOURCE, { eval: true });
    worker.on('error', (error: Error) =>
      failure.reject(new AgentFailure('burn-in-failed', `a computing thread fell over: ${error.message}`)),
    );
    worker.on('message', (mark: Mark) => {
      rounds += ROUNDS_A_MARK;
      const reason = disagrees(thread, mark);
      if (silent.delete(thread) && silent.size === 0) compared.resolve();
      if (reason !== undefined) failure.reject(new AgentFailure('burn-in-failed', `the CPU computes wrongly: ${reason}`, { thread }));
      context.progress({ phase: `computing on ${threads} threads`, done: elapsed(), total: seconds, unit: 'steps' });
    });
    return worker;
  });
  const elapsed = () => Math.min(seconds, Math.round((context.clock.nowMs() - startedAtMs) / 1000));
  try {
    await Promise.race([Promise.all([context.clock.sleep(seconds * 1000, context.signal), compared.promise]), failure.promise]);
  } finally {
    context.signal.removeEventListener('abort', stop);
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
  return { threads, seconds, rounds };
}

export const burninCpu = burnInStep('burnin_cpu', (args, context) => burn(secondsOf(args), context));
