import { sql } from 'kysely';
import type { Db } from './node-record.ts';

/*
 * The history of a node as the Bare Metal API has it: its changes of state, out of the flight recorder. An entry's UUID is
 * made of the event's number, so that nothing is kept twice.
 */
export interface HistoryEntry {
  readonly uuid: string;
  readonly created_at: Date;
  readonly severity: 'INFO' | 'WARNING' | 'ERROR';
  readonly event_type: string;
  readonly event: string;
  readonly conductor: string | null;
  readonly user: string | null;
}

const PREFIX = '00000000-0000-4000-8000-';
const entryUuid = (id: number) => PREFIX + id.toString(16).padStart(12, '0');
const entryId = (uuid: string): number => (uuid.startsWith(PREFIX) ? parseInt(uuid.slice(PREFIX.length), 16) : 0);

export async function listHistory(
  db: Db,
  nodeUuid: string,
  page: { readonly limit: number; readonly marker?: string },
): Promise<HistoryEntry[]> {
  const { rows } = await sql<{ id: number; at: Date; severity: string; kind: string; message: string }>`
    select id, at, severity, kind, message from machine_event
    where node_uuid = ${nodeUuid} and source = 'node' and id > ${page.marker === undefined ? 0 : entryId(page.marker)}
    order by id limit ${page.limit}`.execute(db);
  return rows.map((row) => ({
    uuid: entryUuid(row.id),
    created_at: row.at,
    severity: row.severity === 'error' ? 'ERROR' : row.severity === 'warning' ? 'WARNING' : 'INFO',
    event_type: row.kind === 'node.state' ? 'provision' : row.kind,
    event: row.message,
    conductor: null,
    user: null,
  }));
}

export async function findHistory(db: Db, nodeUuid: string, uuid: string): Promise<HistoryEntry | undefined> {
  const id = entryId(uuid);
  const [entry] = await listHistory(db, nodeUuid, { limit: 1, marker: entryUuid(Math.max(0, id - 1)) });
  return entry?.uuid === uuid ? entry : undefined;
}
