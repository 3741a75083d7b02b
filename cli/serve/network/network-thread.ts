import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Logger } from '../../../core/base/logger.ts';
import type { DatabasePlace } from '../../../core/database/connect-database.ts';
import type { OvnPlaces } from './ovn-places.ts';
import type { Reconciler, ReconcilerStatus } from './network-reconciler.ts';

/**
 * The reconciler in a thread of its own, with a connection of its own: a look at a thousand networks is a tenth of a second of work, in
 * which the API would answer nobody. A thread that ends by itself is started again.
 */
export interface ThreadSettings extends OvnPlaces {
  readonly place: DatabasePlace;
  readonly hasMetadata: boolean;
}

/** What the thread says. */
export type ThreadMessage =
  | { readonly kind: 'status'; readonly status: ReconcilerStatus }
  | {
      readonly kind: 'log';
      readonly level: 'debug' | 'info' | 'warn' | 'error';
      readonly fields: object;
      readonly message: string;
    };

type Counts = Pick<ReconcilerStatus, 'applied' | 'operations' | 'failures'>;

const PROGRAM = new URL('./network-thread-program.ts', import.meta.url);
const RESTART_MS = 1_000;
/** It waits for nothing but a statement that is under way. */
const END_MS_MAX = 5_000;

export function startReconcilerThread({ logger, ...settings }: ThreadSettings & { readonly logger: Logger }): Reconciler {
  let status: ReconcilerStatus = waitingFor('its thread', { applied: 0, operations: 0, failures: 0, lastMs: 0 });
  /** What threads before this one did; its own counts begin at 0. */
  let before: Counts = status;
  let isStopped = false;
  let restart: NodeJS.Timeout | undefined;
  const begin = (): Worker => {
    const started = new Worker(PROGRAM, { workerData: settings, name: 'networks' });
    started.on('message', (said: ThreadMessage) => {
      if (said.kind === 'status') status = { ...said.status, ...added(before, said.status) };
      else logger[said.level](said.fields, said.message);
    });
    started.on('error', (error) => logger.error({ err: error }, 'the thread that carries networks out broke'));
    started.on('exit', (code) => {
      if (isStopped) return;
      logger.warn({ code }, 'the thread that carries networks out ended and is started again');
      status = waitingFor('its thread, which is started again', { ...status, failures: status.failures + 1 });
      before = status;
      restart = setTimeout(() => (thread = begin()), RESTART_MS);
    });
    return started;
  };
  let thread = begin();
  return {
    status: () => status,
    async stop() {
      isStopped = true;
      clearTimeout(restart);
      if (thread.threadId === -1) return;
      thread.postMessage('stop');
      const signal = AbortSignal.timeout(END_MS_MAX);
      await once(thread, 'exit', { signal }).catch(() => thread.terminate());
    },
  };
}

const added = (one: Counts, other: Counts): Counts => ({
  applied: one.applied + other.applied,
  operations: one.operations + other.operations,
  failures: one.failures + other.failures,
});

const waitingFor = (what: string, counts: Omit<ReconcilerStatus, 'waitingFor' | 'waitingSinceMs'>): ReconcilerStatus => ({
  ...counts,
  waitingFor: what,
  waitingSinceMs: Date.now(),
});
