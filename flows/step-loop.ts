import type { JsonObject } from '../core/base/json.ts';
import type { FlowContext, FlowStep, FlowTransaction, StepOutcome } from '../core/flow/flow-definition.ts';
import type { AgentReport, AgentStepName } from '../deploy-agent/protocol.ts';
import { commandKey, queueCommand } from '../inventory/agent-command-service.ts';
import type { NodeRecord } from '../inventory/node-record.ts';
import { applyEvent, applyWaiting, clearCurrentSteps, holdKey, setCurrentStep } from '../inventory/node-service.ts';
import { networkStep } from './machine-networks.ts';
import { bootAgentStep, failureOf, intendAgentStep } from './agent-steps.ts';
import { delayOf, isFake } from '../inventory/fake-hardware.ts';
import { bmcStep, connectTo, loadNode, POWER_CHANGE_MS, type NodeFlowServices } from './node-flow-services.ts';
import { stepName, type DeclaredStep, type PlannedStep, type StepPhase, type StepPlan } from './step-plan-policy.ts';
import { agentStepKnowledge } from './steps/agent-step-table.ts';
import { controlPlaneStep } from './steps/control-plane-steps.ts';
import { declaredSteps } from './steps/declared-steps.ts';

/*
 * Takes a machine through a list of steps, in band and out of band, one after another:
 *   0. `enter_network`  the machine's ports are where its agent works
 *   1.–2. the agent runs (or boots anew after a step that took the power away)
 *   3. `plan_steps`  made once, from what the agent of this boot declares
 *   4. `run_steps`   one turn for each step of the plan
 */
export interface StepLoop {
  readonly phase: StepPhase;
  readonly why: string;
  plan(ctx: FlowContext, node: NodeRecord, declared: readonly DeclaredStep[]): Promise<StepPlan>;
}

/** A hold is an operator's decision, and so is its end; a year is only there because a wait has an end. */
const HOLD_MS = 365 * 86_400_000;
const WAIT_SECONDS_MAX = 86_400;
/** Grace on top of the agent's own time limit: it reports a timeout itself, this one is for an agent that died. */
const AGENT_SILENCE_GRACE_MS = 120_000;

const planOf = (state: Readonly<JsonObject>): readonly PlannedStep[] => (state['plan'] ?? []) as unknown as PlannedStep[];
const currentOf = (state: Readonly<JsonObject>): PlannedStep | undefined => planOf(state)[Number(state['at'] ?? 0)];

const AGENT_NETWORKS = { clean: 'cleaning', deploy: 'provisioning', service: 'servicing' } as const;

export function stepLoop(services: NodeFlowServices, loop: StepLoop): readonly FlowStep[] {
  return [
    networkStep(services, 'enter_network', AGENT_NETWORKS[loop.phase], 'the agent boots'),
    intendAgentStep(services, loop.why),
    bootAgentStep(services),
    planSteps(services, loop),
    runSteps(services, loop.phase),
  ];
}

const planSteps = (services: NodeFlowServices, loop: StepLoop): FlowStep => ({
  name: 'plan_steps',
  deadlineMs: 30_000,
  waitingFor: () => ({ what: `the list of ${loop.phase} steps`, next: 'the first of them' }),
  async run(ctx) {
    if (ctx.state['plan'] !== undefined) return { kind: 'done' };
    const node = await loadNode(services, ctx.subjectId);
    const plan = await loop.plan(ctx, node, declaredSteps(node));
    if ('problem' in plan)
      return { kind: 'fail', code: 'step-plan', message: plan.problem, advice: `Ask again with ${loop.phase} steps that this node has.` };
    return {
      kind: 'done',
      patch: { plan: plan.steps as unknown as JsonObject[], at: 0 },
      evidence: { steps: plan.steps.map(stepName) },
      // What an earlier flow was doing when it failed is nobody's current step any more.
      commit: (trx) => clearCurrentSteps(trx, ctx.subjectId),
    };
  },
});

