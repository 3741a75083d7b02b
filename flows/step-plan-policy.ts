import type { JsonObject } from '../core/base/json.ts';

/*
 * Which steps a machine is taken through, in which order. The steps of the agent (in band) and those of the control plane
 * (out of band) are one list: Ironic's vocabulary, `interface.step` with priority and arguments.
 */
export type StepPhase = 'clean' | 'deploy' | 'service';

export interface DeclaredStep {
  readonly phase: string;
  readonly interface: string;
  readonly step: string;
  /** Above 0: runs by itself in its phase, the highest first. */
  readonly priority: number;
  readonly abortable: boolean;
  /** The machine boots the agent anew after it. */
  readonly rebootRequested: boolean;
  readonly argsinfo: Readonly<Record<string, { readonly description?: string; readonly required?: boolean }>>;
  readonly inBand: boolean;
}

export interface RequestedStep {
  readonly interface: string;
  readonly step: string;
  readonly args?: JsonObject;
  /** Deploy steps only: where among the others; 0 leaves a step out. */
  readonly priority?: number;
}

export type PlannedStep = {
  readonly interface: string;
  readonly step: string;
  readonly priority: number;
  readonly args: JsonObject;
  readonly abortable: boolean;
  readonly rebootRequested: boolean;
  readonly inBand: boolean;
};

export type StepPlan = { readonly steps: readonly PlannedStep[] } | { readonly problem: string };

/** Ironic's order among equals: power is settled before management, management before what writes to disks. */
const INTERFACE_ORDER = ['power', 'management', 'firmware', 'deploy', 'bios', 'raid'];
const rankOf = (step: { interface: string }) => (INTERFACE_ORDER.indexOf(step.interface) + INTERFACE_ORDER.length) % INTERFACE_ORDER.length;
export const stepName = (step: { interface: string; step: string }): string => `${step.interface}.${step.step}`;

/** A deployment without these is none. */
const NEVER_LEFT_OUT = new Set(['deploy.write_image', 'deploy.sync_and_stop', 'deploy.switch_to_tenant_network', 'deploy.boot_instance']);

const planned = (declared: DeclaredStep, args: JsonObject = {}, priority = declared.priority): PlannedStep => ({
  interface: declared.interface,
  step: declared.step,
  priority,
  args,
  abortable: declared.abortable,
  rebootRequested: declared.rebootRequested,
  inBand: declared.inBand,
});

const byPriority = (a: PlannedStep, b: PlannedStep) => b.priority - a.priority || rankOf(a) - rankOf(b);

/** Automatic cleaning: what has a priority, which `overrides` (`interface.step` → priority) may change. */
export function planAutomatic(
  declared: readonly DeclaredStep[],
  phase: StepPhase,
  overrides: Readonly<Record<string, number>> = {},
): StepPlan {
  const unknown = Object.keys(overrides).filter((name) => !declared.some((step) => step.phase === phase && stepName(step) === name));
  if (unknown.length > 0) return { problem: unknownSteps(unknown, declared, phase) };
  const steps = declared
    .filter((step) => step.phase === phase)
    .map((step) => planned(step, {}, overrides[stepName(step)] ?? step.priority))
    .filter((step) => step.priority > 0)
    .sort(byPriority);
  return { steps };
}

/** Manual cleaning and servicing: what was asked for, in the order in which it was asked for. */
export function planRequested(declared: readonly DeclaredStep[], phase: StepPhase, requested: readonly RequestedStep[]): StepPlan {
  const found = resolve(declared, phase, requested);
  if ('problem' in found) return found;
  return { steps: found.pairs.map(([ask, step]) => planned(step, ask.args, ask.priority ?? step.priority)) };
}

/** Deploying: what has a priority, changed and completed by what was asked for. */
export function planDeploy(declared: readonly DeclaredStep[], requested: readonly RequestedStep[]): StepPlan {
  const automatic = planAutomatic(declared, 'deploy');
  const found = resolve(declared, 'deploy', requested);
  if ('problem' in found) return found;
  if ('problem' in automatic) return automatic;
  const missing = found.pairs.find(([ask]) => ask.priority === 0 && NEVER_LEFT_OUT.has(stepName(ask)));
  if (missing) return { problem: `The deploy step ${stepName(missing[0])} can not be left out.` };
  const asked = new Set(requested.map(stepName));
  const steps = [
    ...automatic.steps.filter((step) => !asked.has(stepName(step))),
    ...found.pairs.map(([ask, step]) => planned(step, ask.args, ask.priority ?? step.priority)).filter((step) => step.priority > 0),
  ].sort(byPriority);
  return { steps };
}

function resolve(
  declared: readonly DeclaredStep[],
  phase: StepPhase,
  requested: readonly RequestedStep[],
): { pairs: readonly (readonly [RequestedStep, DeclaredStep])[] } | { problem: string } {
  const pairs: (readonly [RequestedStep, DeclaredStep])[] = [];
  const unknown: string[] = [];
  for (const ask of requested) {
    const step = declared.find(
      (each) =>
        servesPhase(each, phase) && each.step === ask.step && (each.interface === ask.interface || each.interface === ANY_INTERFACE),
    );
    if (step === undefined) unknown.push(stepName(ask));
    else pairs.push([ask, { ...step, interface: ask.interface }]);
  }
  if (unknown.length > 0) return { problem: unknownSteps(unknown, declared, phase) };
  for (const [ask, step] of pairs) {
    const strange = Object.keys(ask.args ?? {}).filter((name) => !(name in step.argsinfo));
    if (strange.length > 0) return { problem: `The step ${stepName(ask)} has no argument ${strange.join(', ')}. ${argumentsOf(step)}` };
    const missing = Object.entries(step.argsinfo).filter(([name, { required }]) => required === true && ask.args?.[name] === undefined);
    if (missing.length > 0) return { problem: `The step ${stepName(ask)} wants ${missing.map(([name]) => name).join(', ')}.` };
  }
  return { pairs };
}

/** Reserved steps (`hold`, `wait`, `reboot`, …) may be asked for on whatever interface. */
export const ANY_INTERFACE = '*';

/** A clean step is never a service step: servicing happens around a tenant's data. */
const servesPhase = (step: DeclaredStep, phase: StepPhase) => step.phase === phase || step.phase === ANY_PHASE;
export const ANY_PHASE = '*';

function unknownSteps(names: readonly string[], declared: readonly DeclaredStep[], phase: StepPhase): string {
  const known = declared.filter((step) => servesPhase(step, phase)).map((step) => stepName(step).replace(`${ANY_INTERFACE}.`, ''));
  return `There is no ${phase} step ${names.join(', ')} on this node. Known: ${[...new Set(known)].sort().join(', ')}.`;
}

const argumentsOf = (step: DeclaredStep) => {
  const names = Object.keys(step.argsinfo);
  return names.length === 0 ? 'It takes none.' : `It takes: ${names.join(', ')}.`;
};
