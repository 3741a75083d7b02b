import type { JsonObject } from '../../core/base/json.ts';
import { interfaceOf } from '../../inventory/driver-table.ts';
import { planBios } from '../bios-plan-policy.ts';
import { readHardware } from '../hardware-records.ts';
import {
  declare,
  inPhases,
  lookAgainAfter,
  restart,
  restorePower,
  together,
  type ControlPlaneStep,
  type StepTurn,
  type StepWork,
} from './control-plane-step.ts';

/*
 * BIOS settings: set as pending, the machine restarted, and looked at until the BMC shows none pending and every value as it
 * was asked for. Both steps also do without a ramdisk.
 */
/** Self-tests of big machines take ten minutes, and some restart twice to apply settings. */
const APPLY_MS_MAX = 40 * 60_000;

const failed = (message: string): StepTurn => ({
  kind: 'fail',
  code: 'bios',
  message,
  advice: 'Read the settings of the node (`GET …/bios`) and ask again with what they allow.',
});

/** The restart, and from then on the look whether everything is in force. */
async function restartAndLook(work: StepWork, remember: JsonObject): Promise<StepTurn> {
  const wasOff = (await work.bmc.powerState(work.ctx.signal)) === 'off';
  const commit = await restart(work);
  return {
    kind: 'again',
    afterMs: lookAgainAfter(work.progress['sinceMs'], work.ctx.clock.nowMs()),
    commit,
    progress: { ...remember, wasOff, sinceMs: work.ctx.clock.nowMs() },
  };
}

async function finish(work: StepWork): Promise<StepTurn> {
  const { node, bmc, ctx } = work;
  const off = await restorePower(work);
  const { commit } = await readHardware(node, bmc, ctx.signal, ['bios']);
  return { kind: 'done', commit: together(commit, off) };
}

async function lookAgain(work: StepWork, isApplied: () => Promise<boolean>, what: string): Promise<StepTurn> {
  const { ctx, progress } = work;
  if (await isApplied()) return finish(work);
  if (ctx.clock.nowMs() - Number(progress['sinceMs']) > APPLY_MS_MAX)
    return failed(`${what} are still pending ${APPLY_MS_MAX / 60_000} minutes after the restart.`);
  return { kind: 'again', afterMs: lookAgainAfter(work.progress['sinceMs'], work.ctx.clock.nowMs()), progress };
}

async function applyConfiguration(work: StepWork): Promise<StepTurn> {
  const { ctx, bmc, args, progress } = work;
  const plan = planBios(args['settings'], await bmc.biosAttributes(ctx.signal));
  if ('problem' in plan) return failed(plan.problem);
  const isEverythingSet = Object.keys(plan.values).length === 0;
  if (progress['sinceMs'] !== undefined) return lookAgain(work, async () => isEverythingSet, Object.keys(plan.values).join(', '));
  if (isEverythingSet) return finish(work);
  await bmc.setBios(plan.values, ctx.signal);
  return restartAndLook(work, {});
}

async function factoryReset(work: StepWork): Promise<StepTurn> {
  const { ctx, bmc, progress } = work;
  const isApplied = async () => Object.keys(await bmc.pendingBios(ctx.signal)).length === 0;
  if (progress['sinceMs'] !== undefined) return lookAgain(work, isApplied, 'The defaults');
  await bmc.resetBios(ctx.signal);
  return restartAndLook(work, {});
}

const serves: ControlPlaneStep['serves'] = (node) => interfaceOf(node, 'bios') === 'redfish';
const PHASES = ['clean', 'deploy', 'service'] as const;

export const BIOS_STEPS: readonly ControlPlaneStep[] = [
  ...inPhases(PHASES, {
    declaration: declare('apply_configuration', {
      interface: 'bios',
      argsinfo: { settings: { description: 'A list of BIOS settings to be applied: { name, value }.', required: true } },
    }),
    what: 'the machine to start with the BIOS settings that were asked for',
    serves,
    run: applyConfiguration,
  }),
  ...inPhases(PHASES, {
    declaration: declare('factory_reset', { interface: 'bios' }),
    what: 'the machine to start with the defaults of its BIOS',
    serves,
    run: factoryReset,
  }),
];
