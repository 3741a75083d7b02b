import type { Selectable } from 'kysely';
import { sql } from 'kysely';
import { absentOf } from '../core/database/absent-of.ts';
import type { ConductorTable } from '../core/database/baremetal-tables.ts';
import type { Database } from '../core/database/connect-database.ts';
import { DRIVERS } from './driver-table.ts';
import { selectPage, type Page } from './row-page.ts';

/*
 * What the API calls a conductor: a machine that runs processes of ours. Whether one is alive is whether a process there
 * holds its name now (`Database.bePresent`), not when it last wrote: nothing beats into the database.
 */
export type Conductor = Selectable<ConductorTable> & { readonly alive: boolean };

const presenceOf = (hostname: string) => `conductor:${hostname}`;

/** This process works on nodes from now on, until the returned function is called. */
export async function announceConductor(database: Database, hostname: string): Promise<() => void> {
  const drivers = JSON.stringify([...DRIVERS.keys()]);
  await sql`insert into conductor (hostname, drivers, updated_at) values (${hostname}, ${drivers}::jsonb, now())
    on conflict (hostname) do update set drivers = excluded.drivers, updated_at = now()`.execute(database.db);
  return database.bePresent(presenceOf(hostname));
}

/** All of them, or only the named ones. */
export async function listConductors(database: Database, hostnames: readonly string[], page: Page): Promise<Conductor[]> {
  const rows = await selectPage<Selectable<ConductorTable>>(
    database.db,
    { alias: 'c', table: 'conductor', key: 'hostname', select: sql`select c.* from conductor c` },
    hostnames.length === 0 ? [] : [sql`c.hostname = any(${hostnames}::text[])`],
    page,
  );
  const absent = new Set(
    await absentOf(
      database.db,
      rows.map((row) => presenceOf(row.hostname)),
    ),
  );
  return rows.map((row) => ({ ...row, alive: !absent.has(presenceOf(row.hostname)) }));
}
