import { sql } from 'kysely';
import type { JsonObject } from '../core/base/json.ts';
import { notFound } from './compute-error.ts';
import type { Db } from './placement-provider-service.ts';

/*
 * Where servers can run. Each machine that is sold or can be is a host of its own: it is in zones and aggregates, and can be closed, one by
 * one (docs/decisions/0017).
 */
export interface Host {
  readonly uuid: string;
  /** The number that microversions before 2.53 know it by. */
  readonly seq: number;
  readonly host: string;
  readonly name: string | null;
  readonly instance_uuid: string | null;
  readonly power_state: string | null;
  readonly properties: JsonObject;
  readonly bmc_address: string | null;
  readonly disabled: boolean;
  readonly disabled_reason: string | null;
  readonly forced_down: boolean;
  readonly up: boolean;
  readonly zone: string;
  readonly updated_at: Date;
}

const ORDER = sql`order by m.seq`;

/** @param after the UUID of the last host of the page before */
export async function listHosts(db: Db, page: { limit?: number | undefined; after?: string | undefined } = {}): Promise<Host[]> {
  const after = page.after === undefined ? sql`` : sql`where m.seq > (select n.seq from node n where n.uuid = ${page.after})`;
  return (await sql<Host>`select m.* from compute_machine m ${after} ${ORDER} limit ${page.limit ?? null}`.execute(db)).rows;
}

export const findHost = async (db: Db, name: string): Promise<Host | undefined> =>
  (await sql<Host>`select m.* from compute_machine m where m.host = ${name} or m.name = ${name} ${ORDER} limit 1`.execute(db)).rows[0];

/** By UUID, or by number. */
export const findHostById = async (db: Db, id: string): Promise<Host | undefined> =>
  /^\d{1,15}$/.test(id)
    ? (await sql<Host>`select m.* from compute_machine m where m.seq = ${Number(id)}`.execute(db)).rows[0]
    : (await sql<Host>`select m.* from compute_machine m where m.host = ${id.toLowerCase()}`.execute(db)).rows[0];

export interface HostChange {
  readonly disabled?: boolean;
  readonly disabled_reason?: string | null;
  readonly forced_down?: boolean;
}

/** @throws ComputeError 404 */
export async function changeHost(db: Db, name: string, change: HostChange): Promise<Host> {
  const host = await findHost(db, name);
  if (host === undefined) throw notFound(`Host ${name} could not be found.`);
  const values = { ...change, updated_at: new Date() };
  await db
    .insertInto('compute_host')
    .values({ name: host.host, disabled_reason: null, ...values })
    .onConflict((on) => on.column('name').doUpdateSet(values))
    .execute();
  return (await findHost(db, host.host))!;
}
