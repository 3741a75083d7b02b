import type { BmcConnection } from '../../bmc/capability.ts';
import type { Json, JsonObject } from '../../core/base/json.ts';
import type { FlowContext } from '../../core/flow/flow-definition.ts';
import type { NodeRecord, Trx } from '../../inventory/node-record.ts';
import type { NodeFlowServices } from '../node-flow-services.ts';
import type { PlannedStep } from '../step-plan-policy.ts';
import { networkBurnInKnowledge } from './network-burn-in-knowledge.ts';
import { plannedDisks } from './planned-disk.ts';
import { raidKnowledge } from './raid-knowledge.ts';
import { runScriptsKnowledge } from './run-scripts-knowledge.ts';

/** What the control plane knows about the agent's steps: how long they may take, and what they are told beside what was asked. */
export interface AgentStepKnowledge {
  readonly what: string;
  readonly timeoutSeconds: number;
  /** Undefined: there is nothing to do on this node, the step is over. */
  args?(ctx: FlowContext, node: NodeRecord, services: NodeFlowServices, step: PlannedStep): Promise<JsonObject | undefined>;
  /** Out of band, before the agent is asked. */
  prepare?(ctx: FlowContext, bmc: BmcConnection, services: NodeFlowServices, step: PlannedStep): Promise<void>;
  /** What becomes of the agent's answer, in a transaction of its own that may be repeated; a problem of the whole list ends it. */
  conclude?(trx: Trx, ctx: FlowContext, step: PlannedStep, result: Json, isLast: boolean): Promise<Conclusion>;
}

export interface Conclusion {
  readonly problem?: { readonly code: string; readonly message: string; readonly advice: string };
  readonly patch?: JsonObject;
  /** For the journal, in place of the result. */
  readonly evidence: JsonObject;
}

const MINUTE = 60;
const HOUR = 3600;
/** The agent's own limit of a day for each part, and an hour to start and end. */
const BURN_IN_MAX = 25 * HOUR;

const diskOf = (ctx: FlowContext): JsonObject => ctx.state['disk'] as JsonObject;
const allDisks: AgentStepKnowledge['args'] = async (ctx, _node, services) => ({ disks: await plannedDisks(services, ctx.subjectId) });

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
  install_bootloader: {
    what: 'the agent to install the boot loader of the image',
    timeoutSeconds: 20 * MINUTE,
    args: async (ctx) => ((ctx.state['image'] as JsonObject)['partitions'] === undefined ? undefined : { disk: diskOf(ctx) }),
  },
  install_boot_entry: {
    what: 'the agent to make the disk the first boot entry',
    timeoutSeconds: 5 * MINUTE,
    args: async (ctx) => ({ disk: diskOf(ctx) }),
  },
  burnin_network: networkBurnInKnowledge,
  ...raidKnowledge,
  run_scripts: runScriptsKnowledge,
  check_disks: { what: 'the agent to read what the disks say of their health', timeoutSeconds: 5 * MINUTE },
  sync_and_stop: { what: 'the agent to flush everything to the disk', timeoutSeconds: 5 * MINUTE, args: async () => ({}) },
};

export const agentStepKnowledge = (step: string): AgentStepKnowledge =>
  KNOWN[step] ?? { what: `the agent to do ${step}`, timeoutSeconds: HOUR };
