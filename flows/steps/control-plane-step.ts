import type { BmcConnection } from '../../bmc/capability.ts';
import type { JsonObject } from '../../core/base/json.ts';
import type { FlowContext, FlowTransaction } from '../../core/flow/flow-definition.ts';
import { forgetAgent } from '../../inventory/discovery-service.ts';
import type { NodeRecord } from '../../inventory/node-record.ts';
import { setPowerState } from '../../inventory/node-service.ts';
import { switchOff, type NodeFlowServices } from '../node-flow-services.ts';
import { ANY_INTERFACE, ANY_PHASE, type DeclaredStep, type StepPhase } from '../step-plan-policy.ts';

/*
 * A step that the control plane does itself, over the BMC. One that takes long is done in turns: each looks at how far the
 * machine is and says when to look again; what it has to remember is its `progress`, which survives a crash.
 */
export interface StepWork {
  readonly ctx: FlowContext;
  readonly node: NodeRecord;
  readonly bmc: BmcConnection;
  readonly args: JsonObject;
  readonly services: NodeFlowServices;
  /** What the turn before left; empty in the first. */
  readonly progress: JsonObject;
}

export type Commit = (trx: FlowTransaction) => Promise<void>;

export type StepTurn =
  | { readonly kind: 'done'; readonly commit?: Commit; readonly evidence?: JsonObject }
  | {
      readonly kind: 'again';
      readonly afterMs: number;
      /** An event that is waited for meanwhile, and what for. */
      readonly orOn?: { readonly key: string; readonly what: string };
      readonly progress: JsonObject;
      readonly commit?: Commit;
    }
  | { readonly kind: 'fail'; readonly code: string; readonly message: string; readonly advice: string };

export interface ControlPlaneStep {
  readonly declaration: DeclaredStep;
  readonly what: string;
  /** Default: every node has it. */
  serves?(node: NodeRecord): boolean;
  /** A turn. Repeatable: a crash repeats it. `hold` and `wait` have none: the loop knows them by name. */
  run?(work: StepWork): Promise<StepTurn>;
}

export const declare = (step: string, more: Partial<DeclaredStep> = {}): DeclaredStep => ({
  phase: ANY_PHASE,
  interface: ANY_INTERFACE,
  step,
  priority: 0,
  abortable: true,
  rebootRequested: false,
  argsinfo: {},
  inBand: false,
  ...more,
});

/** The same step in several phases. */
export const inPhases = (phases: readonly StepPhase[], step: ControlPlaneStep): ControlPlaneStep[] =>
  phases.map((phase) => ({ ...step, declaration: { ...step.declaration, phase } }));

/** Whatever ran on the machine is gone with its power. */
export const afterPower =
  (uuid: string, state: 'on' | 'off'): Commit =>
  async (trx) => {
    await setPowerState(trx, uuid, state);
    await forgetAgent(trx, uuid);
  };

/** Off and on: pending settings take effect. @returns what its transaction writes */
export async function restart({ ctx, bmc }: StepWork): Promise<Commit> {
  await switchOff(bmc, ctx.clock, ctx.signal);
  await bmc.setPower('on', ctx.signal);
  return afterPower(ctx.subjectId, 'on');
}

/** A machine that was off before a step with a restart is off after it. @returns what its transaction writes */
export async function restorePower({ ctx, bmc, progress }: StepWork): Promise<Commit | undefined> {
  if (progress['wasOff'] !== true) return undefined;
  await switchOff(bmc, ctx.clock, ctx.signal);
  return afterPower(ctx.subjectId, 'off');
}

export const together =
  (...commits: readonly (Commit | undefined)[]): Commit =>
  async (trx) => {
    for (const commit of commits) await commit?.(trx);
  };

const LOOK_SOON_MS = 250;
const LOOK_LATE_MS = 5_000;
/** Soon at first, then ever later: a quick machine is not kept waiting, a slow one not asked for ever. */
export const lookAgainAfter = (sinceMs: unknown, nowMs: number): number =>
  Math.min(LOOK_LATE_MS, Math.max(LOOK_SOON_MS, (nowMs - Number(sinceMs ?? nowMs)) / 4));
