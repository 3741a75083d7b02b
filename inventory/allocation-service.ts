import { sql } from 'kysely';
import type { JsonObject } from '../core/base/json.ts';
import { chooseNode, hasTraits, type Candidate } from './allocation-policy.ts';
import { allocationStore, type Allocation } from './baremetal-stores.ts';
import { requireDeallocatable } from './node-edit-policy.ts';
import { InventoryError, type Trx } from './node-record.ts';
import { mustLock } from './node-service.ts';
import { listTraits } from './trait-service.ts';

/*
 * An allocation reserves a node by resource class, traits and candidates. Choosing and reserving are one transaction:
 * candidates are locked with `skip locked`, so two allocations never get one node and never wait for each other.
 */
export interface AllocationDraft {
  readonly uuid?: string;
  readonly name: string | null;
  readonly resource_class: string | null;
  readonly traits: readonly string[];
  readonly candidate_nodes: readonly string[];
  readonly owner: string | null;
  readonly extra: JsonObject;
  readonly pool_uuid: string | null;
  readonly zone_uuid: string | null;
}

export async function createAllocation(trx: Trx, draft: AllocationDraft): Promise<Allocation> {
  const made = await allocationStore.insert(trx, { ...draft, state: 'allocating' });
  const wish = { name: draft.name, resourceClass: draft.resource_class, traits: draft.traits, candidateNodes: draft.candidate_nodes };
  const free = chooseNode(wish, await lockCandidates(trx, draft, 'skip'), Math.random());
  // None that nobody holds right now: wait for those that somebody does, before saying that there is none.
  const choice = 'problem' in free ? chooseNode(wish, await lockCandidates(trx, draft, 'wait'), Math.random()) : free;
  if ('problem' in choice)
    return allocationStore.update(trx, made.uuid, {
      state: 'error',
      last_error: `Failed to process allocation ${made.uuid}: ${choice.problem}.`,
    });
  return reserve(trx, made.uuid, choice.uuid);
}

/** A namesake first: among thousands of equals the page below must not miss it. */
const CANDIDATES_MAX = 200;

async function lockCandidates(trx: Trx, draft: AllocationDraft, held: 'skip' | 'wait'): Promise<Candidate[]> {
  const named = draft.candidate_nodes.length === 0 ? sql`` : sql`and n.uuid = any(${draft.candidate_nodes}::uuid[])`;
  const owned = draft.owner === null ? sql`` : sql`and (n.owner = ${draft.owner} or n.lessee = ${draft.owner})`;
  const placed = sql`and n.pool_uuid = coalesce(${draft.pool_uuid}::uuid, n.pool_uuid) and n.zone_uuid = coalesce(${draft.zone_uuid}::uuid, n.zone_uuid)`;
  const byTraits =
    draft.traits.length === 0
      ? sql``
      : sql`(select count(*) from node_trait t where t.node_uuid = n.uuid and t.trait = any(${draft.traits}::text[])) = ${new Set(draft.traits).size} desc,`;
  const { rows } = await sql<Candidate>`
    select n.uuid, n.name, array(select t.trait from node_trait t where t.node_uuid = n.uuid) as traits
    from node n
    where n.resource_class = ${draft.resource_class} and n.provision_state = 'available' and n.instance_uuid is null
      and n.power_state is not null and not n.maintenance and not n.retired ${named} ${owned} ${placed}
    order by coalesce(n.name = ${draft.name}, false) desc, ${byTraits} n.seq
    limit ${CANDIDATES_MAX} for update of n ${held === 'skip' ? sql`skip locked` : sql``}`.execute(trx);
  return rows;
}

async function reserve(trx: Trx, allocationUuid: string, nodeUuid: string): Promise<Allocation> {
  const allocation = await allocationStore.update(trx, allocationUuid, { state: 'active', last_error: null, node_uuid: nodeUuid });
  await sql`update node set instance_uuid = ${allocation.uuid}, updated_at = now(),
    instance_info = instance_info || ${JSON.stringify({ traits: allocation.traits })}::jsonb where uuid = ${nodeUuid}`.execute(trx);
  return allocation;
}

/** For a node that is in use already. @throws 400 with every reason why it does not fit, 409 when it has an allocation. */
export async function backfillAllocation(trx: Trx, draft: AllocationDraft, nodeUuid: string): Promise<Allocation> {
  const node = await mustLock(trx, nodeUuid);
  const taken = await trx.selectFrom('allocation').select('uuid').where('node_uuid', '=', nodeUuid).executeTakeFirst();
  if (taken !== undefined) throw new InventoryError(409, `Node ${nodeUuid} is associated with instance ${node.instance_uuid}.`);
  const traits = await listTraits(trx, nodeUuid);
  const reasons = [
    node.provision_state === 'active'
      ? undefined
      : `Node must be in the "active" state, but the current state is "${node.provision_state}"`,
    draft.resource_class === null || draft.resource_class === node.resource_class
      ? undefined
      : `Resource class ${node.resource_class} does not match the requested resource class ${draft.resource_class}`,
    hasTraits(traits, draft.traits)
      ? undefined
      : `List of traits ${traits.join(', ')} does not match the requested traits ${draft.traits.join(', ')}`,
    draft.candidate_nodes.length === 0 || draft.candidate_nodes.includes(nodeUuid)
      ? undefined
      : `Candidate nodes must be empty or contain the target node, but got ${draft.candidate_nodes.join(', ')}`,
  ].filter((reason) => reason !== undefined);
  if (reasons.length > 0) throw new InventoryError(400, `Cannot backfill an allocation for node ${nodeUuid}: ${reasons.join('; ')}`);
  const uuid = draft.uuid ?? node.instance_uuid ?? undefined;
  if (node.instance_uuid !== null && uuid !== node.instance_uuid)
    throw new InventoryError(409, `Node ${nodeUuid} is associated with instance ${node.instance_uuid}.`);
  const made = await allocationStore.insert(trx, { ...draft, uuid, state: 'allocating' });
  return reserve(trx, made.uuid, nodeUuid);
}

/** @throws 409 while the node is in use. */
export async function destroyAllocation(trx: Trx, uuid: string): Promise<void> {
  const allocation = await allocationStore.lock(trx, uuid);
  if (allocation === undefined) throw new InventoryError(404, `Allocation ${uuid} could not be found.`);
  if (allocation.node_uuid !== null) requireDeallocatable(await mustLock(trx, allocation.node_uuid), uuid);
  await allocationStore.remove(trx, uuid);
  if (allocation.node_uuid !== null) await freeInstance(trx, allocation.node_uuid);
}

const freeInstance = (trx: Trx, nodeUuid: string) =>
  sql`update node set instance_uuid = null, instance_info = instance_info - 'traits', updated_at = now() where uuid = ${nodeUuid}`.execute(
    trx,
  );

/** The instance is gone, so what reserved the node for it is too. */
export async function releaseNode(trx: Trx, nodeUuid: string): Promise<void> {
  await trx.deleteFrom('allocation').where('node_uuid', '=', nodeUuid).execute();
}
