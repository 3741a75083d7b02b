import { sql, type Selectable } from 'kysely';
import type { ComputeTables } from '../core/database/compute-tables.ts';
import type { Db, Trx } from './placement-provider-service.ts';

/** What was done with a server, by whom and how it ended: kept when the server is gone. */
export type ServerActionRow = Selectable<ComputeTables['server_action']>;
export type ServerEventRow = Selectable<ComputeTables['server_event']>;

export interface Doer {
  readonly requestId: string;
  readonly userId: string | null;
  readonly projectId: string | null;
}

/** The action's id, for its events. */
export async function recordAction(trx: Trx, serverUuid: string, action: string, by: Doer): Promise<number> {
  const { id } = await trx
    .insertInto('server_action')
    .values({ server_uuid: serverUuid, request_id: by.requestId, action, user_id: by.userId, project_id: by.projectId, message: null })
    .returning('id')
    .executeTakeFirstOrThrow();
  return id;
}

/** Begins the one event that an action has here: its flow. */
export async function beginEvent(trx: Trx, actionId: number, event: string, host: string | null): Promise<void> {
  await trx.insertInto('server_event').values({ action_id: actionId, event, host, result: null, details: null }).execute();
}

/** @param error null: it went well. */
export async function endAction(trx: Trx, actionId: number, error: string | null): Promise<void> {
  await trx
    .updateTable('server_event')
    .set({ finished_at: sql`now()`, result: error === null ? 'Success' : 'Error', details: error })
    .where('action_id', '=', actionId)
    .where('finished_at', 'is', null)
    .execute();
  await trx
    .updateTable('server_action')
    .set({ updated_at: sql`now()`, message: error === null ? null : 'Error' })
    .where('id', '=', actionId)
    .execute();
}

/** What was begun and will never end: the server is being deleted. */
export async function dropEvents(trx: Trx, serverUuid: string): Promise<void> {
  await sql`update server_event e set finished_at = now(), result = 'Error', details = 'The server was deleted meanwhile.'
    from server_action a where a.id = e.action_id and a.server_uuid = ${serverUuid} and e.finished_at is null and a.action <> 'delete'`.execute(
    trx,
  );
}

export interface ActionPage {
  readonly limit: number;
  readonly marker: string | undefined;
  readonly since: Date | undefined;
  readonly before: Date | undefined;
}

/** Newest first; undefined: there is no such marker. */
export async function listActions(db: Db, serverUuid: string, page: ActionPage): Promise<ServerActionRow[] | undefined> {
  let query = db.selectFrom('server_action').selectAll().where('server_uuid', '=', serverUuid);
  if (page.marker !== undefined) {
    const known = await findAction(db, serverUuid, page.marker);
    if (known === undefined) return undefined;
    query = query.where('id', '<', known.id);
  }
  if (page.since !== undefined) query = query.where('updated_at', '>=', page.since);
  if (page.before !== undefined) query = query.where('updated_at', '<=', page.before);
  return query.orderBy('id', 'desc').limit(page.limit).execute();
}

export const findAction = (db: Db, serverUuid: string, requestId: string): Promise<ServerActionRow | undefined> =>
  db
    .selectFrom('server_action')
    .selectAll()
    .where('server_uuid', '=', serverUuid)
    .where('request_id', '=', requestId)
    .orderBy('id', 'desc')
    .executeTakeFirst();

export const eventsOf = (db: Db, actionId: number): Promise<ServerEventRow[]> =>
  db.selectFrom('server_event').selectAll().where('action_id', '=', actionId).orderBy('id', 'desc').execute();
