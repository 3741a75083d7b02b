import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import type { Logger } from '../base/logger.ts';
import { takeLead, type Lead } from './connection/leader-lock.ts';
import { createNotificationClient } from './connection/notification-client.ts';
import { prepareStatements } from './connection/prepare-statements.ts';
import type { DatabaseSchema } from './schema-types.ts';

/*
 * The way to PostgreSQL: a pool behind Kysely, and one connection that listens. Makes no tables (`migrate.ts`) and
 * starts no server (`embedded-postgres.ts`).
 */

/** Debian 12's; older ones lack MERGE and `nulls not distinct`, and get no tests. */
const SERVER_VERSION_MIN = 150_000;
/**
 * Below a default server's max_connections of 100, also with six processes on one database. Each connection costs the server
 * some 10 MB and plans every statement anew, so more than are busy at once make all of it slower.
 */
const POOL_SIZE_DEFAULT = 12;
/** A server replaying its log answers "starting up"; a cluster of this product's size replays well under this. */
const STARTING_UP_MAX_MS = 60_000;
/** A host that is off answers nothing at all; and a pool that waits in vain would wait for ever. */
const CONNECT_MS_MAX = 10_000;
/** Told by whoever migrated: another process, of a newer version. */
export const SCHEMA_CHANGED = 'schema_changed';
const CANNOT_CONNECT_NOW = '57P03';

export interface Database {
  readonly db: Kysely<DatabaseSchema>;
  /** Calls back for every NOTIFY on the channel until the returned function is called. */
  listen(channel: string, onPayload: (payload: string) => void): () => void;
  /**
   * Shows other processes that the holder of this name lives, until the returned function is called: a lock that
   * PostgreSQL drops with the connection, so also with a `kill -9`. Names are compared by their hash (`absentOf`).
   */
  bePresent(name: string): Promise<() => void>;
  /**
   * Of all processes that ask with this name one leads. `begin` is called when it is this one, what it returned when it is no
   * more: another process may lead from then on, so what is done must be harmless when done twice.
   */
  lead(name: string, begin: () => () => Promise<void>): Lead;
  /** Called each time the listening connection is (again) live: look at the tables then, a wake may have been missed. */
  onReconnect(listener: () => void): () => void;
  close(): Promise<void>;
}

/** Where the server is: `url`, `postgres://…`, or `connection`, as `startEmbeddedPostgres` gives it. */
export interface DatabasePlace {
  readonly url?: string;
  readonly connection?: { readonly host: string; readonly user: string; readonly database: string };
}

export interface DatabaseOptions extends DatabasePlace {
  readonly logger: Logger;
  readonly poolSize?: number;
  /** Go on when no server answers: every query fails until one does. For processes that work without it for a while. */
  readonly mayBeAway?: boolean;
}

/** bigint identity columns count rows, far below 2^53: numbers, not text. */
const types: pg.CustomTypesConfig = {
  getTypeParser: (oid: number, format?: string) =>
    oid === pg.types.builtins.INT8 && format !== 'binary' ? Number : pg.types.getTypeParser(oid, format as 'text'),
};

/** @throws when the server cannot be reached, refuses us, or is older than PostgreSQL 15; the message says what to do. */
export async function connectDatabase(options: DatabaseOptions): Promise<Database> {
  const { url, connection, logger } = options;
  if ((url === undefined) === (connection === undefined)) throw new Error('Give either a database URL or a connection.');
  const config: pg.ClientConfig = { ...(url === undefined ? connection : { connectionString: url }), types };
  const pool = new pg.Pool({
    ...config,
    max: options.poolSize ?? POOL_SIZE_DEFAULT,
    connectionTimeoutMillis: CONNECT_MS_MAX,
    application_name: 'rackwright',
  });
  const statements = prepareStatements();
  pool.on('connect', statements.attach);
  // One that breaks between two statements of a transaction: the next statement says so, and without a listener the process would end.
  pool.on('connect', (client) => client.on('error', () => {}));
  // Not the error itself: the driver hangs the whole connection on it.
  pool.on('error', ({ message }) => logger.warn({ message }, 'an idle database connection broke'));
  try {
    await checkServer(pool);
  } catch (error) {
    if (options.mayBeAway !== true || error instanceof UnsuitableServer) {
      await pool.end();
      throw error;
    }
    logger.warn({ err: error }, 'the database does not answer; going on without it');
  }
  const notifications = createNotificationClient(config, logger);
  notifications.listen(SCHEMA_CHANGED, statements.forget);
  notifications.onReconnect(statements.forget);
  const db = new Kysely<DatabaseSchema>({ dialect: new PostgresDialect({ pool }) });
  return {
    db,
    listen: notifications.listen,
    bePresent: notifications.bePresent,
    lead: (name, begin) => takeLead({ config, logger, name, begin }),
    onReconnect: notifications.onReconnect,
    async close() {
      await notifications.close();
      await db.destroy();
    },
  };
}

class UnsuitableServer extends Error {}

async function checkServer(pool: pg.Pool): Promise<void> {
  const giveUpAt = Date.now() + STARTING_UP_MAX_MS;
  for (;;) {
    try {
      const { rows } = await pool.query<{ number: string; name: string }>(
        "select current_setting('server_version_num') as number, current_setting('server_version') as name",
      );
      const { number, name } = rows[0]!;
      if (Number(number) >= SERVER_VERSION_MIN) return;
      throw new UnsuitableServer(
        `The database server is PostgreSQL ${name}; 15 or newer is needed. Point DATABASE_URL at one, or unset it to use the embedded one.`,
      );
    } catch (error) {
      if ((error as { code?: string }).code !== CANNOT_CONNECT_NOW || Date.now() > giveUpAt) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
