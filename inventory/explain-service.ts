import { sql, type Kysely } from 'kysely';
import type { DatabaseSchema } from '../core/database/schema-types.ts';
import { activeFlow, flowHistory } from '../core/flow/flow-service.ts';
import type { SeenEvent } from './diagnosis-rule-table.ts';
import { seenBootServers } from './boot-server-service.ts';
import { explainNode, type Explanation } from './explain-policy.ts';
import type { NodeRecord } from './node-record.ts';
import { powerSourceOf } from './power-source-service.ts';
import { nodeLock } from './node-service.ts';

/** The newest ones of a flow: a boot with its transfers and BMC calls has some fifty, a look at the power every half second more. */
const EVENTS_MAX = 1000;
/** Before the first flow, and for what goes on without one. */
const EVENTS_BESIDE_MAX = 200;

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
    const newest = (limit: number) =>
      trx.selectFrom('machine_event').selectAll().where('node_uuid', '=', node.uuid).orderBy('id', 'desc').limit(limit);
    const beside = await newest(EVENTS_BESIDE_MAX).execute();
    const ofWork = last === undefined ? [] : await newest(EVENTS_MAX).where('at', '>=', last.created_at).execute();
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
    const events = (ofWork.length > beside.length ? ofWork : beside).toReversed() as unknown as SeenEvent[];
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
