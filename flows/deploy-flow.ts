import type { JsonObject } from '../core/base/json.ts';
import type { FlowContext, FlowDefinition } from '../core/flow/flow-definition.ts';
import { chooseRootDevice } from '../deploy-agent/root-device-policy.ts';
import { isFake } from '../inventory/fake-hardware.ts';
import { applyEvent, setBootIntent, setPowerState } from '../inventory/node-service.ts';
import { agentStep, bootAgentStep, intendAgentStep } from './agent-steps.ts';
import { planImage } from './image-plan-policy.ts';
import { readInspectedDisks } from './inspected-disks.ts';
import { failNode } from './node-flow-endings.ts';
import { bmcStep, connectTo, loadNode, POWER_CHANGE_MS, switchOff, type NodeFlowServices } from './node-flow-services.ts';

/*
 * `deploy` and `rebuild`: deploying → active.
 *   1. plan           image and root disk are chosen and checked before anything is touched
 *   2.–3.             the agent runs
 *   4. write_image    5. write_configdrive   6. install_boot_entry   7. sync_and_stop
 *   8. intend_disk    network boots go to the local disk from now on
 *   9. boot_instance  boot device disk, power cycle
 */
export const deployFlow = (services: NodeFlowServices): FlowDefinition => ({
  kind: 'node.deploy',
  version: 1,
  steps: [
    {
      name: 'plan',
      deadlineMs: 30_000,
      waitingFor: () => ({ what: 'the choice of image and root disk', next: 'boot the agent' }),
      async run(ctx) {
        const node = await loadNode(services, ctx.subjectId);
        if (isFake(node)) return { kind: 'done' };
        const image = planImage(node.instance_info as JsonObject);
        if ('problem' in image)
          return { kind: 'fail', code: 'image-plan', message: image.problem, advice: 'Correct instance_info, then deploy again.' };
        const hints = {
          ...((node.properties as JsonObject)['root_device'] as JsonObject | undefined),
          ...((node.instance_info as JsonObject)['root_device'] as JsonObject | undefined),
        };
        const choice = chooseRootDevice(await readInspectedDisks(services.db, ctx.subjectId), hints);
        if ('error' in choice)
          return {
            kind: 'fail',
            code: 'no-root-device',
            message: choice.error,
            advice: 'Correct properties/root_device, or inspect the node again.',
          };
        const { serial, sizeBytes, wwn } = choice.disk;
        const disk = { serial: serial ?? '', sizeBytes, ...(wwn === undefined ? {} : { wwn }) };
        return { kind: 'done', patch: { image: image.args, disk }, evidence: { image: image.args['url']!, disk: serial ?? '' } };
      },
    },
    intendAgentStep(services, 'deployment'),
    bootAgentStep(services),
    agentStep(services, {
      name: 'write_image',
      step: 'write_image',
      timeoutSeconds: 3600,
      what: 'the agent to write the image',
      next: 'the config drive',
      args: async (ctx) => ({ ...(ctx.state['image'] as JsonObject), disk: diskOf(ctx) }),
    }),
    agentStep(services, {
      name: 'write_configdrive',
      step: 'write_configdrive',
      timeoutSeconds: 300,
      what: 'the agent to write the config drive',
      next: 'the boot entry',
      args: async (ctx, node) =>
        node.configdrive === null ? undefined : { disk: diskOf(ctx), configDrive: services.sealer.open(node.configdrive) },
    }),
    agentStep(services, {
      name: 'install_boot_entry',
      step: 'install_boot_entry',
      timeoutSeconds: 300,
      what: 'the agent to make the disk the first boot entry',
      next: 'the agent stops',
      args: async (ctx) => ({ disk: diskOf(ctx) }),
    }),
    agentStep(services, {
      name: 'sync_and_stop',
      step: 'sync_and_stop',
      timeoutSeconds: 300,
      what: 'the agent to flush everything to the disk',
      next: 'the machine boots from its disk',
      args: async () => ({}),
    }),
    {
      name: 'intend_disk',
      deadlineMs: 30_000,
      waitingFor: () => ({ what: 'the boot plane to learn that this machine boots from its disk', next: 'power cycle' }),
      run: async (ctx) => ({ kind: 'done', commit: (trx) => setBootIntent(trx, ctx.subjectId, 'disk', 'an instance is deployed') }),
    },
    bmcStep({
      name: 'boot_instance',
      deadlineMs: POWER_CHANGE_MS,
      attempts: { max: 5, backoffMs: 1000 },
      waitingFor: () => ({ what: 'the BMC to start the machine from its disk', next: 'the node is active' }),
      async run(ctx) {
        const bmc = connectTo(services, await loadNode(services, ctx.subjectId));
        await switchOff(bmc, ctx.clock, ctx.signal);
        await bmc.setBoot({ device: 'disk', persistent: true }, ctx.signal);
        await bmc.setPower('on', ctx.signal);
        return { kind: 'done', commit: (trx) => setPowerState(trx, ctx.subjectId, 'on') };
      },
    }),
  ],
  onSucceeded: (trx, flow) => applyEvent(trx, flow.subjectId, 'done'),
  ...failNode,
});

const diskOf = (ctx: FlowContext): JsonObject => ctx.state['disk'] as JsonObject;
