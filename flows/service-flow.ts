import type { FlowDefinition } from '../core/flow/flow-definition.ts';
import { applyEvent, setBootIntent, setPowerState } from '../inventory/node-service.ts';
import { forgetAgent } from '../inventory/discovery-service.ts';
import { planFromInput } from './clean-flow.ts';
import { failNode } from './node-flow-endings.ts';
import { bmcStep, connectTo, loadNode, POWER_CHANGE_MS, switchOff, type NodeFlowServices } from './node-flow-services.ts';
import { stepLoop } from './step-loop.ts';

/** `service`: an active machine is taken through the steps that were asked for and starts its instance again; servicing → active. */
export const serviceFlow = (services: NodeFlowServices): FlowDefinition => ({
  kind: 'node.service',
  version: 1,
  steps: [
    ...stepLoop(services, {
      phase: 'service',
      why: 'servicing',
      plan: async (ctx, _node, declared) => planFromInput(ctx, declared, 'service'),
    }),
    bmcStep({
      name: 'boot_instance',
      deadlineMs: POWER_CHANGE_MS,
      attempts: { max: 5, backoffMs: 1000 },
      waitingFor: () => ({ what: 'the BMC to start the machine from its disk', next: 'the node is active again' }),
      async run(ctx) {
        const bmc = connectTo(services, await loadNode(services, ctx.subjectId));
        await switchOff(bmc, ctx.clock, ctx.signal);
        await bmc.setBoot({ device: 'disk', persistent: true }, ctx.signal);
        await bmc.setPower('on', ctx.signal);
        return {
          kind: 'done',
          async commit(trx) {
            await setBootIntent(trx, ctx.subjectId, 'disk', 'an instance is deployed');
            await setPowerState(trx, ctx.subjectId, 'on');
            await forgetAgent(trx, ctx.subjectId);
          },
        };
      },
    }),
  ],
  onSucceeded: (trx, flow) => applyEvent(trx, flow.subjectId, 'done'),
  ...failNode,
});
