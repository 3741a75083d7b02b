import type { FlowDefinition } from '../core/flow/flow-definition.ts';
import { applyEvent } from '../inventory/node-service.ts';
import { agentStep, bootAgentStep, intendAgentStep } from './agent-steps.ts';
import { bootInstanceStep, intendInstanceStep } from './boot-instance-step.ts';
import { failNode } from './node-flow-endings.ts';
import { networkStep } from './machine-networks.ts';
import type { NodeFlowServices } from './node-flow-services.ts';

/** `rescue`: the ramdisk runs in place of the instance and lets the user `rescue` in over SSH; rescuing → rescue. */
export const rescueFlow = (services: NodeFlowServices): FlowDefinition => ({
  kind: 'node.rescue',
  version: 2,
  upgrade: (state) => state,
  steps: [
    networkStep(services, 'enter_network', 'rescuing', 'the agent boots'),
    intendAgentStep(services, 'rescue'),
    bootAgentStep(services),
    agentStep(services, {
      name: 'start_rescue',
      step: 'start_rescue',
      timeoutSeconds: 120,
      what: 'the agent to let the user rescue in over SSH',
      next: 'the node is in rescue',
      args: async (ctx) => ({ password: services.sealer.open(String(ctx.input['sealed_rescue_password'])) }),
    }),
  ],
  onSucceeded: (trx, flow) => applyEvent(trx, flow.subjectId, 'done'),
  ...failNode,
});

/** `unrescue`: the instance starts again; unrescuing → active. */
export const unrescueFlow = (services: NodeFlowServices): FlowDefinition => ({
  kind: 'node.unrescue',
  version: 3,
  upgrade: (state) => state,
  steps: [
    networkStep(services, 'tenant_network', 'tenant', 'the instance starts again'),
    intendInstanceStep(services),
    bootInstanceStep(services),
  ],
  onSucceeded: (trx, flow) => applyEvent(trx, flow.subjectId, 'done'),
  ...failNode,
});
