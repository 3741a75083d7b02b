import type { JsonObject } from '../core/base/json.ts';
import type { FlowContext, FlowStep, FlowTransaction, StepOutcome } from '../core/flow/flow-definition.ts';
import { forgetAgent } from '../inventory/discovery-service.ts';
import type { NodeRecord } from '../inventory/node-record.ts';
import { setPowerState } from '../inventory/node-service.ts';
import { bmcStep, connectTo, loadNode, switchOff, POWER_CHANGE_MS, type NodeFlowServices } from './node-flow-services.ts';
import { describePort, isApplied, nameOf, wishOf, type NetworkPurpose, type SwitchPortFact } from './switch-port-policy.ts';
import {
  differsFromRows,
  findNetworkId,
  isSwitched,
  planPorts,
  switchPortsKey,
  switchPortsOfNode,
  writeWishes,
  type PortWish,
} from './switch-port-service.ts';
import { describeVlans } from '../network/switch/switch-driver.ts';

/*
 * A machine with `network_interface` neutron moves between networks on its switch. It is switched off first: nothing that runs on it ever meets the next network.
 *   1. plan   which ports, which network; what hinders it fails the flow by name
 *   2. wish   the rows say what shall be; whoever leads the switches is woken by them
 *   3. wait   until the switch has it, told by an event; until then the wait says what the switch says
 */
export interface MachineNetworks {
  /** UUID or name for each purpose; a node's `driver_info` wins, the provisioning network serves where nothing is named. */
  readonly named: Readonly<Partial<Record<AgentPurpose, string>>>;
  readonly timeoutMs: number;
}

export type AgentPurpose = Exclude<NetworkPurpose, 'tenant' | 'none'>;

/** What there is to do next. */
export type NetworkTurn =
  | { readonly kind: 'done'; readonly commit?: (trx: FlowTransaction) => Promise<void>; readonly evidence?: JsonObject }
  | {
      readonly kind: 'wait';
      readonly key: string;
      readonly forMs: number;
      readonly what: string;
      readonly untilMs: number;
      readonly commit?: (trx: FlowTransaction) => Promise<void>;
    }
  | { readonly kind: 'fail'; readonly code: string; readonly message: string; readonly advice: string };

const UNTIL = 'networkUntilMs';

/** A look, which starts the move when it was not started: the same again while it goes on. `untilMs`: of a move that is on its way. */
export async function moveMachine(
  services: NodeFlowServices,
  ctx: FlowContext,
  purpose: NetworkPurpose,
  untilMs: number | undefined,
): Promise<NetworkTurn> {
  const node = await loadNode(services, ctx.subjectId);
  if (!isSwitched(node)) return { kind: 'done' };
  const planned = await planOf(services, node, purpose);
  if ('problem' in planned) return refused(planned.problem);
  const isNew = await differsFromRows(services.db, node.uuid, purpose, planned.wishes);
  if (!isNew) return waitOn(services, ctx, node.uuid, purpose, untilMs);
  await switchOff(connectTo(services, node), ctx.clock, ctx.signal);
  const names = planned.wishes.map(({ portId }) => portId).join(', ');
  return {
    ...waitUntil(
      node.uuid,
      ctx.clock.nowMs(),
      ctx.clock.nowMs() + services.networks.timeoutMs,
      `the switch to have ${names} for ${purpose}`,
    ),
    async commit(trx) {
      await writeWishes(trx, node.uuid, purpose, planned.wishes);
      await setPowerState(trx, node.uuid, 'off');
      await forgetAgent(trx, node.uuid);
    },
  };
}

type Planned = { readonly wishes: readonly PortWish[] } | { readonly problem: string };

async function planOf(services: NodeFlowServices, node: NodeRecord, purpose: NetworkPurpose): Promise<Planned> {
  if (purpose === 'tenant' || purpose === 'none') return planPorts(services.db, node.uuid, purpose, null);
  const own = (of: AgentPurpose) => (node.driver_info as JsonObject)[`${of}_network`] ?? services.networks.named[of];
  const named = own(purpose) ?? own('provisioning');
  if (typeof named !== 'string')
    return { problem: `No network is named for ${purpose}: ${purpose}_network of the node's driver_info or of the configuration.` };
  const network = await findNetworkId(services.db, named);
  return 'problem' in network ? network : planPorts(services.db, node.uuid, purpose, network.id);
}

const ADVICE = 'Correct that, then ask for the same again; `node explain` shows the switch ports of the machine.';
const refused = (message: string): NetworkTurn => ({ kind: 'fail', code: 'machine-network', message, advice: ADVICE });

async function waitOn(
  services: NodeFlowServices,
  ctx: FlowContext,
  nodeUuid: string,
  purpose: NetworkPurpose,
  untilMs: number | undefined,
): Promise<NetworkTurn> {
  const facts = await switchPortsOfNode(services.db, nodeUuid);
  const problem = facts.map(wishOf).find((wish) => 'problem' in wish);
  if (problem !== undefined && 'problem' in problem) return refused(`The ports can not be made ready for ${purpose}: ${problem.problem}.`);
  const open = facts.filter((fact) => !isApplied(fact));
  if (open.length === 0) return { kind: 'done', evidence: { ports: facts.map(describePort) } };
  const nowMs = ctx.clock.nowMs();
  const endMs = untilMs ?? nowMs + services.networks.timeoutMs;
  if (nowMs >= endMs)
    return {
      kind: 'fail',
      code: 'switch-port',
      message: `The switch did not do what was asked for in ${services.networks.timeoutMs / 1000} s: ${open.map(describePort).join('; ')}.`,
      advice: 'Look at the switch and the way to it, then ask for the same again.',
    };
  return waitUntil(nodeUuid, nowMs, endMs, open.map(waitText).join('; '));
}

const waitUntil = (nodeUuid: string, nowMs: number, untilMs: number, what: string) =>
  ({ kind: 'wait', key: switchPortsKey(nodeUuid), forMs: Math.max(1, untilMs - nowMs), what, untilMs }) as const;

function waitText(fact: SwitchPortFact): string {
  const wish = wishOf(fact);
  const error = fact.lastError ?? fact.switchError;
  return `${nameOf(fact)} to have ${'vlans' in wish ? describeVlans(wish.vlans) : '?'}${error === null ? '' : ` (${error})`}`;
}

/** The step of a flow that moves the machine; without `network_interface` neutron there is nothing to do. */
export function networkStep(services: NodeFlowServices, name: string, purpose: NetworkPurpose, next: string): FlowStep {
  const turn = async (ctx: FlowContext, isFirst: boolean): Promise<StepOutcome> => {
    const until = ctx.state[UNTIL];
    const result = await moveMachine(services, ctx, purpose, isFirst || typeof until !== 'number' ? undefined : until);
    if (result.kind !== 'wait') return result;
    const { key, forMs, what, untilMs, commit } = result;
    const written = commit === undefined ? {} : { commit };
    return { kind: 'wait', key, forMs, waitingFor: { what, next }, patch: { [UNTIL]: untilMs }, ...written };
  };
  return bmcStep({
    name,
    deadlineMs: POWER_CHANGE_MS,
    attempts: { max: 5, backoffMs: 1000 },
    waitingFor: () => ({ what: `the machine's ports to be ready for ${purpose}`, next }),
    run: (ctx) => turn(ctx, true),
    onEvent: (ctx) => turn(ctx, false),
    onTimeout: (ctx) => turn(ctx, false),
  });
}
