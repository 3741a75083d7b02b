import { sql } from 'kysely';
import type { FlowError } from '../core/database/schema-types.ts';
import type { Db } from './node-record.ts';

/*
 * A node's last inspection as ironic-inspector's clients see it: the flow that did it, or for a machine that came by itself what
 * its agent left.
 */
export interface Introspection {
  readonly uuid: string;
  readonly state: 'starting' | 'waiting' | 'processing' | 'aborting' | 'finished' | 'error';
  readonly finished: boolean;
  readonly error: string | null;
  readonly startedAt: Date;
  readonly finishedAt: Date | null;
}

interface Row {
  readonly uuid: string;
  readonly status: string | null;
  readonly step: string | null;
  readonly error: FlowError | null;
  readonly cancel_reason: string | null;
  readonly started_at: Date;
  readonly ended_at: Date | null;
}

const STATE_OF_STEP: Readonly<Record<string, Introspection['state']>> = {
  choose_inspection: 'starting',
  intend_agent: 'starting',
  boot_agent: 'waiting',
};

function toIntrospection(row: Row): Introspection {
  const isOver = row.status === null || ['succeeded', 'failed', 'cancelled'].includes(row.status);
  const error = row.status === 'cancelled' ? (row.cancel_reason ?? 'cancelled') : (row.error?.message ?? null);
  const running = row.status === 'unwinding' ? 'aborting' : (STATE_OF_STEP[row.step ?? 'intend_agent'] ?? 'processing');
  return {
    uuid: row.uuid,
    state: !isOver ? running : error === null ? 'finished' : 'error',
    finished: isOver,
    error: isOver ? error : null,
    startedAt: row.started_at,
    finishedAt: isOver ? row.ended_at : null,
  };
}

/** The newest first. `nodeUuid` asks for that one; `after` goes on behind that node's. */
export async function listIntrospections(
  db: Db,
  wanted: { readonly nodeUuid?: string; readonly after?: string; readonly limit: number },
): Promise<Introspection[]> {
  const { nodeUuid, after, limit } = wanted;
  const { rows } = await sql<Row>`
    with seen as (
      select n.uuid, f.status, f.step, f.error, f.cancel_reason, coalesce(f.created_at, i.taken_at) as started_at,
        coalesce(f.ended_at, i.taken_at) as ended_at
      from node n
        left join lateral (select * from flow where subject_id = n.uuid::text and kind = 'node.inspect' order by created_at desc limit 1) f on true
        left join lateral (select taken_at from inspection where node_uuid = n.uuid order by version desc limit 1) i on true
      where (f.id is not null or i.taken_at is not null) ${nodeUuid === undefined ? sql`` : sql`and n.uuid = ${nodeUuid}`}
    )
    select * from seen
    where ${after === undefined ? sql`true` : sql`(started_at, uuid) < (select started_at, uuid from seen where uuid = ${after})`}
    order by started_at desc, uuid desc limit ${limit}`.execute(db);
  return rows.map(toIntrospection);
}
