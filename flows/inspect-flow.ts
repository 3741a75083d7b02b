import type { FlowDefinition } from '../core/flow/flow-definition.ts';
import { applyEvent, startNodeFlow } from '../inventory/node-service.ts';
import { agentStep, bootAgentStep, intendAgentStep } from './agent-steps.ts';
import { readHardwareStep } from './hardware-records.ts';
import { failNode } from './node-flow-endings.ts';
import type { NodeFlowServices } from './node-flow-services.ts';

/** `inspect`: the agent boots, and by calling in it leaves a new inspection; the command is the proof that it still works. */
export const inspectFlow = (services: NodeFlowServices): FlowDefinition => ({
  kind: 'node.inspect',
  version: 2,
  steps: [
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
