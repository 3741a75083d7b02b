import { sql } from 'kysely';
import type { JsonObject } from '../core/base/json.ts';
import type { PowerAction, PowerState } from '../bmc/capability.ts';
import { activeFlow, cancelFlow, signalFlow, startFlow } from '../core/flow/flow-service.ts';
import type { NetworkImage, NetworkVolume } from '../pxe/boot-model.ts';
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
  clean: 'node.manual-clean',
  adopt: 'node.adopt',
  service: 'node.service',
  rescue: 'node.rescue',
  unrescue: 'node.unrescue',
  deploy: 'node.deploy',
  rebuild: 'node.deploy',
  delete: 'node.undeploy',
};

/** What the node is on its way to, for `target_provision_state`. */
const GOAL_OF_VERB: Partial<Record<ProvisionVerb, ProvisionState>> = {
  manage: 'manageable',
  inspect: 'manageable',
  provide: 'available',
  clean: 'manageable',
  adopt: 'active',
  service: 'active',
  rescue: 'rescue',
  unrescue: 'active',
  deploy: 'active',
  rebuild: 'active',
  delete: 'available',
};

const quote = (names: readonly string[]) => (names.length === 0 ? 'none' : names.join(', '));

/** Starts a verb. @throws InventoryError 404, 400 (not from this state), 409 (another flow holds the node). */
export async function requestVerb(trx: Trx, uuid: string, verb: ProvisionVerb, input: JsonObject): Promise<void> {
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
  requireAllowed(node, verb);
  if (verb === 'unhold') return endHold(trx, node, to);
  await writeState(trx, node, to, STABLE_STATES.has(to) ? null : (GOAL_OF_VERB[verb] ?? null), null);
  // `available -manage->` and `clean failed -manage->` only move the node: nothing has to be done.
  if (STABLE_STATES.has(to)) return;
  const kind = FLOW_OF_VERB[verb];
  if (kind === undefined) throw new InventoryError(400, `The verb "${verb}" is not available in this version.`);
  await startNodeFlow(trx, uuid, kind, input);
}

/** A flow on hold waits for this key. */
export const holdKey = (uuid: string): string => `hold:${uuid}`;

async function endHold(trx: Trx, node: NodeRecord, to: ProvisionState): Promise<void> {
  await writeState(trx, node, to, node.target_provision_state, null);
  await signalFlow(trx, holdKey(node.uuid), { event: 'unhold' });
}

/** Verbs that put work on a machine which somebody has taken out of service. */
const NOT_IN_MAINTENANCE: ReadonlySet<ProvisionVerb> = new Set(['deploy', 'rebuild', 'clean', 'rescue', 'service']);
const NOT_WHILE_PROTECTED: ReadonlySet<ProvisionVerb> = new Set(['rebuild', 'delete']);

/** @throws InventoryError 400 in maintenance or retired, 403 protected */
function requireAllowed(node: NodeRecord, verb: ProvisionVerb): void {
  if (node.maintenance && NOT_IN_MAINTENANCE.has(verb))
    throw new InventoryError(
      400,
      `The ${verb} operation can't be performed on node ${node.uuid} because it's in maintenance mode (${node.maintenance_reason ?? 'no reason was given'}): end maintenance first.`,
    );
  if (node.retired && verb === 'provide')
    throw new InventoryError(400, `The providing operation can't be performed on node ${node.uuid} because it is retired.`);
  if (node.protected && NOT_WHILE_PROTECTED.has(verb))
    throw new InventoryError(403, `Node ${node.uuid} is protected and cannot be undeployed, rebuilt or deleted`);
}

async function abortWork(trx: Trx, node: NodeRecord): Promise<void> {
  const flow = await activeFlow(trx, nodeLock(node.uuid));
  const rest = nextState(node.provision_state, 'abort');
  if (flow === undefined && rest !== undefined && STABLE_STATES.has(node.provision_state)) {
    await writeState(trx, node, rest, null, null);
    return;
  }
  const current = currentStepOf(node);
  if (flow !== undefined && current?.abortable === false) {
    throw new InventoryError(
      400,
      `Node ${node.uuid} is doing the step "${current.step}", which can not be aborted: half of it would leave the machine worse. Wait for its end.`,
    );
  }
  if (flow === undefined || nextState(node.provision_state, 'abort') === undefined) {
    throw new InventoryError(400, `Node ${node.uuid} is in state "${node.provision_state}": there is nothing to abort.`);
  }
  await cancelFlow(trx, flow.id, 'aborted by an operator');
}

export async function startNodeFlow(trx: Trx, uuid: string, kind: string, input: JsonObject): Promise<string> {
  // Looked at before it is tried: the insert would wait for a flow that is just ending, and that one for our lock on the node.
  const running = await activeFlow(trx, nodeLock(uuid));
  if (running !== undefined) throw lockedBy(uuid, running);
  const started = await startFlow(trx, { kind, subjectId: uuid, lockKey: nodeLock(uuid), input });
  if ('conflict' in started) throw lockedBy(uuid, { kind: started.conflict.kind, id: started.conflict.flowId });
  return started.id;
}

/** Work outside of the life of a node that somebody asked for: an error of before is no news of it. */
export async function startAskedFlow(trx: Trx, uuid: string, kind: string, input: JsonObject): Promise<void> {
  await startNodeFlow(trx, uuid, kind, input);
  await trx.updateTable('node').set({ last_error: null }).where('uuid', '=', uuid).execute();
}

