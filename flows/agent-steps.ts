import { BmcError, type PowerState } from '../bmc/capability.ts';
import type { JsonObject } from '../core/base/json.ts';
import type { FlowContext, FlowStep, FlowTransaction, StepOutcome } from '../core/flow/flow-definition.ts';
import type { AgentReport, AgentStepName } from '../deploy-agent/protocol.ts';
import { agentReadyKey, commandKey, queueCommand } from '../inventory/agent-command-service.ts';
import { forgetAgent } from '../inventory/discovery-service.ts';
import { applyWaiting, setBootIntent, setPowerState } from '../inventory/node-service.ts';
import type { NodeRecord } from '../inventory/node-record.ts';
import { lastBootSign } from '../inventory/timeline-store.ts';
import { endAgentBoot, lookAtBootSetting, prepareAgentBoot } from './agent-boot.ts';
import { judgeSilence, LOADER_SILENCE_MS } from './boot-silence-policy.ts';
import { orFake } from './fake-hardware.ts';
import { bmcStep, BMC_CALL_MS, connectTo, loadNode, POWER_CHANGE_MS, switchOff, type NodeFlowServices } from './node-flow-services.ts';

/*
 * The steps that every flow with a ramdisk shares:
 *   1. `intend_agent`  the next network boot is the agent's (before the power is touched, so that no boot meets old intent)
 *   2. `boot_agent`    network boot once, power cycle, wait until the agent has opened its session; a machine that falls
 *                      silent is power cycled again (boot-silence-policy.ts), one whose console tells why it never will fails
 *   3. `run …`         queue a command for the agent, wait for its report
 * An agent that called within AGENT_FRESH_MS is used as it is (fast track).
 */
const AGENT_FRESH_MS = 60_000;

const isFresh = (node: NodeRecord, nowMs: number): boolean =>
  node.agent_token_hash !== null &&
  node.power_state === 'power on' &&
  node.boot_kind === 'agent' &&
  node.agent_seen_at !== null &&
  nowMs - node.agent_seen_at.getTime() < AGENT_FRESH_MS;

export function intendAgentStep(services: NodeFlowServices, why: string): FlowStep {
  return orFake(services, undefined, {
    name: 'intend_agent',
    deadlineMs: BMC_CALL_MS,
    waitingFor: () => ({ what: 'the boot plane to learn that this machine boots the agent', next: 'power cycle into the agent' }),
    async run(ctx) {
      const node = await loadNode(services, ctx.subjectId);
      if (isFresh(node, ctx.clock.nowMs())) return { kind: 'done', patch: { agentFresh: true }, evidence: { fastTrack: true } };
      return { kind: 'done', patch: { agentFresh: false }, commit: (trx) => setBootIntent(trx, ctx.subjectId, 'agent', why) };
    },
  });
}

export function bootAgentStep(services: NodeFlowServices): FlowStep {
  const step = bmcStep({
    name: 'boot_agent',
    deadlineMs: POWER_CHANGE_MS * 2,
    attempts: { max: 5, backoffMs: 2000 },
    waitingFor: () => ({ what: 'the BMC to start the machine into the agent', next: 'the agent calls in' }),
    async run(ctx) {
      if (ctx.state['agentFresh'] === true) return { kind: 'done' };
      const node = await loadNode(services, ctx.subjectId);
      const bmc = connectTo(services, node);
      const agentBootAtMs = ctx.clock.nowMs();
      await switchOff(bmc, ctx.clock, ctx.signal);
      await prepareAgentBoot(services, node, bmc, ctx.signal);
      if (triesOf(ctx) > 0) await lookAtBootSetting(bmc, ctx.signal);
      await bmc.setPower('on', ctx.signal);
      return {
        ...waitForAgent(ctx, FIRST_LOOK_MS),
        patch: { agentBootAtMs, bootTries: triesOf(ctx) + 1 },
        commit: async (trx) => {
          await setPowerState(trx, ctx.subjectId, 'on');
          // It ended with the power: when this boot fails, what comes next is not to take it for one that runs.
          await forgetAgent(trx, ctx.subjectId);
          await applyWaiting(trx, ctx.subjectId, 'wait');
        },
      };
    },
    async onEvent(ctx, payload) {
      const { atMs, finding } = payload as unknown as { atMs: number; finding?: { code: string; message: string; advice: string } };
      // The mailbox may hold the call of an earlier boot.
      if (atMs < bootAtMsOf(ctx)) return waitForAgent(ctx, FIRST_LOOK_MS);
      if (finding !== undefined) return { kind: 'fail', ...finding };
      // The next boot of this flow has its own tries.
      const node = await loadNode(services, ctx.subjectId);
      const evidence = await endAgentBoot(node, connectTo(services, node), ctx.signal);
      return { kind: 'done', patch: { bootTries: 0 }, evidence, commit: (trx) => applyWaiting(trx, ctx.subjectId, 'resume') };
    },
    async onTimeout(ctx) {
      const poweredOnAtMs = bootAtMsOf(ctx);
      const sign = await lastBootSign(services.db, ctx.subjectId, poweredOnAtMs);
      const verdict = judgeSilence({ sign, poweredOnAtMs, nowMs: ctx.clock.nowMs(), tries: triesOf(ctx) });
      if (verdict.kind === 'wait') return waitForAgent(ctx, verdict.forMs);
      const isOff = sign === undefined && (await lookAtPower(services, ctx)) === 'off';
      const because = isOff ? 'the BMC was told to switch the machine on, and says that it is off' : verdict.because;
      if (verdict.kind === 'boot-again') return { kind: 'goto', step: 'boot_agent', evidence: { because } };
      return {
        kind: 'fail',
        code: 'agent-no-call',
        message: `The agent did not call in ${triesOf(ctx)} boots: ${because}.`,
        advice: sign === undefined ? NO_DHCP_ADVICE : 'Read the console and the boot trace (`node console`, `node explain`) from there on.',
      };
    },
  });
  return orFake(services, 'fake_boot_delay', step);
}

