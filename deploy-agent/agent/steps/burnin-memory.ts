import { freemem } from 'node:os';
import { AgentFailure } from '../control/agent-failure.ts';
import { burnInStep, secondsOf } from './burn-in.ts';
import type { StepContext } from './step.ts';

/** Fills most of the free memory with patterns, lets it stand, and compares: each cell holds a one and a zero once a pass. */
const CHUNK_BYTES = 64 * 2 ** 20;
/** The agent, its disks' caches and the kernel need the rest. */
const SHARE_DEFAULT_PERCENT = 75;
const PATTERNS = [0x00, 0xff, 0xaa, 0x55] as const;

const pause = () => new Promise<void>((resolve) => setImmediate(resolve));

export async function testMemory(bytes: number, seconds: number, context: Pick<StepContext, 'clock' | 'signal' | 'progress'>) {
  const startedAtMs = context.clock.nowMs();
  const chunks = Array.from({ length: Math.max(1, Math.floor(bytes / CHUNK_BYTES)) }, () =>
    Buffer.allocUnsafeSlow(Math.min(bytes, CHUNK_BYTES)),
  );
  let passes = 0;
  const isOver = () => context.clock.nowMs() - startedAtMs >= seconds * 1000;
  do {
    for (const pattern of PATTERNS) {
      for (const chunk of chunks) {
        context.signal.throwIfAborted();
        chunk.fill(pattern);
        await pause();
      }
      const expected = Buffer.alloc(chunks[0]!.length, pattern);
      for (const [index, chunk] of chunks.entries()) {
        context.signal.throwIfAborted();
        if (!chunk.equals(expected)) {
          const at = chunk.findIndex((byte) => byte !== pattern);
          throw new AgentFailure('burn-in-failed', `memory does not keep what is written to it: ${chunk[at]} in place of ${pattern}`, {
            chunk: index,
            offset: at,
          });
        }
        await pause();
      }
      const done = Math.min(seconds, Math.round((context.clock.nowMs() - startedAtMs) / 1000));
      context.progress({ phase: `testing ${chunks.length * (CHUNK_BYTES / 2 ** 20)} MiB of memory`, done, total: seconds, unit: 'steps' });
    }
    passes += 1;
  } while (!isOver());
  return { bytes: chunks.length * chunks[0]!.length, passes, seconds };
}

export const burninMemory = burnInStep(
  'burnin_memory',
  async (args, context) => {
    const percent = args['percent'] === undefined ? SHARE_DEFAULT_PERCENT : Number(args['percent']);
    if (!(percent > 0 && percent <= 95)) throw new AgentFailure('step-arguments', 'percent must be above 0 and at most 95');
    return testMemory(Math.floor((freemem() * percent) / 100), secondsOf(args), context);
  },
  { percent: { description: `Of the free memory; ${SHARE_DEFAULT_PERCENT} by default`, required: false } },
);
