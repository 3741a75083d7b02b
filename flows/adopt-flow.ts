import type { FlowDefinition } from '../core/flow/flow-definition.ts';
import { applyEvent, setPowerState } from '../inventory/node-service.ts';
import { intendInstance } from './boot-instance-step.ts';
import { failNode } from './node-flow-endings.ts';
import { bmcStep, BMC_CALL_MS, connectTo, loadNode, type NodeFlowServices } from './node-flow-services.ts';

/** `adopt`: a machine that runs already becomes `active` as it is; nothing on it is touched, only its BMC is asked. */
export const adoptFlow = (services: NodeFlowServices): FlowDefinition => ({
  kind: 'node.adopt',
  version: 1,
  steps: [
    bmcStep({
      name: 'take_over',
      deadlineMs: BMC_CALL_MS * 2,
      attempts: { max: 4, backoffMs: 1000 },
      waitingFor: () => ({ what: 'the BMC to tell the power state', next: 'the node is active' }),
      async run(ctx) {
        const state = await connectTo(services, await loadNode(services, ctx.subjectId)).powerState(ctx.signal);
        const intend = await intendInstance(services, ctx.subjectId, 'an instance was adopted');
        return {
          kind: 'done',
          evidence: { powerState: state },
          async commit(trx) {
            await setPowerState(trx, ctx.subjectId, state);
            await intend(trx);
          },
        };
      },
    }),
  ],
  onSucceeded: (trx, flow) => applyEvent(trx, flow.subjectId, 'done'),
  ...failNode,
});
