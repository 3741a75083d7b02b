import type { Json, JsonObject } from '../../../core/base/json.ts';
import type { RaidArgs } from '../../protocol.ts';
import { planArrays } from '../../software-raid-policy.ts';
import type { InventoryDisk, StepDeclaration } from '../../protocol.ts';
import { AgentFailure } from '../control/agent-failure.ts';
import { createArray, forgetMember, stopArray } from '../disks/software-raid.ts';
import { wipeMetadata } from '../disks/wipe.ts';
import { requirePlannedDisk } from './require-disk.ts';
import type { Step, StepContext } from './step.ts';

/*
 * Software RAID: arrays of the planned disks, made and taken apart. What was on the disks is gone. Answers the disks as they are
 * then, so that the plan of whatever comes next knows the arrays.
 */
type RaidPhase = Pick<StepDeclaration, 'phase' | 'step'>;

const declare = (each: RaidPhase, argsinfo: StepDeclaration['argsinfo']): StepDeclaration => ({
  ...each,
  interface: 'raid',
  priority: 0,
  abortable: false,
  rebootRequested: false,
  argsinfo: { disks: { description: 'The planned disks: serial, size and WWN of each', required: true }, ...argsinfo },
});
const CONFIG = { raid_config: { description: 'As target_raid_config of the node', required: true } };
const DELETE_EXISTING = { delete_existing: { description: 'Whether arrays that are there go first; true by default', required: false } };

async function plannedMembers(args: JsonObject, context: StepContext): Promise<InventoryDisk[]> {
  const { disks } = args as unknown as RaidArgs;
  if (!Array.isArray(disks)) throw new AgentFailure('step-arguments', 'disks must be a list');
  const found: InventoryDisk[] = [];
  for (const planned of disks) found.push(await requirePlannedDisk(context.disks, planned));
  return found.filter((disk) => disk.raid === undefined);
}

async function wipe(disk: InventoryDisk, context: StepContext): Promise<void> {
  const open = await context.disks.open(disk);
  await wipeMetadata(open).finally(() => open.close());
}

/** Only arrays whose members are all planned. */
async function deleteArrays(members: readonly InventoryDisk[], context: StepContext): Promise<string[]> {
  const names = new Set(members.map(({ name }) => name));
  const arrays = (await context.disks.list()).filter((disk) => disk.raid?.members.some((member) => names.has(member)));
  const stranger = arrays.find((array) => !array.raid!.members.every((member) => names.has(member)));
  if (stranger)
    throw new AgentFailure(
      'disk-not-in-plan',
      `${stranger.device} has members that are not in the plan: ${stranger.raid!.members.join(', ')}`,
    );
  for (const array of arrays) {
    await wipe(array, context);
    await stopArray(array.device);
  }
  for (const member of members.filter(({ memberOf }) => memberOf !== undefined)) {
    await forgetMember(member.device);
    await wipe(member, context);
  }
  return arrays.map(({ device }) => device);
}

const answer = async (context: StepContext, more: JsonObject): Promise<Json> => ({
  ...more,
  disks: (await context.disks.list()) as unknown as JsonObject[],
});

async function create(args: JsonObject, context: StepContext): Promise<Json> {
  const members = await plannedMembers(args, context);
  const { raid_config: config, delete_existing: deletes = true } = args as unknown as RaidArgs;
  // Before anything is taken apart: a wish that can not be fulfilled costs nothing.
  const plan = planArrays(config ?? {}, members);
  if ('problem' in plan) throw new AgentFailure('step-arguments', plan.problem);
  if (deletes) await deleteArrays(members, context);
  const used = plan.arrays.flatMap((array) => array.members).find((disk) => disk.memberOf !== undefined);
  if (!deletes && used) throw new AgentFailure('step-arguments', `${used.device} belongs to ${used.memberOf} already`);
  for (const array of plan.arrays) {
    context.progress({ phase: `making array ${array.name}`, done: 0, total: plan.arrays.length, unit: 'steps' });
    for (const disk of array.members) await wipe(disk, context);
    await createArray(array);
  }
  return answer(context, {
    made: plan.arrays.map(({ name, level, members: of }) => ({ name, level, members: of.map(({ device }) => device) })),
  });
}

export const createConfiguration: Step = {
  declarations: [declare({ phase: 'clean', step: 'create_configuration' }, { ...CONFIG, ...DELETE_EXISTING })],
  run: create,
};
export const applyConfiguration: Step = {
  declarations: [declare({ phase: 'deploy', step: 'apply_configuration' }, { ...CONFIG, ...DELETE_EXISTING })],
  run: create,
};
export const deleteConfiguration: Step = {
  declarations: [declare({ phase: 'clean', step: 'delete_configuration' }, {})],
  run: async (args, context) => answer(context, { deleted: await deleteArrays(await plannedMembers(args, context), context) }),
};
