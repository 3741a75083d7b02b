import pg from 'pg';
import type { Logger } from '../../base/logger.ts';

/*
 * One process of several leads: a session lock on a connection of its own, which PostgreSQL drops with the process, also with a
 * `kill -9`; the next one in the queue has it at once. Whoever loses the connection leads no more, and asks again.
 */
/** First key of these advisory locks (`RL`); the second is the hash of what is led. */
const LEAD_LOCK_CLASS = 0x524c;
/** A statement that waits keeps VACUUM from tidying up behind it: it is asked anew this often. */
const WAIT_MS_MAX = 30_000;
const RETRY_MS = 500;
const KEEP_ALIVE_AFTER_MS = 10_000;
const LOCK_NOT_AVAILABLE = '55P03';

export interface Lead {
  stop(): Promise<void>;
}

/** `begin` is called each time this process becomes the leader; what it returns, when it is no more. */
export function takeLead(options: {
  readonly config: pg.ClientConfig;
  readonly logger: Logger;
  readonly name: string;
  readonly begin: () => () => Promise<void>;
}): Lead {
  const { config, logger, name, begin } = options;
  let isStopped = false;
  let client: pg.Client | undefined;
  let pause: { timer: NodeJS.Timeout; end: () => void } | undefined;

  const attempt = async () => {
    const mine = new pg.Client({
      ...config,
      application_name: 'rackwright-lead',
      keepAlive: true,
      keepAliveInitialDelayMillis: KEEP_ALIVE_AFTER_MS,
    });
    client = mine;
    const gone = new Promise<void>((resolve) => {
      mine.once('end', resolve);
      mine.on('error', () => resolve());
    });
    try {
      await mine.connect();
      await mine.query(`set lock_timeout = ${WAIT_MS_MAX}`);
      while (!(await lock(mine, name)));
      if (isStopped) return;
      const end = begin();
      await gone;
      await end();
    } finally {
      mine.end().catch(() => {});
    }
  };
  const forever = async () => {
    while (!isStopped) {
      await attempt().catch((error: Error) => {
        if (!isStopped) logger.warn({ message: error.message, name }, 'the lead could not be asked for');
      });
      if (isStopped) return;
      await new Promise<void>((resolve) => (pause = { timer: setTimeout(resolve, RETRY_MS), end: resolve }));
    }
  };
  const running = forever();
  return {
    async stop() {
      isStopped = true;
      clearTimeout(pause?.timer);
      pause?.end();
      await client?.end().catch(() => {});
      await running;
    },
  };
}

async function lock(client: pg.Client, name: string): Promise<boolean> {
  try {
    await client.query('select pg_advisory_lock($1, hashtext($2))', [LEAD_LOCK_CLASS, name]);
    return true;
  } catch (error) {
    if ((error as { code?: string }).code === LOCK_NOT_AVAILABLE) return false;
    throw error;
  }
}
