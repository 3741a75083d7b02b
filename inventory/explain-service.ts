import { sql, type Kysely } from 'kysely';
import type { DatabaseSchema } from '../core/database/schema-types.ts';
import { activeFlow, flowHistory } from '../core/flow/flow-service.ts';
import type { SeenEvent } from './diagnosis-rule-table.ts';
import { seenBootServers } from './boot-server-service.ts';
import { explainNode, type Explanation } from './explain-policy.ts';
import type { Db, NodeRecord } from './node-record.ts';
import { powerSourceOf } from './power-source-service.ts';
import { nodeLock } from './node-service.ts';

/** The newest of each kind in a flow: what a machine says all the time must not push out what it said once. */
const EVENTS_OF_KIND_MAX = 300;
/** The newest of all: before the first flow, and for what goes on without one. */
const EVENTS_BESIDE_MAX = 200;
/** As far back as is looked for them: a day of a machine that is looked at every five seconds. */
const EVENTS_SCANNED_MAX = 20_000;

/** Nobody's events that may be the cause of a node's trouble. */
const KINDS_BESIDE = ['boot.started', 'dhcp.malformed', 'tftp.malformed', 'dhcp.journal-failed'];
const BESIDE_MAX = 20;

/** Everything that is known of the node's last work, as one answer. */
export async function readExplanation(
  db: Kysely<DatabaseSchema>,
  node: NodeRecord,
  switchPorts: readonly string[] = [],
): Promise<Explanation> {
  return db.transaction().execute(async (trx) => {
    const last = await trx
      .selectFrom('flow')
      .select(['id', 'created_at', sql<Date>`now()`.as('now')])
      .where('subject_id', '=', node.uuid)
      .orderBy('created_at', 'desc')
      .limit(1)
      .executeTakeFirst();
    const events = await seenEvents(trx, node.uuid, last?.created_at);
    const foreign =
      last === undefined
        ? []
        : await trx
            .selectFrom('machine_event')
            .selectAll()
            .where('node_uuid', 'is', null)
            .where('kind', 'in', KINDS_BESIDE)
            .where('at', '>=', last.created_at)
            .orderBy('id', 'desc')
            .limit(BESIDE_MAX)
            .execute();
    return explainNode({
      node,
      flow: await activeFlow(trx, nodeLock(node.uuid)),
      history: last === undefined ? undefined : await flowHistory(trx, last.id),
      events,
      switchPorts,
      powerSource: await powerSourceOf(trx, node.uuid),
      beside: foreign.toReversed() as unknown as SeenEvent[],
      bootServers: await seenBootServers(trx),
      // A node on which nothing was ever done has no system either.
      nowMs: last?.now.getTime() ?? 0,
    });
  });
}

/** Oldest first. What is only for those who look for a bug is no news beside the rest. */
async function seenEvents(db: Db, nodeUuid: string, since: Date | undefined): Promise<SeenEvent[]> {
  const { rows } = await sql<SeenEvent>`
    select at, source, kind, evidence, severity, message from (
      select *, row_number() over (partition by kind order by id desc) as of_kind,
             row_number() over (partition by severity = 'debug' order by id desc) as beside
      from (select * from machine_event where node_uuid = ${nodeUuid} order by id desc limit ${EVENTS_SCANNED_MAX}) newest
    ) ranked
    where beside <= ${EVENTS_BESIDE_MAX} or (at >= ${since ?? null} and of_kind <= ${EVENTS_OF_KIND_MAX})
    order by id`.execute(db);
  return rows;
}
