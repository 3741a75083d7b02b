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

export interface HostPage {
  readonly limit?: number | undefined;
  /** The UUID of the last host of the page before. */
  readonly after?: string | undefined;
  readonly only?: readonly string[];
}

export async function listHosts(db: Db, { limit, after, only }: HostPage = {}): Promise<Host[]> {
  const behind = after === undefined ? sql`` : sql`and m.seq > (select n.seq from node n where n.uuid = ${after})`;
  const among = only === undefined ? sql`` : sql`and m.uuid = any(${only}::uuid[])`;
  return (await sql<Host>`select m.* from compute_machine m where true ${among} ${behind} ${ORDER} limit ${limit ?? null}`.execute(db))
    .rows;
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