/** What `PUT states/power` asks of the power flow. A soft reboot is a soft off, then on. */
export type PowerRequest = PowerAction | 'soft-reboot';
/** For work that needs the node to itself for a moment. @throws InventoryError 409, locked */
export async function requireIdle(trx: Trx, uuid: string): Promise<NodeRecord> {
  const node = await mustLock(trx, uuid);
  const flow = await activeFlow(trx, nodeLock(uuid));
  if (flow !== undefined) throw lockedBy(uuid, flow);
  return node;
}

const lockedBy = (uuid: string, flow: { readonly kind: string; readonly id: string }) =>
  new InventoryError(409, `Node ${uuid} is locked by "${flow.kind}" (${flow.id}), please retry after the current operation is completed.`, {
    isLocked: true,
  });

const POWER_TARGET: Record<PowerRequest, PowerState> = {
  on: 'on',
  off: 'off',
  'soft-off': 'off',
  reset: 'on',
  cycle: 'on',
  'soft-reboot': 'on',
};
export const powerWord = (state: PowerState): string => `power ${state}`;

/** `more` goes into the flow's input, as with verbs. */
export async function requestPower(
  trx: Trx,
  uuid: string,
  action: PowerRequest,
  timeoutSeconds?: number,
  more: JsonObject = {},
): Promise<void> {
  const node = await mustLock(trx, uuid);
  await startNodeFlow(trx, uuid, 'node.power', { action, ...(timeoutSeconds === undefined ? {} : { timeoutSeconds }), ...more });
  await trx
    .updateTable('node')
    .set({ target_power_state: powerWord(POWER_TARGET[action]), last_error: null, updated_at: sql`now()` })
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
      ...inspectionTimes(node.provision_state, to),
    })
    .where('uuid', '=', node.uuid)
    .execute();
  await recordTransition(trx, node, to, lastError);
}

const isInspecting = (state: ProvisionState) => state === 'inspecting' || state === 'inspect wait';

/** Started while it goes on, finished once it has succeeded. */
function inspectionTimes(from: ProvisionState, to: ProvisionState) {
  if (isInspecting(from) === isInspecting(to)) return {};
  if (isInspecting(to)) return { inspection_started_at: sql<Date>`now()` };
  return { inspection_started_at: null, ...(to === 'manageable' ? { inspection_finished_at: sql<Date>`now()` } : {}) };
}

async function recordTransition(trx: Trx, node: NodeRecord, to: ProvisionState, lastError: string | null): Promise<void> {
  const message = `${node.provision_state} → ${to}${lastError === null ? '' : `: ${lastError}`}`;
  const evidence = JSON.stringify({ from: node.provision_state, to });
  await sql`
    with told as (
      insert into machine_event (at, node_uuid, source, kind, severity, message, evidence)
      values (clock_timestamp(), ${node.uuid}, 'node', 'node.state', ${lastError === null ? 'info' : 'error'}, ${message}, ${evidence}::jsonb)
    )
    select pg_notify('machine_event', '0')`.execute(trx);
}

export async function setPowerState(trx: Trx, uuid: string, state: PowerState, options: { clearTarget?: boolean } = {}): Promise<void> {
  await trx
    .updateTable('node')
    .set({ power_state: powerWord(state), ...(options.clearTarget === true ? { target_power_state: null } : {}), updated_at: sql`now()` })
    .where('uuid', '=', uuid)
    .$if(options.clearTarget !== true, (query) => query.where('power_state', 'is distinct from', powerWord(state)))
    .execute();
}

/** What the next network boot does; the boot plane learns of it by the notification. */
export const setBootIntent = (trx: Trx, uuid: string, kind: 'agent' | 'disk' | 'hold', reason: string): Promise<void> =>
  setNetworkBoot(trx, uuid, { kind }, reason);

export type NetworkBoot =
  | { readonly kind: 'image'; readonly image: NetworkImage }
  | { readonly kind: 'volume'; readonly volume: NetworkVolume };

/** The same with what an instance is made of that boots over the network itself. */
export async function setNetworkBoot(
  trx: Trx,
  uuid: string,
  boot: NetworkBoot | { readonly kind: 'agent' | 'disk' | 'hold' },
  reason: string,
): Promise<void> {
  const { kind, ...boot_detail } = boot;
  await trx
    .updateTable('node')
    .set({ boot_kind: kind, boot_reason: reason, boot_detail: JSON.stringify(boot_detail), updated_at: sql`now()` })
    .where('uuid', '=', uuid)
    .execute();
  await notifyBootModel(trx);
}

/** The columns in which the API shows what is being done. */
const STEP_COLUMN = { clean: 'clean_step', deploy: 'deploy_step', service: 'service_step' } as const;
interface CurrentStep {
  readonly interface: string;
  readonly step: string;
  readonly priority: number;
  readonly args: JsonObject;
  readonly abortable: boolean;
}

/** @param step null: none any more. */
export async function setCurrentStep(trx: Trx, uuid: string, phase: keyof typeof STEP_COLUMN, step: CurrentStep | null): Promise<void> {
  const shown =
    step === null
      ? {}
      : { interface: step.interface, step: step.step, priority: step.priority, args: step.args, abortable: step.abortable };
  await trx
    .updateTable('node')
    .set({ [STEP_COLUMN[phase]]: JSON.stringify(shown) } as never)
    .where('uuid', '=', uuid)
    .execute();
}

export async function clearCurrentSteps(trx: Trx, uuid: string): Promise<void> {
  const none = JSON.stringify({});
  await trx
    .updateTable('node')
    .set({ clean_step: none, deploy_step: none, service_step: none } as never)
    .where('uuid', '=', uuid)
    .execute();
}

const currentStepOf = (node: NodeRecord): CurrentStep | undefined => {
  const shown = [node.clean_step, node.deploy_step, node.service_step].find((step) => 'step' in (step as object));
  return shown as unknown as CurrentStep | undefined;
};

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
