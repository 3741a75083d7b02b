import { sql } from 'kysely';
import type { Db } from './node-record.ts';

/** How it is known whether a machine is on: told by its BMC as it happens, or read again and again. */
export type ToldBy = 'stream' | 'push';

export interface PowerSource {
  readonly toldBy: ToldBy;
  readonly since: Date;
}

/** Undefined: nothing tells any more. A node that is gone meanwhile is left alone. */
export async function setPowerSource(db: Db, uuid: string, toldBy: ToldBy | undefined): Promise<void> {
  if (toldBy === undefined) {
    await db.deleteFrom('power_source').where('node_uuid', '=', uuid).execute();
    return;
  }
  await sql`
    insert into power_source (node_uuid, told_by) select uuid, ${toldBy} from node where uuid = ${uuid}
    on conflict (node_uuid) do update set told_by = excluded.told_by, since = now()`.execute(db);
}

/** Whoever listened before is gone. */
export const clearPowerSources = async (db: Db): Promise<void> => void (await db.deleteFrom('power_source').execute());

export async function powerSourceOf(db: Db, uuid: string): Promise<PowerSource | undefined> {
  const row = await db.selectFrom('power_source').selectAll().where('node_uuid', '=', uuid).executeTakeFirst();
  return row && { toldBy: row.told_by, since: row.since };
}

export async function toldNodes(db: Db): Promise<Set<string>> {
  const rows = await db.selectFrom('power_source').select('node_uuid').execute();
  return new Set(rows.map((row) => row.node_uuid));
}

const WAYS: Readonly<Record<ToldBy, string>> = { stream: 'its event stream', push: 'events that it posts' };

export const describePowerSource = (source: PowerSource | undefined): string =>
  source === undefined
    ? 'read from the BMC at intervals: no events come from it'
    : `told by the BMC in ${WAYS[source.toldBy]} since ${source.since.toISOString()}, and read at long intervals`;
