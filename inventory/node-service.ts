import { sql } from 'kysely';
import type { Json, JsonObject } from '../core/base/json.ts';
import type { PowerAction, PowerState } from '../bmc/capability.ts';
import { activeFlow, cancelFlow, startFlow } from '../core/flow/flow-service.ts';
import { InventoryError, type NodeRecord, type Trx } from './node-record.ts';
import { lockNode } from './node-store.ts';
import { nextState, STABLE_STATES, verbsFrom, type ProvisionState, type ProvisionVerb, type Transition } from './provision-machine.ts';

/*
 * The only writer of a node's states. A verb changes the state and starts its flow in one transaction; a flow reports
 * through `applyEvent` in the transaction of its own step. So state and work are never two truths.
 */
export const nodeLock = (uuid: string): string => `node:${uuid}`;

/** Which flow does a verb's work. A verb that is not here is refused by name. */
const FLOW_OF_VERB: Partial<Record<ProvisionVerb, string>> = {
  manage: 'node.verify',
  inspect: 'node.inspect',
  provide: 'node.clean',
  deploy: 'node.deploy',
  rebuild: 'node.deploy',
  delete: 'node.undeploy',
};

/** What the node is on its way to, for `target_provision_state`. */
const GOAL_OF_VERB: Partial<Record<ProvisionVerb, ProvisionState>> = {
  manage: 'manageable',
  inspect: 'manageable',
  provide: 'available',
  deploy: 'active',
  rebuild: 'active',
  delete: 'available',
};

const quote = (names: readonly string[]) => (names.length === 0 ? 'none' : names.join(', '));

/** Starts a verb. @throws InventoryError 404, 400 (not from this state), 409 (another flow holds the node). */
export async function requestVerb(trx: Trx, uuid: string, verb: ProvisionVerb, input: JsonObject): Promise<NodeRecord> {
  const node = await mustLock(trx, uuid);
  const state = node.provision_state;
  if (verb === 'abort') return abortWork(trx, node);
  const to = nextState(state, verb);
  if (to === undefined || !verbsFrom(state).includes(verb)) {
    throw new InventoryError(
      400,
      `The requested action "${verb}" can not be performed on node "${uuid}" while it is in state "${state}". Possible from here: ${quote(verbsFrom(state))}.`,
    );
  }
  if (node.maintenance && verb !== 'manage') {
    throw new InventoryError(
      400,
      `The node ${uuid} is in maintenance (${node.maintenance_reason ?? 'no reason was given'}): end maintenance first.`,
    );
  }
  await writeState(trx, node, to, STABLE_STATES.has(to) ? null : (GOAL_OF_VERB[verb] ?? null), null);
  // `available -manage->` and `clean failed -manage->` only move the node: nothing has to be done.
  if (STABLE_STATES.has(to)) return mustLock(trx, uuid);
  const kind = FLOW_OF_VERB[verb];
  if (kind === undefined) throw new InventoryError(400, `The verb "${verb}" is not available in this version.`);
  await startNodeFlow(trx, uuid, kind, input);
  return mustLock(trx, uuid);
}

async function abortWork(trx: Trx, node: NodeRecord): Promise<NodeRecord> {
  const flow = await activeFlow(trx, nodeLock(node.uuid));
  if (flow === undefined || nextState(node.provision_state, 'abort') === undefined) {
    throw new InventoryError(400, `Node ${node.uuid} is in state "${node.provision_state}": there is nothing to abort.`);
  }
  await cancelFlow(trx, flow.id, 'aborted by an operator');
  return node;
}

export async function startNodeFlow(trx: Trx, uuid: string, kind: string, input: JsonObject): Promise<string> {
  const started = await startFlow(trx, { kind, subjectId: uuid, lockKey: nodeLock(uuid), input });
  if ('conflict' in started) {
    throw new InventoryError(
      409,
      `Node ${uuid} is locked by "${started.conflict.kind}" (${started.conflict.flowId}), please retry after the current operation is completed.`,
    );
  }
  return started.id;
}

const POWER_TARGET: Record<PowerAction, PowerState> = { on: 'on', off: 'off', 'soft-off': 'off', reset: 'on', cycle: 'on' };
export const powerWord = (state: PowerState): string => `power ${state}`;

