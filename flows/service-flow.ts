import type { FlowDefinition } from '../core/flow/flow-definition.ts';
import { applyEvent } from '../inventory/node-service.ts';
import { bootInstanceStep } from './boot-instance-step.ts';
import { planFromInput } from './clean-flow.ts';
import { failNode } from './node-flow-endings.ts';
import { networkStep } from './machine-networks.ts';
import type { NodeFlowServices } from './node-flow-services.ts';
import { stepLoop } from './step-loop.ts';

/** `service`: an active machine is taken through the steps that were asked for and starts its instance again; servicing → active. */
export const serviceFlow = (services: NodeFlowServices): FlowDefinition => ({
  kind: 'node.service',
  version: 2,
  upgrade: (state) => state,
  steps: [
    ...stepLoop(services, {
      phase: 'service',
      why: 'servicing',
      plan: async (ctx, _node, declared) => planFromInput(ctx, declared, 'service'),
    }),
    networkStep(services, 'tenant_network', 'tenant', 'the instance starts again'),
    bootInstanceStep(services),
  ],
  onSucceeded: (trx, flow) => applyEvent(trx, flow.subjectId, 'done'),
  ...failNode,
});
