import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from '../base/logger.ts';
import { type EmbeddedPostgres, isPostgresAlive, startEmbeddedPostgres } from './embedded-postgres.ts';

/**
 * The embedded PostgreSQL for as long as the control plane lives: one that ended by itself (the kernel was out of memory, somebody's kill, a full disk) is
 * started again, and says so. Meanwhile calls are refused as with any database that is away, and clients of the API try again.
 */
export type KeptPostgres = Pick<EmbeddedPostgres, 'connection' | 'stop'>;

/** Soon enough that a client's second try finds it; a look is one system call. */
const LOOK_EVERY_MS = 500;
/** A cause that lasts, a full disk, wants no start each second. */
const RETRY_MS_MAX = 30_000;

export async function keepEmbeddedPostgres(options: { readonly dataDirectory: string; readonly logger: Logger }): Promise<KeptPostgres> {
  const { dataDirectory, logger } = options;
  let postgres = await startEmbeddedPostgres(options);
  const ending = new AbortController();
  const { signal } = ending;

  async function startAgain(): Promise<void> {
    logger.error({ pid: postgres.pid, log: `${dataDirectory}/pg.log` }, 'PostgreSQL ended by itself; it is started again');
    for (let waitMs = LOOK_EVERY_MS; !signal.aborted; waitMs = Math.min(2 * waitMs, RETRY_MS_MAX)) {
      try {
        postgres = await startEmbeddedPostgres(options);
        return logger.info({ pid: postgres.pid }, 'PostgreSQL is back');
      } catch (error) {
        logger.error({ err: error, nextTryMs: waitMs }, 'PostgreSQL could not be started again');
        await pause(waitMs, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  async function watch(): Promise<void> {
    while (!signal.aborted) {
      await pause(LOOK_EVERY_MS, undefined, { signal, ref: false }).catch(() => undefined);
      if (!signal.aborted && !(await isPostgresAlive(postgres.pid))) await startAgain();
    }
  }

  const watching = watch();
  return {
    connection: postgres.connection,
    async stop() {
      ending.abort();
      await watching;
      await postgres.stop();
    },
  };
}
