import type { Condition } from '../../inventory/row-page.ts';
import { inShards, ofNode, ofProject } from '../../inventory/row-conditions.ts';
import { InventoryError } from '../../inventory/node-record.ts';
import { RequestRefused } from './baremetal-error.ts';
import { nodeTarget } from './baremetal-policy.ts';
import { notAcceptable, type Call } from './baremetal-route.ts';
import { listScope, nodeFor } from './node-access.ts';
import { isUuidLike, toUuid } from './query-values.ts';

/** Rows that hang on a node (ports, port groups, volumes): who may see and change them, and which a list shows. */

/** The node's rules decide; what one may not see does not exist. @throws 403, 404 */
export async function authorizeOfNode(
  call: Call,
  rule: string,
  row: { readonly uuid: string; readonly node_uuid: string },
  title: string,
): Promise<void> {
  const node = await call.context.database.db
    .selectFrom('node')
    .select(['owner', 'lessee'])
    .where('uuid', '=', row.node_uuid)
    .executeTakeFirstOrThrow();
  if (!call.allows('node:get', nodeTarget(node))) throw new InventoryError(404, `${title} ${row.uuid} could not be found.`);
  call.require(rule, nodeTarget(node));
}

/** By project, by the node and by the shard of the query. */
export async function conditionsOfNode(call: Call, noun: string, alias: string): Promise<Condition[]> {
  const project = listScope(call, noun);
  const conditions: Condition[] = [];
  const word = toUuid('node_uuid', call.query['node_uuid']) ?? call.query['node'];
  const shards = call.query['shard'];
  if (shards !== undefined && call.minor < 82) throw new RequestRefused(406, notAcceptable(82));
  if (word !== undefined && shards !== undefined) throw new RequestRefused(403, 'Operation not permitted.');
  if (word !== undefined) {
    if (call.minor < 5 && !isUuidLike(word)) throw new RequestRefused(406, notAcceptable(5));
    conditions.push(ofNode(alias, (await nodeFor(call, word)).uuid));
  }
  if (shards !== undefined)
    conditions.push(
      inShards(
        alias,
        shards.split(',').map((shard) => shard.trim()),
      ),
    );
  if (project !== undefined) conditions.push(ofProject(alias, project));
  return conditions;
}
