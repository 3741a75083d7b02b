import type { JsonObject } from '../../core/base/json.ts';
import type { ScriptOutcome } from '../../deploy-agent/protocol.ts';
import { findScript, storeOutcomes } from '../../inventory/machine-script-service.ts';
import type { MachineScript } from '../../inventory/machine-script-codec.ts';
import type { Db } from '../../inventory/node-record.ts';
import type { PlannedStep } from '../step-plan-policy.ts';
import type { AgentStepKnowledge } from './agent-step-table.ts';
import { pairingOf } from './network-burn-in-knowledge.ts';
import { plannedDisks } from './planned-disk.ts';

/*
 * `run_scripts`: a batch of commissioning and test scripts. All of a list are run, so that one run tells everything that is wrong;
 * but what is not commissioned is not tested.
 */
const DAYS_2 = 2 * 86_400;

const scriptsOf = (db: Db, step: PlannedStep): Promise<MachineScript[]> =>
  Promise.all(((step.args['names'] ?? []) as string[]).map((name) => findScript(db, String(name))));

export const runScriptsKnowledge: AgentStepKnowledge = {
  what: 'the agent to run commissioning and test scripts',
  // Each script has its own limit; a day at most, and its instances run at once.
  timeoutSeconds: DAYS_2,
  async args(ctx, node, services, step) {
    const disks = await plannedDisks(services, ctx.subjectId);
    const pairing = await pairingOf(services, node.driver_info as JsonObject);
    const scripts = await scriptsOf(services.db, step);
    return {
      scripts: scripts.map(({ name, type, timeoutSeconds, perDisk, step: work, content }) => ({
        name,
        type,
        timeoutSeconds,
        perDisk,
        content,
        ...(work === undefined
          ? {}
          : { step: { name: work.name, args: { ...(work.name === 'burnin_network' ? pairing : { disks }), ...work.args } as JsonObject } }),
      })),
    };
  },
  async prepare(ctx, bmc, services, step) {
    const scripts = await scriptsOf(services.db, step);
    // A script that starts the machine anew comes back to the agent, and is then run again.
    if (scripts.some(({ mayReboot }) => mayReboot)) await bmc.setBoot({ device: 'network', persistent: false }, ctx.signal);
  },
  async conclude(trx, ctx, step, result, isLast) {
    const outcomes = (Array.isArray(result) ? result : []) as unknown as ScriptOutcome[];
    await storeOutcomes(trx, ctx.subjectId, ctx.flowId, outcomes);
    const failed = outcomes.filter(({ status }) => status !== 'passed');
    const before = (ctx.state['failedScripts'] ?? []) as string[];
    const all = [...before, ...failed.map(sentenceOf)];
    const evidence = { scripts: outcomes.map(({ script, instance, status }) => `${script}${instance && ` on ${instance}`}: ${status}`) };
    const isOver = isLast || failed.some(({ type }) => type === 'commissioning');
    if (all.length === 0 || !isOver) return { patch: { failedScripts: all }, evidence };
    return {
      evidence,
      problem: {
        code: 'script-failed',
        message: all.join('; '),
        advice: `Read what it said: rackwright node results ${ctx.subjectId}.`,
      },
    };
  },
};

function sentenceOf({ script, type, instance, status, exitStatus, errorOutput }: ScriptOutcome): string {
  const how =
    status === 'failed' ? (exitStatus === null ? `failed: ${errorOutput.slice(-200)}` : `failed with exit status ${exitStatus}`) : status;
  return `The ${type} script ${script}${instance && ` on ${instance}`} ${how}`;
}
