import { sql, type Kysely } from 'kysely';
import { Migrator } from 'kysely/migration';
import { SCHEMA_CHANGED } from './connect-database.ts';
import type { DatabaseSchema } from './schema-types.ts';
import { migrations } from './migrations/migration-list.ts';

/**
 * Brings the schema up to date. Safe to call from several processes at once: the Migrator holds a PostgreSQL advisory
 * lock inside its transaction, and all migrations of one call commit together or not at all.
 * @returns the names that were applied now.
 */
export async function migrateDatabase(db: Kysely<DatabaseSchema>): Promise<readonly string[]> {
  // Numbers are given before the work begins, which ends in another order: what came later may be applied already.
  const provider = { getMigrations: async () => migrations };
  const migrator = new Migrator({ db, provider, allowUnorderedMigrations: true });
  const { error, results = [] } = await migrator.migrateToLatest();
  if (error !== undefined) {
    const broken = results.find(({ status }) => status === 'Error');
    throw new Error(
      `The database could not be migrated${broken ? ` (at ${broken.migrationName})` : ''}: ${error instanceof Error ? error.message : JSON.stringify(error)}`,
      { cause: error },
    );
  }
  if (results.length > 0) await sql`select pg_notify(${SCHEMA_CHANGED}, '')`.execute(db);
  return results.map(({ migrationName }) => migrationName);
}