export async function requestPower(trx: Trx, uuid: string, action: PowerAction): Promise<void> {
  const node = await mustLock(trx, uuid);
  await startNodeFlow(trx, uuid, 'node.power', { action });
  await trx
    .updateTable('node')
    .set({ target_power_state: powerWord(POWER_TARGET[action]), updated_at: sql`now()` })
    .where('uuid', '=', node.uuid)
    .execute();
}

/** A flow's report. @throws Error when the machine's table has no such transition: a bug, not an outcome. */
export async function applyEvent(trx: Trx, uuid: string, event: Transition['event'], lastError: string | null = null): Promise<void> {
  const node = await mustLock(trx, uuid);
  const to = nextState(node.provision_state, event);
  if (to === undefined) throw new Error(`Node ${uuid}: no transition "${event}" from "${node.provision_state}".`);
  await writeState(trx, node, to, STABLE_STATES.has(to) ? null : node.target_provision_state, lastError);
}

/** `wait` and `resume` where the current state has them; states that do not tell waiting from working stay. */
export async function applyWaiting(trx: Trx, uuid: string, event: 'wait' | 'resume'): Promise<void> {
  const node = await mustLock(trx, uuid);
  const to = nextState(node.provision_state, event);
  if (to !== undefined) await writeState(trx, node, to, node.target_provision_state, null);
}

async function writeState(trx: Trx, node: NodeRecord, to: ProvisionState, target: string | null, lastError: string | null): Promise<void> {
  await trx
    .updateTable('node')
    .set({
      provision_state: to,
      target_provision_state: target,
      last_error: lastError,
      provision_updated_at: sql`now()`,
      updated_at: sql`now()`,
    })
    .where('uuid', '=', node.uuid)
    .execute();
  await recordTransition(trx, node, to, lastError);
}

async function recordTransition(trx: Trx, node: NodeRecord, to: ProvisionState, lastError: string | null): Promise<void> {
  const evidence: Record<string, Json> = { from: node.provision_state, to };
  await trx
    .insertInto('machine_event')
    .values({
      at: new Date().toISOString(),
      node_uuid: node.uuid,
      source: 'node',
      kind: 'node.state',
      severity: lastError === null ? 'info' : 'error',
      message: lastError === null ? `${node.provision_state} → ${to}` : `${node.provision_state} → ${to}: ${lastError}`,
      evidence: JSON.stringify(evidence),
    } as never)
    .execute();
  await sql`select pg_notify('machine_event', '0')`.execute(trx);
}

export async function setPowerState(trx: Trx, uuid: string, state: PowerState, options: { clearTarget?: boolean } = {}): Promise<void> {
  await trx
    .updateTable('node')
    .set({ power_state: powerWord(state), ...(options.clearTarget === true ? { target_power_state: null } : {}), updated_at: sql`now()` })
    .where('uuid', '=', uuid)
    .execute();
}

/** What the next network boot does; the boot plane learns of it by the notification. */
export async function setBootIntent(trx: Trx, uuid: string, kind: 'agent' | 'disk' | 'hold', reason: string): Promise<void> {
  await trx
    .updateTable('node')
    .set({ boot_kind: kind, boot_reason: reason, updated_at: sql`now()` })
    .where('uuid', '=', uuid)
    .execute();
  await notifyBootModel(trx);
}

export const notifyBootModel = (trx: Trx) => sql`select pg_notify('boot_model', '')`.execute(trx);

/** `fault` names why the system itself put a node into maintenance; only such maintenance ends by itself. */
export async function setMaintenance(
  trx: Trx,
  uuid: string,
  maintenance: boolean,
  reason: string | null,
  fault: string | null,
): Promise<void> {
  await trx
    .updateTable('node')
    .set({ maintenance, maintenance_reason: reason, fault, updated_at: sql`now()` })
    .where('uuid', '=', uuid)
    .execute();
}

export async function mustLock(trx: Trx, uuid: string): Promise<NodeRecord> {
  const node = await lockNode(trx, uuid);
  if (node === undefined) throw new InventoryError(404, `Node ${uuid} could not be found.`);
  return node;
}
