import type { FlowStep } from '../core/flow/flow-definition.ts';
import { delayOf, isFake } from '../inventory/fake-hardware.ts';
import { loadNode, type NodeFlowServices } from './node-flow-services.ts';

/** A step that needs a machine, for one that is only its row: over after the delay that its `driver_info` names. */
export function orFake(services: NodeFlowServices, delayKey: string | undefined, step: FlowStep): FlowStep {
  return {
    ...step,
    async run(ctx) {
      const node = await loadNode(services, ctx.subjectId);
      if (!isFake(node)) return step.run(ctx);
      const forMs = delayKey === undefined ? 0 : delayOf(node, delayKey);
      return forMs === 0 ? { kind: 'done' } : { kind: 'wait', key: `fake-hardware:${ctx.stepId}`, forMs };
    },
    async onTimeout(ctx) {
      if (isFake(await loadNode(services, ctx.subjectId))) return { kind: 'done' };
      if (step.onTimeout) return step.onTimeout(ctx);
      const { what } = step.waitingFor(ctx.state);
      return { kind: 'fail', code: 'deadline', message: `Waited too long for ${what}.`, advice: 'Read the timeline of the node.' };
    },
  };
}
