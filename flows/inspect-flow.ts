import { BmcError } from '../bmc/capability.ts';
import type { FlowDefinition, FlowStep } from '../core/flow/flow-definition.ts';
import { interfaceOf } from '../inventory/driver-table.ts';
import { applyEvent, startNodeFlow } from '../inventory/node-service.ts';
import { acceptOutOfBand } from '../inventory/out-of-band-service.ts';
import { agentStep, bootAgentStep, intendAgentStep } from './agent-steps.ts';
import { networkStep } from './machine-networks.ts';
import { readHardwareStep } from './hardware-records.ts';
import { failNode } from './node-flow-endings.ts';
import { bmcStep, BMC_CALL_MS, connectTo, loadNode, type NodeFlowServices } from './node-flow-services.ts';

/** `inspect_interface` redfish: the BMC is asked, and the machine stays as it is. */
const chooseWay = (services: NodeFlowServices): FlowStep => ({
  name: 'choose_inspection',
  deadlineMs: BMC_CALL_MS,
  waitingFor: () => ({ what: 'the choice between agent and BMC', next: 'the inspection' }),
  async run(ctx) {
    const isOutOfBand = interfaceOf(await loadNode(services, ctx.subjectId), 'inspect') === 'redfish';
    return isOutOfBand ? { kind: 'goto', step: 'ask_bmc', patch: { outOfBand: true } } : { kind: 'done' };
  },
});

const orNothing =
  <Value>(nothing: Value) =>
  (error: unknown): Value => {
    if (error instanceof BmcError && error.code === 'unsupported') return nothing;
    throw error;
  };

const lookOutOfBand = (services: NodeFlowServices): FlowStep =>
  bmcStep({
    name: 'ask_bmc',
    deadlineMs: BMC_CALL_MS * 2,
    attempts: { max: 4, backoffMs: 1000 },
    waitingFor: () => ({ what: 'the BMC to tell what the machine is made of', next: 'the node is manageable again' }),
    async run(ctx) {
      if (ctx.state['outOfBand'] !== true) return { kind: 'done' };
      const bmc = connectTo(services, await loadNode(services, ctx.subjectId));
      const identity = await bmc.identity(ctx.signal);
      const storage = await bmc.storage(ctx.signal).catch(orNothing([]));
      const firmwareMode = await bmc.firmwareMode(ctx.signal).catch(orNothing(undefined));
      return { kind: 'done', commit: (trx) => acceptOutOfBand(trx, ctx.subjectId, { identity, storage, firmwareMode }) };
    },
  });

/** `inspect`: the agent boots, and by calling in it leaves a new inspection; the command is the proof that it still works. */
export const inspectFlow = (services: NodeFlowServices): FlowDefinition => ({
  kind: 'node.inspect',
  version: 4,
  upgrade: (state) => state,
  steps: [
    chooseWay(services),
    networkStep(services, 'enter_network', 'inspection', 'the agent boots'),
    intendAgentStep(services, 'inspection'),
    bootAgentStep(services),
    agentStep(services, {
      name: 'collect_inventory',
      step: 'collect_inventory',
      timeoutSeconds: 300,
      what: 'the agent to look at the hardware',
      next: 'the inspection is stored and compared with the last one',
      args: async () => ({}),
    }),
    lookOutOfBand(services),
    readHardwareStep(services),
  ],
  onSucceeded: (trx, flow) => applyEvent(trx, flow.subjectId, 'done'),
  onFailed: failNode.onFailed,
  async onCancelled(trx, flow, reason) {
    await failNode.onCancelled(trx, flow, reason);
    // Whoever gave up on the inspection does not wait for an agent any more.
    await startNodeFlow(trx, flow.subjectId, 'node.power', { action: 'off' });
  },
});
