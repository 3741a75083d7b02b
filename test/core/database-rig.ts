import { sql } from 'kysely';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '../../core/base/logger.ts';
import { connectDatabase, type Database } from '../../core/database/connect-database.ts';
import { startEmbeddedPostgres } from '../../core/database/embedded-postgres.ts';
import { migrateDatabase } from '../../core/database/migrate.ts';

export type Connection = { host: string; user: string; database: string };

export interface DatabaseRig {
  /** A fresh migrated database, cloned from a template; closed with the rig. */
  freshDatabase(): Promise<Database & { readonly connection: Connection }>;
  /** Another connection pool to the same database, as another process would have. */
  connect(connection: Connection): Promise<Database>;
  close(): Promise<void>;
}

/** A PostgreSQL of its own in a temporary folder: one per test file. */
export async function startDatabaseRig(): Promise<DatabaseRig> {
  const dataDirectory = await mkdtemp(join(tmpdir(), 'rw-db-'));
  const postgres = await startEmbeddedPostgres({ dataDirectory, logger: silentLogger });
  const open: Database[] = [];
  const connect = async (connection: Connection) => {
    const database = await connectDatabase({ connection, logger: silentLogger, poolSize: 8 });
    open.push(database);
    return database;
  };
  const admin = await connect(postgres.connection);
  await sql`create database template`.execute(admin.db);
  const template = await connectDatabase({ connection: { ...postgres.connection, database: 'template' }, logger: silentLogger });
  await migrateDatabase(template.db);
  await template.close();
  let count = 0;
  return {
    async freshDatabase() {
      const connection = { ...postgres.connection, database: `test_${++count}` };
      await sql`create database ${sql.ref(connection.database)} template template`.execute(admin.db);
      return { ...(await connect(connection)), connection };
    },
    connect,
    async close() {
      await Promise.all(open.map((database) => database.close()));
      await postgres.stop();
      await rm(dataDirectory, { recursive: true, force: true });
    },
  };
}
