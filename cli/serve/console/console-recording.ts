import type { Duplex } from 'node:stream';
import { BmcError } from '../../../bmc/capability.ts';
import { systemClock } from '../../../core/base/clock.ts';

/*
 * One machine's console, held as long as nobody else wants it. A session that can not be had, or ends, is tried again with
 * a growing pause; somebody else's is never taken.
 */
export interface Recording {
  /** Gives the session back: resolves when the BMC has it. */
  hold(): Promise<void>;
  /** Takes it again. */
  release(): void;
}

export interface RecordingOptions {
  readonly open: (signal: AbortSignal) => Promise<Duplex>;
  readonly onOpen: () => void;
  readonly onBytes: (bytes: Buffer) => void;
  /** The console is not recorded for this time. */
  readonly onGap: (cause: Error, forMs: number) => void;
}

/** A slow BMC opens a session, with its cipher suites tried, within 20 s. */
const OPEN_MS_MAX = 30_000;
const PAUSE_FIRST_MS = 5_000;
/** A BMC that restarts is back in some minutes; later ones find it without much delay. */
const PAUSE_MS_MAX = 5 * 60_000;
/** A refusal is mended by a person: each try in between is a line in the BMC's log. */
const PAUSE_REFUSED_MS = 15 * 60_000;

/** @param failures in a row, this one counted */
export function pauseAfter(cause: Error, failures: number): number {
  if (cause instanceof BmcError && !cause.retryable) return PAUSE_REFUSED_MS;
  return Math.min(PAUSE_FIRST_MS * 2 ** (failures - 1), PAUSE_MS_MAX);
}

export function startRecording(options: RecordingOptions): Recording {
  let over = new AbortController();
  let running = keepOpen(options, over.signal);
  return {
    hold() {
      over.abort();
      return running;
    },
    release() {
      if (!over.signal.aborted) return;
      const { signal } = (over = new AbortController());
      running = running.then(() => keepOpen(options, signal));
    },
  };
}

async function keepOpen(options: RecordingOptions, signal: AbortSignal): Promise<void> {
  let failures = 0;
  const onOpen = () => {
    failures = 0;
    options.onOpen();
  };
  while (!signal.aborted) {
    const cause = await session({ ...options, onOpen }, signal).catch((error: Error) => error);
    if (signal.aborted) return;
    failures += 1;
    const forMs = pauseAfter(cause, failures);
    options.onGap(cause, forMs);
    await systemClock.sleep(forMs, signal).catch(() => {});
  }
}

/** Resolves with why the session ended. */
async function session({ open, onOpen, onBytes }: RecordingOptions, signal: AbortSignal): Promise<Error> {
  const stream = await open(AbortSignal.any([signal, AbortSignal.timeout(OPEN_MS_MAX)]));
  let cause = new Error('the BMC ended the console session');
  const closed = new Promise<void>((resolve) => stream.once('close', resolve));
  const end = () => void stream.destroy();
  stream.on('error', (error) => (cause = error)).on('data', onBytes);
  signal.addEventListener('abort', end, { once: true });
  if (signal.aborted) end();
  else onOpen();
  await closed;
  signal.removeEventListener('abort', end);
  return cause;
}
