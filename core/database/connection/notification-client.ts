import pg from 'pg';
import type { Logger } from '../../base/logger.ts';

/*
 * One connection that LISTENs for the whole process, and shows that it lives. PostgreSQL forgets a listener with its
 * connection, so whoever listens must look at its tables again after every connect: `onReconnect` says when.
 */
const BACKOFF_FIRST_MS = 100;
/** A database that is restarting is back within seconds; more often would only fill its log. */
const BACKOFF_MAX_MS = 5_000;
/** A peer that vanished without a word must not leave us deaf: TCP keep-alive starts after this silence. */
const KEEP_ALIVE_AFTER_MS = 10_000;

export interface NotificationClient {
  /** Holds a session lock of this name for as long as the connection lives; taken again after each reconnect. */
  bePresent(name: string): Promise<() => void>;
  listen(channel: string, onPayload: (payload: string) => void): () => void;
  onReconnect(listener: () => void): () => void;
  close(): Promise<void>;
}

/** First key of the advisory locks that say "this process lives" (`RW`); the second is the hash of its name. */
export const PRESENCE_LOCK_CLASS = 0x5257;

const channelPattern = /^[a-z_][a-z0-9_]{0,62}$/;

export function createNotificationClient(config: pg.ClientConfig, logger: Logger): NotificationClient {
  const channels = new Map<string, Set<(payload: string) => void>>();
  const presences = new Set<string>();
  /** The driver takes one query at a time. */
  let lastQuery: Promise<unknown> = Promise.resolve();
  const reconnectListeners = new Set<() => void>();
  let client: pg.Client | undefined;
  let connecting = false;
  let closed = false;
  let backoffMs = BACKOFF_FIRST_MS;
  let timer: NodeJS.Timeout | undefined;

  const announce = () => {
    for (const listener of [...reconnectListeners]) listener();
  };

  const query = (on: pg.Client, text: string, values?: unknown[]): Promise<unknown> => {
    const answer = lastQuery.catch(() => {}).then(() => on.query(text, values));
    lastQuery = answer;
    return answer;
  };
  const takePresence = (on: pg.Client, name: string) =>
    query(on, 'select pg_try_advisory_lock($1, hashtext($2))', [PRESENCE_LOCK_CLASS, name]);

  const lose = (lost: pg.Client, error?: Error) => {
    if (client !== lost) return;
    client = undefined;
    lost.end().catch(() => {});
    if (closed) return;
    logger.warn({ message: error?.message, retryInMs: backoffMs }, 'lost the notification connection to the database');
    timer = setTimeout(() => void connect(), backoffMs);
    backoffMs = Math.min(backoffMs * 2, BACKOFF_MAX_MS);
  };

  const connect = async () => {
    if (connecting || closed || client) return;
    connecting = true;
    const fresh = new pg.Client({
      ...config,
      application_name: 'rackwright-listen',
      keepAlive: true,
      keepAliveInitialDelayMillis: KEEP_ALIVE_AFTER_MS,
    });
    client = fresh;
    fresh.on('error', (error) => lose(fresh, error));
    fresh.on('end', () => lose(fresh));
    fresh.on('notification', ({ channel, payload }) => {
      for (const onPayload of [...(channels.get(channel) ?? [])]) onPayload(payload ?? '');
    });
    try {
      await fresh.connect();
      for (const name of presences) await takePresence(fresh, name);
      for (const channel of channels.keys()) await query(fresh, `LISTEN ${channel}`);
      backoffMs = BACKOFF_FIRST_MS;
      connecting = false;
      if (client === fresh) announce();
    } catch (error) {
      connecting = false;
      lose(fresh, error as Error);
    }
  };

  return {
    listen(channel, onPayload) {
      if (!channelPattern.test(channel)) throw new Error(`Not a notification channel name: ${channel}`);
      const known = channels.get(channel);
      const callbacks = known ?? new Set();
      callbacks.add(onPayload);
      channels.set(channel, callbacks);
      if (!client) void connect();
      else if (!known) {
        const current = client;
        query(current, `LISTEN ${channel}`).then(announce, (error: Error) => lose(current, error));
      } else queueMicrotask(announce);
      return () => {
        callbacks.delete(onPayload);
        if (callbacks.size > 0 || channels.get(channel) !== callbacks) return;
        channels.delete(channel);
        if (client) query(client, `UNLISTEN ${channel}`).catch(() => {});
      };
    },
    async bePresent(name) {
      presences.add(name);
      const current = client;
      if (!current) await connect();
      // A connection that is still opening takes it too, or again: the lock is the session's own.
      else await takePresence(current, name).catch((error: Error) => lose(current, error));
      return () => {
        presences.delete(name);
        if (client) query(client, 'select pg_advisory_unlock($1, hashtext($2))', [PRESENCE_LOCK_CLASS, name]).catch(() => {});
      };
    },
    onReconnect(listener) {
      reconnectListeners.add(listener);
      return () => reconnectListeners.delete(listener);
    },
    async close() {
      closed = true;
      clearTimeout(timer);
      const last = client;
      client = undefined;
      await last?.end().catch(() => {});
    },
  };
}
