import { randomUUID } from 'node:crypto';
import type { Kysely, Transaction } from 'kysely';
import type { Clock } from '../core/base/clock.ts';
import type { Logger } from '../core/base/logger.ts';
import type { Sealer } from '../core/base/sealer-codec.ts';
import { sql } from 'kysely';
import type { Database } from '../core/database/connect-database.ts';
import type { DatabaseSchema } from '../core/database/schema-types.ts';
import type { IdentitySettings } from './identity-settings.ts';

/*
 * What the services of this room are given, and the one way to change its tables. Reads of the common case come from memory
 * and every change of any row forgets all of it, here at once and in other processes by NOTIFY: identities change rarely.
 */
export type Reader = Kysely<DatabaseSchema>;
export type Writer = Transaction<DatabaseSchema>;

export interface IdentityContext {
  readonly db: Reader;
  readonly clock: Clock;
  readonly sealer: Sealer;
  readonly settings: IdentitySettings;
  readonly logger: Logger;
  /** One transaction; what was remembered is forgotten with its commit. */
  write<T>(change: (trx: Writer) => Promise<T>): Promise<T>;
  /** From memory, or loaded once; `undefined` is remembered too. */
  remember<T>(key: string, load: () => Promise<T>): T | Promise<T>;
  close(): void;
}

const CHANNEL = 'identity_changed';
/** Bounds what a lost NOTIFY connection can hide: it is back within seconds, and forgets everything then. */
const REMEMBERED_MS_MAX = 30_000;
/** Tokens, users and scopes of a busy cloud; a hostile stream of made-up ids must not fill the memory. */
const REMEMBERED_MAX = 20_000;

export function createIdentityContext(options: {
  database: Database;
  clock: Clock;
  sealer: Sealer;
  settings: IdentitySettings;
  logger: Logger;
}): IdentityContext {
  const { database, clock } = options;
  let memory = new Map<string, { value: unknown; until: number }>();
  let generation = 0;
  const forget = () => {
    generation += 1;
    memory = new Map();
  };
  // What this process wrote it forgot at the commit: its own NOTIFY, which comes later, tells it nothing new.
  const self = randomUUID();
  const stops = [database.listen(CHANNEL, (writer) => writer === self || forget()), database.onReconnect(forget)];
  return {
    ...options,
    db: database.db,
    async write(change) {
      try {
        return await database.db.transaction().execute(async (trx) => {
          const result = await change(trx);
          await sql`select pg_notify(${CHANNEL}, ${self})`.execute(trx);
          return result;
        });
      } finally {
        forget();
      }
    },
    remember<T>(key: string, load: () => Promise<T>): T | Promise<T> {
      const found = memory.get(key);
      const now = clock.nowMs();
      if (found !== undefined && found.until > now) return found.value as T;
      const began = generation;
      return load().then((value) => {
        // Loaded before a change that came meanwhile: right for this call, stale for the next.
        if (generation === began) {
          if (memory.size >= REMEMBERED_MAX) memory = new Map();
          memory.set(key, { value, until: now + REMEMBERED_MS_MAX });
        }
        return value;
      });
    },
    close: () => stops.forEach((stop) => stop()),
  };
}
