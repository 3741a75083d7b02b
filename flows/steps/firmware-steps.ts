import { z } from 'zod';
import { BmcError } from '../../bmc/capability.ts';
import type { JsonObject } from '../../core/base/json.ts';
import { setFlashed } from '../../inventory/bios-setting-store.ts';
import { interfaceOf } from '../../inventory/driver-table.ts';
import { componentOf, readHardware } from '../hardware-records.ts';
import {
  declare,
  inPhases,
  lookAgainAfter,
  restart,
  restorePower,
  together,
  type Commit,
  type ControlPlaneStep,
  type StepTurn,
  type StepWork,
} from './control-plane-step.ts';

/*
 * Firmware: one component after another; each is a task of the BMC, and then a restart of the machine unless the new version
 * shows already. A BMC that updates itself is away for minutes: silence is part of it.
 */
const settingsShape = z
  .array(
    z.strictObject({
      component: z.string().min(1),
      url: z.url({ protocol: /^https?$/ }),
      /** Seconds to wait after it. */
      wait: z.number().int().min(0).max(3600).optional(),
    }),
  )
  .min(1);
type Setting = z.infer<typeof settingsShape>[number];

const UPDATE_MS_MAX = 2 * 3_600_000;
/** Inventories are read anew some time after a start. */
const SHOWS_AFTER_RESTART_MS = 10 * 60_000;

const failed = (message: string): StepTurn => ({
  kind: 'fail',
  code: 'firmware',
  message,
  advice: 'See whether the BMC can reach the image, and that it is for this machine; then ask again.',
});

const itemOf = async ({ bmc, ctx }: StepWork, component: string) =>
  (await bmc.firmwareInventory(ctx.signal)).find((item) => componentOf(item) === component || item.id === component);

const again = ({ ctx }: StepWork, progress: JsonObject, commit?: Commit): StepTurn => ({
  kind: 'again',
  afterMs: lookAgainAfter(progress['sinceMs'], ctx.clock.nowMs()),
  progress,
  ...(commit === undefined ? {} : { commit }),
});

async function begin(work: StepWork, setting: Setting, at: number): Promise<StepTurn> {
  const item = await itemOf(work, setting.component);
  if (item === undefined) return failed(`This machine has no firmware component "${setting.component}".`);
  if (!item.updateable) return failed(`The firmware of "${setting.component}" can not be replaced.`);
  const { id } = await work.bmc.updateFirmware({ url: setting.url, target: item.id }, work.ctx.signal);
  const { wasOff = null } = work.progress;
  return again(work, { at, wasOff, before: item.version, task: id ?? null, phase: 'task', sinceMs: work.ctx.clock.nowMs() });
}

async function followTask(work: StepWork): Promise<StepTurn> {
  const { ctx, bmc, progress } = work;
  if (typeof progress['task'] === 'string') {
    const seen = await bmc.taskState(progress['task'], ctx.signal);
    if (seen.state === 'failed') return failed(seen.message);
    if (seen.state === 'running' && seen.waitsForStart !== true) return again(work, progress);
  }
  return again(work, { ...progress, phase: 'check', sinceMs: ctx.clock.nowMs() });
}

async function check(work: StepWork, settings: readonly Setting[], at: number): Promise<StepTurn> {
  const { ctx, bmc, progress, node } = work;
  const setting = settings[at]!;
  const item = await itemOf(work, setting.component);
  const isNew = item !== undefined && item.version !== progress['before'];
  const waitedMs = ctx.clock.nowMs() - Number(progress['sinceMs']);
  if (!isNew && progress['restarted'] !== true) {
    const wasOff = progress['wasOff'] ?? (await bmc.powerState(ctx.signal)) === 'off';
    return again(work, { ...progress, wasOff, restarted: true, sinceMs: ctx.clock.nowMs() }, await restart(work));
  }
  // The same version again is no failure: the task said that it was done.
  if (!isNew && waitedMs < SHOWS_AFTER_RESTART_MS && progress['sameAgain'] !== true)
    return again(work, { ...progress, sameAgain: waitedMs > SAME_VERSION_MS });
  const flashed: Commit = async (trx) => {
    if (item !== undefined) await setFlashed(trx, node.uuid, setting.component, item.version);
  };
  const { wasOff = null } = progress;
  if (at + 1 < settings.length || setting.wait !== undefined)
    return { kind: 'again', afterMs: (setting.wait ?? 0) * 1000, progress: { at: at + 1, wasOff }, commit: flashed };
  return finish(work, flashed);
}
/** An emulated or quick machine shows its new version at once; a real one within a minute of the restart. */
const SAME_VERSION_MS = 60_000;

async function finish(work: StepWork, last?: Commit): Promise<StepTurn> {
  const off = await restorePower(work);
  const { commit } = await readHardware(work.node, work.bmc, work.ctx.signal, ['firmware']);
  return { kind: 'done', commit: together(commit, last, off) };
}

async function update(work: StepWork): Promise<StepTurn> {
  const { ctx, args, progress } = work;
  const parsed = settingsShape.safeParse(args['settings']);
  if (!parsed.success) return failed(`settings is a list of { component, url, wait }: ${z.prettifyError(parsed.error)}`);
  const at = Number(progress['at'] ?? 0);
  if (at >= parsed.data.length) return finish(work);
  try {
    if (progress['phase'] === 'task') return await followTask(work);
    if (progress['phase'] === 'check') return await check(work, parsed.data, at);
    return await begin(work, parsed.data[at]!, at);
  } catch (error) {
    const isAway = error instanceof BmcError && error.retryable && progress['phase'] !== undefined;
    if (!isAway || ctx.signal.aborted) throw error;
    if (ctx.clock.nowMs() - Number(progress['sinceMs']) > UPDATE_MS_MAX) return failed(`The BMC has not come back: ${error.message}`);
    return again(work, progress);
  }
}

export const FIRMWARE_STEPS: readonly ControlPlaneStep[] = inPhases(['clean', 'deploy', 'service'], {
  declaration: declare('update', {
    interface: 'firmware',
    abortable: false,
    argsinfo: {
      settings: { description: 'A list of components to be updated: { component, url, wait (seconds afterwards) }.', required: true },
    },
  }),
  what: 'the BMC to install the firmware',
  serves: (node) => interfaceOf(node, 'firmware') === 'redfish',
  run: update,
});
