import type { NewVolume, StorageController } from '../../bmc/storage.ts';
import type { JsonObject } from '../../core/base/json.ts';
import { interfaceOf } from '../../inventory/driver-table.ts';
import { checkRaidConfig } from '../../inventory/raid-policy.ts';
import { readHardware } from '../hardware-records.ts';
import { planRaid, type LogicalDisk } from '../raid-plan-policy.ts';
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
 * RAID: volumes are deleted and made one after another, each as a task of the BMC. The list of what is to be done is made in
 * the first turn and kept; before each entry is done it is looked whether it is so already, so that a crash makes nothing
 * twice. A controller that works only at a start gets one.
 */
type Action = { readonly delete: { readonly controller: string; readonly volume: string } } | { readonly create: NewVolume };

/** Initialising a large array in the foreground takes hours. */
const TASK_MS_MAX = 6 * 3_600_000;

const failed = (message: string): StepTurn => ({
  kind: 'fail',
  code: 'raid',
  message,
  advice: 'Look at the controllers and drives on the BMC, correct target_raid_config, and ask again.',
});

const remaining = (progress: JsonObject): readonly Action[] => (progress['actions'] ?? []) as unknown as readonly Action[];

const isSame = (wanted: NewVolume, controllers: readonly StorageController[]): boolean =>
  controllers.some(
    ({ id, volumes }) =>
      id === wanted.controller &&
      volumes.some(
        ({ raidType, drives }) => raidType === wanted.raidType && [...drives].sort().join() === [...wanted.drives].sort().join(),
      ),
  );

/** @returns the task's id; undefined when nothing had to be done or it is done. */
async function start({ bmc, ctx }: StepWork, action: Action): Promise<string | undefined> {
  if ('delete' in action) return (await bmc.deleteVolume(action.delete.controller, action.delete.volume, ctx.signal)).id;
  if (isSame(action.create, await bmc.storage(ctx.signal))) return undefined;
  return (await bmc.createVolume(action.create, ctx.signal)).id;
}

async function followTask(work: StepWork, task: string): Promise<StepTurn | 'over'> {
  const { ctx, bmc, progress } = work;
  const seen = await bmc.taskState(task, ctx.signal);
  if (seen.state === 'completed') return 'over';
  if (seen.state === 'failed') return failed(`The controller did not do it: ${seen.message}`);
  if (seen.waitsForStart === true && progress['restarted'] !== task) {
    const wasOff = progress['wasOff'] ?? (await bmc.powerState(ctx.signal)) === 'off';
    return {
      kind: 'again',
      afterMs: lookAgainAfter(work.progress['sinceMs'], work.ctx.clock.nowMs()),
      progress: { ...progress, wasOff, restarted: task },
      commit: await restart(work),
    };
  }
  if (ctx.clock.nowMs() - Number(progress['sinceMs']) > TASK_MS_MAX)
    return failed(`The controller is not done after ${TASK_MS_MAX / 3_600_000} hours.`);
  return { kind: 'again', afterMs: lookAgainAfter(work.progress['sinceMs'], work.ctx.clock.nowMs()), progress };
}

/** One turn: the task that runs, or the next entry of the list, or the end. */
async function carryOut(work: StepWork): Promise<StepTurn> {
  const { progress, ctx, node, bmc } = work;
  const task = progress['task'];
  let actions = remaining(progress);
  if (typeof task === 'string') {
    const turn = await followTask(work, task);
    if (turn !== 'over') return turn;
    actions = actions.slice(1);
  }
  for (; actions.length > 0; actions = actions.slice(1)) {
    const started = await start(work, actions[0]!);
    if (started === undefined) continue;
    const next = { ...progress, actions: actions as unknown as JsonObject[], task: started, sinceMs: ctx.clock.nowMs() };
    return { kind: 'again', afterMs: lookAgainAfter(work.progress['sinceMs'], work.ctx.clock.nowMs()), progress: next };
  }
  const off = await restorePower(work);
  const { commit } = await readHardware(node, bmc, ctx.signal, ['raid']);
  return { kind: 'done', commit: together(commit, off) };
}

const deletions = (controllers: readonly StorageController[]): Action[] =>
  controllers.flatMap(({ id, volumes }) => volumes.map((volume) => ({ delete: { controller: id, volume: volume.id } })));

const withoutVolumes = (controllers: readonly StorageController[]): StorageController[] =>
  controllers.map((each) => ({ ...each, volumes: [] }));

async function create(work: StepWork, config: JsonObject, deleteExisting: boolean): Promise<StepTurn> {
  const { ctx, bmc, args, progress } = work;
  if (progress['actions'] !== undefined) return carryOut(work);
  const problem = checkRaidConfig(config);
  const wanted = ((config['logical_disks'] ?? []) as unknown as LogicalDisk[]).filter((disk) =>
    disk.is_root_volume === true ? args['create_root_volume'] !== false : args['create_nonroot_volumes'] !== false,
  );
  if (problem !== undefined) return failed(`RAID configuration: ${problem}`);
  if (wanted.length === 0) return failed('There is no logical disk to make in the RAID configuration.');
  const controllers = await bmc.storage(ctx.signal);
  const plan = planRaid(wanted, deleteExisting ? withoutVolumes(controllers) : controllers);
  if ('problem' in plan) return failed(plan.problem);
  const actions: Action[] = [...(deleteExisting ? deletions(controllers) : []), ...plan.volumes.map((volume) => ({ create: volume }))];
  return { kind: 'again', afterMs: 0, progress: { actions: actions as unknown as JsonObject[] } };
}

async function deleteConfiguration(work: StepWork): Promise<StepTurn> {
  if (work.progress['actions'] !== undefined) return carryOut(work);
  const actions = deletions(await work.bmc.storage(work.ctx.signal));
  return { kind: 'again', afterMs: 0, progress: { actions: actions as unknown as JsonObject[] } };
}

const serves: ControlPlaneStep['serves'] = (node) => interfaceOf(node, 'raid') === 'redfish';
const CREATE_ARGS = {
  create_root_volume: { description: 'Whether to make the root volume. Default: true.', required: false },
  create_nonroot_volumes: { description: 'Whether to make the other volumes. Default: true.', required: false },
};

export const RAID_STEPS: readonly ControlPlaneStep[] = [
  ...inPhases(['clean'], {
    declaration: declare('create_configuration', {
      interface: 'raid',
      abortable: false,
      argsinfo: {
        ...CREATE_ARGS,
        delete_existing: { description: 'Whether to delete all volumes first. Default: false.', required: false },
      },
    }),
    what: 'the RAID controller to make the volumes of target_raid_config',
    serves,
    run: (work) => create(work, work.node.target_raid_config as JsonObject, work.args['delete_existing'] === true),
  }),
  ...inPhases(['deploy', 'service'], {
    declaration: declare('apply_configuration', {
      interface: 'raid',
      abortable: false,
      argsinfo: {
        raid_config: { description: 'The RAID configuration to apply.', required: true },
        ...CREATE_ARGS,
        delete_existing: { description: 'Whether to delete all volumes first. Default: true.', required: false },
      },
    }),
    what: 'the RAID controller to make the volumes that were asked for',
    serves,
    run: (work) => create(work, work.args['raid_config'] as JsonObject, work.args['delete_existing'] !== false),
  }),
  ...inPhases(['clean', 'deploy', 'service'], {
    declaration: declare('delete_configuration', { interface: 'raid', abortable: false }),
    what: 'the RAID controller to delete its volumes',
    serves,
    run: deleteConfiguration,
  }),
];