function describeCurrent(state: Readonly<JsonObject>): { what: string; next: string } {
  const step = currentOf(state);
  if (step === undefined) return { what: 'the next step', next: 'the end of the list' };
  const next = planOf(state)[Number(state['at']) + 1];
  const what = (step.inBand ? agentStepKnowledge(step.step) : controlPlaneStep(step))?.what ?? stepName(step);
  return { what, next: next === undefined ? 'the end of the list' : stepName(next) };
}

/** On to the next one. */
const advance = (
  ctx: FlowContext,
  step: PlannedStep,
  more: { evidence?: JsonObject; patch?: JsonObject; commit?: (trx: FlowTransaction) => Promise<void> },
) =>
  ({
    kind: 'goto',
    step: 'run_steps',
    patch: { ...more.patch, at: Number(ctx.state['at']) + 1, progress: {} },
    evidence: { step: stepName(step), ...more.evidence },
    ...(more.commit === undefined ? {} : { commit: more.commit }),
  }) satisfies StepOutcome;

const runSteps = (services: NodeFlowServices, phase: StepPhase): FlowStep =>
  bmcStep({
    name: 'run_steps',
    deadlineMs: POWER_CHANGE_MS * 2,
    attempts: { max: 5, backoffMs: 1000 },
    waitingFor: describeCurrent,
    async run(ctx) {
      const step = currentOf(ctx.state);
      if (step === undefined) return { kind: 'done', commit: (trx) => setCurrentStep(trx, ctx.subjectId, phase, null) };
      const node = await loadNode(services, ctx.subjectId);
      if (step.step === 'hold' && !step.inBand) return hold(ctx, phase, step);
      if (step.step === 'wait' && !step.inBand) return pause(ctx, step);
      if (!step.inBand) return takeTurn(services, ctx, node, phase, step);
      return isFake(node) ? fakeStep(ctx, node, step) : askAgent(services, ctx, node, phase, step);
    },
    async onEvent(ctx, payload) {
      const step = currentOf(ctx.state)!;
      if (!step.inBand && controlPlaneStep(step)?.run !== undefined) return lookAgain(ctx);
      if (!step.inBand) return advance(ctx, step, { commit: (trx) => applyWaiting(trx, ctx.subjectId, 'resume') });
      const report = payload as unknown as AgentReport;
      if (report.status === 'failed') return failureOf(report);
      const concluded = await conclude(services, ctx, step, report);
      if (concluded?.problem !== undefined) return { kind: 'fail', ...concluded.problem, evidence: concluded.evidence };
      return advance(ctx, step, {
        evidence: concluded?.evidence ?? resultOf(report),
        ...(concluded?.patch === undefined ? {} : { patch: concluded.patch }),
        commit: (trx) => applyWaiting(trx, ctx.subjectId, 'resume'),
      });
    },
    async onTimeout(ctx) {
      const step = currentOf(ctx.state)!;
      const isPause = step.step === 'wait' || isFake(await loadNode(services, ctx.subjectId));
      if (!step.inBand && controlPlaneStep(step)?.run !== undefined) return lookAgain(ctx);
      if (isPause) return advance(ctx, step, { commit: (trx) => applyWaiting(trx, ctx.subjectId, 'resume') });
      return {
        kind: 'fail',
        code: 'agent-silent',
        message: `The agent did not report on ${stepName(step)} in time.`,
        advice: 'Read its last words in the timeline and on the console; then abort or ask for the work again.',
      };
    },
  });

const lookAgain = (ctx: FlowContext): StepOutcome => ({
  kind: 'goto',
  step: 'run_steps',
  commit: (trx) => applyWaiting(trx, ctx.subjectId, 'resume'),
});

async function conclude(services: NodeFlowServices, ctx: FlowContext, step: PlannedStep, report: AgentReport) {
  const { conclude: work } = agentStepKnowledge(step.step);
  if (work === undefined) return undefined;
  const isLast = !planOf(ctx.state)
    .slice(Number(ctx.state['at']) + 1)
    .some((later) => later.step === step.step);
  return services.db.transaction().execute((trx) => work(trx, ctx, step, report.result ?? null, isLast));
}

const resultOf = (report: AgentReport): JsonObject =>
  report.result === undefined || report.result === null ? {} : { result: report.result };

