import type { JsonObject } from '../../core/base/json.ts';
import type { FlowContext } from '../../core/flow/flow-definition.ts';
import type { InventoryDisk } from '../../deploy-agent/protocol.ts';
import { readInspectedDisks } from '../inspected-disks.ts';
import type { NodeRecord } from '../../inventory/node-record.ts';
import type { NodeFlowServices } from '../node-flow-services.ts';

/** What the control plane knows about the agent's steps: how long they may take, and what they are told beside what was asked. */
export interface AgentStepKnowledge {
  readonly what: string;
  readonly timeoutSeconds: number;
  /** Undefined: there is nothing to do on this node, the step is over. */
  args?(ctx: FlowContext, node: NodeRecord, services: NodeFlowServices): Promise<JsonObject | undefined>;
}

const MINUTE = 60;
const HOUR = 3600;
/** The agent's own limit of a day for each part, and an hour to start and end. */
const BURN_IN_MAX = 25 * HOUR;

const diskOf = (ctx: FlowContext): JsonObject => ctx.state['disk'] as JsonObject;
const allDisks: AgentStepKnowledge['args'] = async (ctx, _node, services) => {
  const disks = await readInspectedDisks(services.db, ctx.subjectId);
  return { disks: disks.filter((disk) => disk.serial !== undefined).map(toPlannedDisk) };
};
const toPlannedDisk = (disk: InventoryDisk): JsonObject => ({
  serial: disk.serial!,
  sizeBytes: disk.sizeBytes,
  ...(disk.wwn === undefined ? {} : { wwn: disk.wwn }),
});

const KNOWN: Readonly<Record<string, AgentStepKnowledge>> = {
  erase_devices_metadata: { what: 'the agent to wipe partition tables and file system marks', timeoutSeconds: HOUR / 2, args: allDisks },
  burnin_cpu: { what: 'the agent to load every core and compare what they compute', timeoutSeconds: BURN_IN_MAX },
  burnin_memory: { what: 'the agent to fill and compare the memory', timeoutSeconds: BURN_IN_MAX },
  burnin_disk: { what: 'the agent to write and read places all over each disk', timeoutSeconds: 16 * BURN_IN_MAX, args: allDisks },
  /** Overwriting a disk of 20 TB at 150 MB/s takes 37 hours. */
  erase_devices: { what: 'the agent to erase every disk wholly', timeoutSeconds: 72 * HOUR, args: allDisks },
  write_image: {
    what: 'the agent to write the image',
    timeoutSeconds: HOUR,
    args: async (ctx) => ({ ...(ctx.state['image'] as JsonObject), disk: diskOf(ctx) }),
  },
  write_configdrive: {
    what: 'the agent to write the config drive',
    timeoutSeconds: 5 * MINUTE,
    args: async (ctx, node, services) =>
      node.configdrive === null ? undefined : { disk: diskOf(ctx), configDrive: services.sealer.open(node.configdrive) },
  },
  install_boot_entry: {
    what: 'the agent to make the disk the first boot entry',
    timeoutSeconds: 5 * MINUTE,
    args: async (ctx) => ({ disk: diskOf(ctx) }),
  },
  sync_and_stop: { what: 'the agent to flush everything to the disk', timeoutSeconds: 5 * MINUTE, args: async () => ({}) },
};

export const agentStepKnowledge = (step: string): AgentStepKnowledge =>
  KNOWN[step] ?? { what: `the agent to do ${step}`, timeoutSeconds: HOUR };
