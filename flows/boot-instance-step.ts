import type { JsonObject } from '../core/base/json.ts';
import type { FlowStep, FlowTransaction } from '../core/flow/flow-definition.ts';
import { forgetAgent } from '../inventory/discovery-service.ts';
import type { NodeRecord } from '../inventory/node-record.ts';
import { setNetworkBoot, setPowerState, type NetworkBoot } from '../inventory/node-service.ts';
import { planNetworkBoot } from './instance-boot.ts';
import { bmcStep, BMC_CALL_MS, connectTo, loadNode, POWER_CHANGE_MS, switchOff, type NodeFlowServices } from './node-flow-services.ts';

type InstanceBoot = NetworkBoot | { readonly kind: 'disk' };

/** How the instance of the node boots. @throws Error when it can not any more: its volumes are gone. */
async function bootOf(services: NodeFlowServices, node: NodeRecord): Promise<InstanceBoot> {
  const plan = await planNetworkBoot(services.db, { ...node, hasConfigDrive: node.configdrive !== null });
  if (plan === undefined) return { kind: 'disk' };
  if ('problem' in plan) throw new Error(plan.problem);
  return plan;
}

/** For an instance that is there already, whatever it boots from. @returns what the step's transaction writes */
export async function intendInstance(services: NodeFlowServices, uuid: string, reason: string) {
  const boot = await bootOf(services, await loadNode(services, uuid));
  return (trx: FlowTransaction): Promise<void> => setNetworkBoot(trx, uuid, boot, reason);
}

/** The boot plane knows what the machine boots before its power is touched: no boot meets the old intent. */
export const intendInstanceStep = (services: NodeFlowServices): FlowStep => ({
  name: 'intend_instance',
  deadlineMs: BMC_CALL_MS,
  waitingFor: () => ({ what: 'the boot plane to learn how the instance boots', next: 'the machine starts the instance' }),
  run: async (ctx) => ({ kind: 'done', commit: await intendInstance(services, ctx.subjectId, 'an instance is deployed') }),
});

/** The machine leaves the ramdisk and starts the instance, from its disk or over the network. */
export const bootInstanceStep = (services: NodeFlowServices): FlowStep =>
  bmcStep({
    name: 'boot_instance',
    deadlineMs: POWER_CHANGE_MS,
    attempts: { max: 5, backoffMs: 1000 },
    waitingFor: () => ({ what: 'the BMC to start the instance', next: 'the node is active' }),
    async run(ctx) {
      const node = await loadNode(services, ctx.subjectId);
      const boot = await bootOf(services, node);
      const bmc = connectTo(services, node);
      await switchOff(bmc, ctx.clock, ctx.signal);
      await bmc.setBoot({ device: boot.kind === 'disk' ? 'disk' : 'network', persistent: true, ...firmwareOf(node) }, ctx.signal);
      await bmc.setPower('on', ctx.signal);
      return {
        kind: 'done',
        async commit(trx) {
          await setNetworkBoot(trx, ctx.subjectId, boot, 'an instance is deployed');
          await setPowerState(trx, ctx.subjectId, 'on');
          await forgetAgent(trx, ctx.subjectId);
        },
      };
    },
  });

/** The mode that the last inspection saw; a machine that nobody has seen keeps what its firmware has. */
export const firmwareOf = (node: NodeRecord): { firmwareMode?: 'bios' | 'uefi' } => {
  const capabilities = String((node.properties as JsonObject)['capabilities'] ?? '');
  const mode = /boot_mode:(bios|uefi)/.exec(capabilities)?.[1];
  return mode === 'bios' || mode === 'uefi' ? { firmwareMode: mode } : {};
};
