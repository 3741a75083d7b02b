import type { FlowDefinition } from '../core/flow/flow-definition.ts';
import { releaseNode } from '../inventory/allocation-service.ts';
import { applyEvent } from '../inventory/node-service.ts';
import { lockNode, updateNode } from '../inventory/node-store.ts';
import { cleanSteps } from './clean-flow.ts';
import { failNode } from './node-flow-endings.ts';
import { bmcStep, connectTo, loadNode, POWER_CHANGE_MS, switchOff, type NodeFlowServices } from './node-flow-services.ts';
import { tellWaiter } from './node-flow-waiters.ts';

/** `delete`: the instance is switched off and forgotten (deleting), then the machine is cleaned (cleaning → available). */
export const undeployFlow = (services: NodeFlowServices): FlowDefinition => ({
  kind: 'node.undeploy',
  version: 2,
  upgrade: (state) => state,
  steps: [
    bmcStep({
      name: 'tear_down',
      deadlineMs: POWER_CHANGE_MS,
      attempts: { max: 5, backoffMs: 1000 },
      waitingFor: () => ({ what: 'the BMC to switch the instance off', next: 'cleaning' }),
      async run(ctx) {
        await switchOff(connectTo(services, await loadNode(services, ctx.subjectId)), ctx.clock, ctx.signal);
        return {
          kind: 'done',
          async commit(trx) {
            await releaseNode(trx, ctx.subjectId);
            await updateNode(trx, ctx.subjectId, { instance_info: {}, instance_uuid: null, configdrive: null });
            await tellWaiter(trx, ctx.input, { outcome: 'torn-down', message: '' });
            if ((await lockNode(trx, ctx.subjectId))?.provision_state === 'deleting') await applyEvent(trx, ctx.subjectId, 'clean');
          },
        };
      },
    }),
    ...cleanSteps(services),
  ],
  onSucceeded: (trx, flow) => applyEvent(trx, flow.subjectId, 'done'),
  ...failNode,
});
