import type { Json } from '../../core/base/json.ts';
import { editNode } from '../../inventory/node-edit-service.ts';
import { requireEditable } from '../../inventory/node-edit-policy.ts';
import { findNodeDetail, type NodeDetail } from '../../inventory/node-detail-store.ts';
import { mustLock } from '../../inventory/node-service.ts';
import type { NodeRecord, Trx } from '../../inventory/node-record.ts';
import { RequestRefused } from './baremetal-error.ts';
import { nodeTarget } from './baremetal-policy.ts';
import { notAcceptable, type Call } from './baremetal-route.ts';
import { applyPatch, isTouched, patchBody, patchValues, requirePatchable, rootOf, type PatchOperation } from './json-patch.ts';
import { nodeFor } from './node-access.ts';
import { NODE_PATCHABLE, nodeDocument, parsePatched, requireNodeName } from './node-body.ts';
import { NODE_FIELDS } from './node-view.ts';
import { short, toBoolean } from './query-values.ts';

/** `PATCH /v1/nodes/{id}`: each path has its rule, each field its first version; the whole patch happens or none of it. */
export async function patchNode(call: Call): Promise<NodeDetail> {
  const reset = toBoolean('reset_interfaces', call.query['reset_interfaces']);
  if (reset !== undefined && call.minor < 45) throw new RequestRefused(406, notAcceptable(45));
  const operations = patchBody.parse(call.body) as PatchOperation[];
  if (patchValues(operations, '/traits').length > 0)
    throw new RequestRefused(400, 'Cannot update node traits via node patch. Node traits should be updated via the node traits API.');
  requirePatchable(operations, NODE_PATCHABLE);
  for (const operation of operations) {
    const since = NODE_FIELDS[rootOf(operation)]?.since ?? 1;
    if (since > call.minor && operation.op !== 'remove') throw new RequestRefused(406, notAcceptable(since));
  }
  if (reset === true && !isTouched(operations, 'driver'))
    throw new RequestRefused(400, "The reset_interfaces parameter can only be used when changing the node's driver.");
  const word = call.params['node']!;
  const shown = await nodeFor(call, word, ...rulesOf(operations));
  for (const given of patchValues(operations, '/name')) {
    const name = given === null ? 'None' : String(given);
    const message = `Node ${word}: Cannot change name to invalid name '${short(name)}'`;
    if (given === null) throw new RequestRefused(400, message);
    requireNodeName(call, name, message);
  }
  for (const data of patchValues(operations, '/network_data')) requireNetworkData(data);
  const { database, sealer } = call.context;
  return database.db.transaction().execute(async (trx) => {
    const node = await mustLock(trx, shown.uuid);
    const onlyForgetsInstance = operations.length === 1 && operations[0]!.op === 'remove' && operations[0]!.path === '/instance_uuid';
    if (!(node.maintenance && onlyForgetsInstance)) requireEditable(node, word, call.minor >= 39);
    await requireOwnerFree(call, trx, node, operations);
    const draft = parsePatched(applyPatch(nodeDocument(node), operations));
    if (node.chassis_uuid !== null && draft.chassis_uuid === null && call.minor < 25) throw new RequestRefused(406, notAcceptable(25));
    await editNode(
      trx,
      node,
      draft,
      {
        resetInterfaces: reset === true,
        touched: { protected: isTouched(operations, 'protected_reason'), retired: isTouched(operations, 'retired_reason') },
      },
      sealer,
    );
    return (await findNodeDetail(trx, { uuid: node.uuid }))!;
  });
}

/** A patch sets network_data whole; to have none it is removed. @throws 400 */
function requireNetworkData(data: Json): void {
  const isObject = typeof data === 'object' && data !== null && !Array.isArray(data);
  const missing = ['links', 'networks', 'services'].find((name) => !isObject || !(name in data));
  if (missing !== undefined) throw new RequestRefused(400, `Invalid network_data: '${missing}' is a required property`);
}

/** Field → the rule that lets one change it; the others fall under `node:update`. */
const RULE_OF_FIELD: Readonly<Record<string, string>> = {
  instance_info: 'node:update_instance_info',
  extra: 'node:update_extra',
  driver_info: 'node:update:driver_info',
  properties: 'node:update:properties',
  chassis_uuid: 'node:update:chassis_uuid',
  instance_uuid: 'node:update:instance_uuid',
  lessee: 'node:update:lessee',
  owner: 'node:update:owner',
  driver: 'node:update:driver_interfaces',
  network_data: 'node:update:network_data',
  conductor_group: 'node:update:conductor_group',
  name: 'node:update:name',
  retired: 'node:update:retired',
  retired_reason: 'node:update:retired',
  shard: 'node:update:shard',
  parent_node: 'node:update:parent_node',
};

function rulesOf(operations: readonly PatchOperation[]): string[] {
  const rules = operations.map((operation) => {
    const field = rootOf(operation);
    if (field.endsWith('_interface')) return 'node:update:driver_interfaces';
    if (field === 'automated_clean' && operation.op !== 'remove' && toBoolean(field, operation.value) === false)
      return 'node:disable_cleaning';
    return RULE_OF_FIELD[field] ?? 'node:update';
  });
  return rules.length === 0 ? ['node:update'] : [...new Set(rules)];
}

/** @throws 409 when the owner of a node in use would change. */
async function requireOwnerFree(call: Call, trx: Trx, node: NodeRecord, operations: readonly PatchOperation[]): Promise<void> {
  if (patchValues(operations, '/owner').length === 0) return;
  if (node.provision_state === 'active' && !call.allows('node:update_owner_provisioned', nodeTarget(node)))
    throw new RequestRefused(409, `Cannot update owner of node "${node.uuid}" while it is in state "active".`);
  const allocation = await trx
    .selectFrom('allocation')
    .select('uuid')
    .where('node_uuid', '=', node.uuid)
    .where('owner', 'is not', null)
    .executeTakeFirst();
  if (allocation !== undefined)
    throw new RequestRefused(409, `Cannot update owner of node "${node.uuid}" while it is allocated to an allocation with an owner.`);
}
