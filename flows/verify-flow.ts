import type { FlowDefinition } from '../core/flow/flow-definition.ts';
import { applyEvent, setPowerState } from '../inventory/node-service.ts';
import type { JsonObject } from '../core/base/json.ts';
import { checkDriverInfo } from '../inventory/driver-info-codec.ts';
import { bmcStep, BMC_CALL_MS, connectTo, loadNode, type NodeFlowServices } from './node-flow-services.ts';
import { hasHardwareRecords, readHardwareStep } from './hardware-records.ts';
import { failNode } from './node-flow-endings.ts';

/** `manage`: verifying → manageable. The BMC answers with these credentials and tells the power state, and what the machine is set to. */
export const verifyFlow = (services: NodeFlowServices): FlowDefinition => ({
  kind: 'node.verify',
  version: 2,
  steps: [
    bmcStep({
      name: 'reach_bmc',
      deadlineMs: BMC_CALL_MS * 2,
      attempts: { max: 4, backoffMs: 1000 },
      waitingFor: () => ({ what: 'the BMC to answer with the given credentials', next: 'the node becomes manageable' }),
      async run(ctx) {
        const node = await loadNode(services, ctx.subjectId);
        const problems = checkDriverInfo(node.driver, node.driver_info as JsonObject);
        if (problems.length > 0)
          return {
            kind: 'fail',
            code: 'driver-info',
            message: problems.join('; '),
            advice: 'Set the missing keys of driver_info, then `manage` again.',
          };
        const state = await connectTo(services, node).powerState(ctx.signal);
        return {
          kind: hasHardwareRecords(node) ? 'done' : 'finish',
          evidence: { powerState: state },
          commit: (trx) => setPowerState(trx, ctx.subjectId, state),
        };
      },
    }),
    readHardwareStep(services),
  ],
  onSucceeded: (trx, flow) => applyEvent(trx, flow.subjectId, 'done'),
  ...failNode,
});
