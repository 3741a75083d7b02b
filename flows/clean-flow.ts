import { z } from 'zod';
import type { FlowContext, FlowDefinition, FlowStep } from '../core/flow/flow-definition.ts';
import { hasDelay, isFake } from '../inventory/fake-hardware.ts';
import type { NodeRecord } from '../inventory/node-record.ts';
import { applyEvent, setBootIntent, setPowerState } from '../inventory/node-service.ts';
import { networkStep } from './machine-networks.ts';
import { isSwitched } from './switch-port-service.ts';
import { readHardwareStep } from './hardware-records.ts';
import { failNode } from './node-flow-endings.ts';
import { bmcStep, connectTo, loadNode, POWER_CHANGE_MS, switchOff, type NodeFlowServices } from './node-flow-services.ts';
import { stepLoop } from './step-loop.ts';
import {
  planAutomatic,
  planRequested,
  stepName,
  type DeclaredStep,
  type RequestedStep,
  type StepPhase,
  type StepPlan,
} from './step-plan-policy.ts';

/*
 * Cleaning: the agent runs, the machine is taken through the list of clean steps, and is switched off.
 *   `provide`, and the second half of `delete`: what has a priority; cleaning → available
 *   `clean`: what was asked for; cleaning → manageable
 */
const AVAILABLE = 'the machine is available: nothing is deployed on it';

const switchOffAndHold = (services: NodeFlowServices, why: string): FlowStep =>
  bmcStep({
    name: 'power_off',
    deadlineMs: POWER_CHANGE_MS,
    attempts: { max: 5, backoffMs: 1000 },
    waitingFor: () => ({ what: 'the BMC to switch the machine off', next: 'the end of cleaning' }),
    async run(ctx) {
      if (isWithoutRamdisk(ctx)) return { kind: 'done' };
      await switchOff(connectTo(services, await loadNode(services, ctx.subjectId)), ctx.clock, ctx.signal);
      return {
        kind: 'done',
        async commit(trx) {
          await setPowerState(trx, ctx.subjectId, 'off');
          await setBootIntent(trx, ctx.subjectId, 'hold', why);
        },
      };
    },
  });

/** Between two instances no network reaches the machine. */
const leaveNetworks = (services: NodeFlowServices): FlowStep => networkStep(services, 'leave_networks', 'none', 'the end of cleaning');

/** A node that says `automated_clean: false`, or an installation that does, goes through without a ramdisk. */
const isCleaned = (services: NodeFlowServices, node: NodeRecord): boolean => node.automated_clean ?? services.cleaning.automated;

/** The last of them ends the flow: whoever adds steps after it has to look at `choose_cleaning`. */
export const cleanSteps = (services: NodeFlowServices): readonly FlowStep[] => [
  {
    name: 'choose_cleaning',
    deadlineMs: 30_000,
    waitingFor: () => ({ what: 'the decision whether this node is cleaned', next: 'the agent boots' }),
    async run(ctx) {
      const node = await loadNode(services, ctx.subjectId);
      if (isFake(node) && !hasDelay(node) && !isSwitched(node)) {
        const off = await switchOffAndHold(services, AVAILABLE).run(ctx);
        return off.kind === 'done' ? { ...off, kind: 'finish', evidence: { skipped: 'this machine is only its row' } } : off;
      }
      if (isCleaned(services, node)) return { kind: 'done' };
      return { kind: 'goto', step: 'power_off', evidence: { skipped: 'automated cleaning is off for this node' } };
    },
  },
  ...stepLoop(services, {
    phase: 'clean',
    why: 'cleaning',
    // Fake hardware declares no steps that an installation's priorities could be about.
    plan: async (_ctx, node, declared) => planAutomatic(declared, 'clean', isFake(node) ? {} : services.cleaning.step_priorities),
  }),
  readHardwareStep(services),
  switchOffAndHold(services, AVAILABLE),
  leaveNetworks(services),
];

const requestedShape = z.array(
  z.looseObject({
    interface: z.string(),
    step: z.string(),
    args: z.record(z.string(), z.json()).optional(),
    priority: z.number().int().min(0).optional(),
  }),
);

/** The steps that a verb was given. */
export function requestedSteps(ctx: FlowContext, key: string): readonly RequestedStep[] | { problem: string } {
  const parsed = requestedShape.safeParse(ctx.input[key] ?? []);
  return parsed.success ? (parsed.data as RequestedStep[]) : { problem: `${key}: ${z.prettifyError(parsed.error)}` };
}

export function planFromInput(ctx: FlowContext, declared: readonly DeclaredStep[], phase: StepPhase): StepPlan {
  const requested = requestedSteps(ctx, `${phase}_steps`);
  if ('problem' in requested) return requested;
  const plan = planRequested(declared, phase, requested);
  const inBand = 'steps' in plan && isWithoutRamdisk(ctx) ? plan.steps.find((step) => step.inBand) : undefined;
  return inBand === undefined ? plan : { problem: `The step ${stepName(inBand)} is the agent's: it can not be done with disable_ramdisk.` };
}

const isWithoutRamdisk = (ctx: FlowContext): boolean => ctx.input['disable_ramdisk'] === true;

/** `disable_ramdisk`: only what the control plane does itself, with the machine's power as it is. */
const chooseRamdisk: FlowStep = {
  name: 'choose_ramdisk',
  deadlineMs: 30_000,
  waitingFor: () => ({ what: 'the decision whether the agent is needed', next: 'the list of steps' }),
  run: async (ctx) => (isWithoutRamdisk(ctx) ? { kind: 'goto', step: 'plan_steps' } : { kind: 'done' }),
};

export const cleanFlow = (services: NodeFlowServices): FlowDefinition => ({
  kind: 'node.clean',
  version: 4,
  upgrade: (state) => state,
  steps: cleanSteps(services),
  onSucceeded: (trx, flow) => applyEvent(trx, flow.subjectId, 'done'),
  ...failNode,
});

export const manualCleanFlow = (services: NodeFlowServices): FlowDefinition => ({
  kind: 'node.manual-clean',
  version: 3,
  upgrade: (state) => state,
  steps: [
    chooseRamdisk,
    ...stepLoop(services, {
      phase: 'clean',
      why: 'manual cleaning',
      plan: async (ctx, _node, declared) => planFromInput(ctx, declared, 'clean'),
    }),
    readHardwareStep(services),
    switchOffAndHold(services, 'manual cleaning is over'),
    leaveNetworks(services),
  ],
  onSucceeded: (trx, flow) => applyEvent(trx, flow.subjectId, 'manage'),
  ...failNode,
});