/** What the BMC says of a machine that has said nothing; undefined when it says nothing either. */
async function lookAtPower(services: NodeFlowServices, ctx: FlowContext): Promise<PowerState | undefined> {
  const bmc = connectTo(services, await loadNode(services, ctx.subjectId));
  return bmc.powerState(ctx.signal).catch((error: unknown) => {
    if (!(error instanceof BmcError) || ctx.signal.aborted) throw error;
    return undefined;
  });
}

/** No firmware is through with its network boot before; what it then has done tells how long to wait. */
const FIRST_LOOK_MS = LOADER_SILENCE_MS;
const NO_DHCP_ADVICE = 'Look at the boot order, the cable and the switch port: the network boot never reached this host.';

const triesOf = (ctx: FlowContext): number => Number(ctx.state['bootTries'] ?? 0);
const bootAtMsOf = (ctx: FlowContext): number => Number(ctx.state['agentBootAtMs']);

const waitForAgent = (ctx: FlowContext, forMs: number): StepOutcome & { kind: 'wait' } => ({
  kind: 'wait',
  key: agentReadyKey(ctx.subjectId),
  forMs,
  waitingFor: {
    what: 'the agent to boot from the network and call in',
    next: 'the first command to the agent; when the machine falls silent, a power cycle',
  },
});

export interface AgentWork {
  readonly name: string;
  readonly step: AgentStepName;
  readonly timeoutSeconds: number;
  readonly what: string;
  readonly next: string;
  /** Undefined: there is nothing to do in this case, the step is over. */
  args(ctx: FlowContext, node: NodeRecord): Promise<JsonObject | undefined>;
  /** Domain writes of a success, in the step's transaction. */
  onResult?(trx: FlowTransaction, ctx: FlowContext, report: AgentReport): Promise<void>;
}

export function failureOf(report: AgentReport): StepOutcome {
  const error = report.error ?? { code: 'internal', message: 'the agent gave no reason', advice: 'read its log in the timeline' };
  return { kind: 'fail', code: error.code, message: error.message, advice: error.advice };
}

/** Grace on top of the agent's own time limit: it reports a timeout itself, this one is for an agent that died. */
const AGENT_SILENCE_GRACE_MS = 120_000;

export function agentStep(services: NodeFlowServices, work: AgentWork): FlowStep {
  return orFake(services, 'fake_deploy_delay', {
    name: work.name,
    deadlineMs: BMC_CALL_MS,
    waitingFor: () => ({ what: work.what, next: work.next }),
    async run(ctx) {
      const node = await loadNode(services, ctx.subjectId);
      const args = await work.args(ctx, node);
      if (args === undefined) return { kind: 'done', evidence: { skipped: true } };
      return {
        kind: 'wait',
        key: commandKey(ctx.stepId),
        forMs: work.timeoutSeconds * 1000 + AGENT_SILENCE_GRACE_MS,
        waitingFor: { what: work.what, next: work.next },
        commit: async (trx) => {
          await queueCommand(
            trx,
            { id: ctx.stepId, nodeUuid: ctx.subjectId, step: work.step, args, timeoutSeconds: work.timeoutSeconds },
            services.sealer,
          );
          await applyWaiting(trx, ctx.subjectId, 'wait');
        },
      };
    },
    async onEvent(ctx, payload) {
      const report = payload as unknown as AgentReport;
      if (report.status === 'failed') return failureOf(report);
      return {
        kind: 'done',
        ...(report.result !== null && typeof report.result === 'object' && !Array.isArray(report.result)
          ? { evidence: report.result }
          : {}),
        commit: async (trx) => {
          await work.onResult?.(trx, ctx, report);
          await applyWaiting(trx, ctx.subjectId, 'resume');
        },
      };
    },
  });
}
