import type { Json, JsonObject } from '../../core/base/json.ts';
import type { InventoryDisk } from '../../deploy-agent/protocol.ts';
import { replaceInspectedDisks } from '../../inventory/discovery-service.ts';
import { mustLock } from '../../inventory/node-service.ts';
import { updateNode } from '../../inventory/node-store.ts';
import { chooseDisk } from '../root-disk.ts';
import type { AgentStepKnowledge } from './agent-step-table.ts';
import { allPlannedDisks } from './planned-disk.ts';

/** Software RAID: what is to be made, and what the node has then. */
const HOUR = 3600;
const disksOf = (result: Json) => ((result as JsonObject)['disks'] ?? []) as unknown as InventoryDisk[];

const raidStep = (what: string, more: Partial<AgentStepKnowledge>): AgentStepKnowledge => ({
  what,
  timeoutSeconds: HOUR / 2,
  args: async (ctx, node, services) => ({
    disks: await allPlannedDisks(services, ctx.subjectId),
    raid_config: node.target_raid_config as JsonObject,
  }),
  async conclude(trx, ctx, step, result) {
    const disks = disksOf(result);
    await replaceInspectedDisks(trx, ctx.subjectId, disks);
    const node = await mustLock(trx, ctx.subjectId);
    const wanted = (step.args['raid_config'] ?? node.target_raid_config) as JsonObject;
    const isDeleted = step.step === 'delete_configuration';
    await updateNode(trx, ctx.subjectId, { raid_config: isDeleted ? {} : { ...wanted, last_updated: new Date().toISOString() } });
    const { disks: _disks, ...evidence } = result as JsonObject;
    // A deployment that is under way goes to the disks as they are now.
    if (ctx.state['disk'] === undefined) return { evidence };
    const choice = chooseDisk(disks, node);
    if ('error' in choice)
      return {
        evidence,
        problem: { code: 'no-root-device', message: choice.error, advice: 'Correct properties/root_device, then deploy again.' },
      };
    return { evidence, patch: { disk: choice.disk } };
  },
  ...more,
});

export const raidKnowledge: Readonly<Record<string, AgentStepKnowledge>> = {
  create_configuration: raidStep('the agent to make the arrays', {}),
  apply_configuration: raidStep('the agent to make the arrays', {}),
  delete_configuration: raidStep('the agent to take the arrays apart', {
    args: async (ctx, _node, services) => ({ disks: await allPlannedDisks(services, ctx.subjectId) }),
  }),
};