/** A turn of the control plane's own step; one that is not done is looked at again. */
async function takeTurn(
  services: NodeFlowServices,
  ctx: FlowContext,
  node: NodeRecord,
  phase: StepPhase,
  step: PlannedStep,
): Promise<StepOutcome> {
  const progress = (ctx.state['progress'] ?? {}) as JsonObject;
  const turn = await controlPlaneStep(step)!.run!({ ctx, node, bmc: connectTo(services, node), args: step.args, services, progress });
  if (turn.kind === 'fail') return turn;
  if (turn.kind === 'done') return advance(ctx, step, turn);
  return {
    kind: 'wait',
    key: turn.orOn?.key ?? `look-again:${ctx.stepId}`,
    forMs: turn.afterMs,
    waitingFor: { ...describeCurrent(ctx.state), ...(turn.orOn === undefined ? {} : { what: turn.orOn.what }) },
    patch: { progress: turn.progress },
    async commit(trx) {
      await turn.commit?.(trx);
      await setCurrentStep(trx, ctx.subjectId, phase, step);
      await applyWaiting(trx, ctx.subjectId, 'wait');
    },
  };
}

function hold(ctx: FlowContext, phase: StepPhase, step: PlannedStep): StepOutcome {
  return {
    kind: 'wait',
    key: holdKey(ctx.subjectId),
    forMs: HOLD_MS,
    waitingFor: { what: 'an operator to end the hold (`unhold`)', next: 'the next step' },
    commit: async (trx) => {
      await applyEvent(trx, ctx.subjectId, 'hold');
      await setCurrentStep(trx, ctx.subjectId, phase, step);
    },
  };
}

function pause(ctx: FlowContext, step: PlannedStep): StepOutcome {
  const seconds = Number(step.args['seconds']);
  if (!(seconds >= 1 && seconds <= WAIT_SECONDS_MAX))
    return {
      kind: 'fail',
      code: 'step-arguments',
      message: `The step ${stepName(step)} waits 1 to ${WAIT_SECONDS_MAX} seconds, not ${JSON.stringify(step.args['seconds'])}.`,
      advice: 'Ask again with a number of seconds.',
    };
  return {
    kind: 'wait',
    key: `pause:${ctx.stepId}`,
    forMs: seconds * 1000,
    commit: (trx) => applyWaiting(trx, ctx.subjectId, 'wait'),
  };
}

function fakeStep(ctx: FlowContext, node: NodeRecord, step: PlannedStep): StepOutcome {
  const forMs = delayOf(node, 'fake_deploy_delay');
  return forMs === 0 ? advance(ctx, step, {}) : { kind: 'wait', key: `fake-hardware:${ctx.stepId}`, forMs };
}

async function askAgent(
  services: NodeFlowServices,
  ctx: FlowContext,
  node: NodeRecord,
  phase: StepPhase,
  step: PlannedStep,
): Promise<StepOutcome> {
  // A step before this one took the power away.
  if (node.agent_token_hash === null) return { kind: 'goto', step: 'intend_agent', evidence: { because: 'the agent has to boot anew' } };
  const { args: fill, prepare, timeoutSeconds, what } = agentStepKnowledge(step.step);
  await prepare?.(ctx, connectTo(services, node), services, step);
  const filled = fill === undefined ? {} : await fill(ctx, node, services, step);
  if (filled === undefined) return advance(ctx, step, { evidence: { skipped: true } });
  // What the agent does not know it refuses by name (`step-unknown`).
  const name = step.step as AgentStepName;
  const command = { id: ctx.stepId, nodeUuid: ctx.subjectId, step: name, args: { ...filled, ...step.args }, timeoutSeconds };
  return {
    kind: 'wait',
    key: commandKey(ctx.stepId),
    forMs: timeoutSeconds * 1000 + AGENT_SILENCE_GRACE_MS,
    waitingFor: { what, next: describeCurrent(ctx.state).next },
    commit: async (trx) => {
      await queueCommand(trx, command, services.sealer);
      await setCurrentStep(trx, ctx.subjectId, phase, step);
      await applyWaiting(trx, ctx.subjectId, 'wait');
    },
  };
}
