import type { FlowStep } from '../core/flow/flow-definition.ts';
import { forgetAgent } from '../inventory/discovery-service.ts';
import { setBootIntent, setPowerState } from '../inventory/node-service.ts';
import { bmcStep, connectTo, loadNode, POWER_CHANGE_MS, switchOff, type NodeFlowServices } from './node-flow-services.ts';

/** The machine leaves the ramdisk and starts the instance that is on its disk. */
export const bootInstanceStep = (services: NodeFlowServices): FlowStep =>
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
  });
