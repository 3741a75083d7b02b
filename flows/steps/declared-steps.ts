import { z } from 'zod';
import type { JsonObject } from '../../core/base/json.ts';
import { interfaceOf } from '../../inventory/driver-table.ts';
import type { NodeRecord } from '../../inventory/node-record.ts';
import type { DeclaredStep } from '../step-plan-policy.ts';
import { agentStepKnowledge } from './agent-step-table.ts';
import { CONTROL_PLANE_STEPS } from './control-plane-steps.ts';

/** Every step that can be done on a node: what its agent declared when it last called in, and what the control plane does. */
export function declaredSteps(node: NodeRecord): DeclaredStep[] {
  const stored = (node.driver_internal_info as JsonObject)['agent_steps'];
  const parsed = z.array(agentDeclaration).safeParse(stored ?? []);
  const raid = interfaceOf(node, 'raid');
  const inBand = (parsed.success ? parsed.data.map(fromAgent) : []).filter((step) => step.interface !== 'raid' || raid === 'agent');
  return [...inBand, ...CONTROL_PLANE_STEPS.filter((step) => step.serves?.(node) ?? true).map(({ declaration }) => declaration)];
}

const agentDeclaration = z.looseObject({
  phase: z.string(),
  interface: z.string(),
  step: z.string(),
  priority: z.number(),
  abortable: z.boolean().default(false),
  rebootRequested: z.boolean().default(false),
  argsinfo: z.record(z.string(), z.looseObject({ description: z.string().default(''), required: z.boolean().default(false) })).default({}),
});

/** Arguments that the control plane fills in are nobody's duty. */
function fromAgent(step: z.infer<typeof agentDeclaration>): DeclaredStep {
  const isFilled = agentStepKnowledge(step.step).args !== undefined;
  const argsinfo = Object.fromEntries(
    Object.entries(step.argsinfo).map(([name, info]) => [name, { description: info.description, required: info.required && !isFilled }]),
  );
  const { phase, priority, abortable, rebootRequested } = step;
  return { phase, interface: step.interface, step: step.step, priority, abortable, rebootRequested, argsinfo, inBand: true };
}
