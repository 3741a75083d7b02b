import type { JsonObject } from '../core/base/json.ts';
import type { FlowDefinition, FlowStep } from '../core/flow/flow-definition.ts';
import { isFake } from '../inventory/fake-hardware.ts';
import { applyEvent } from '../inventory/node-service.ts';
import { bootInstanceStep, intendInstanceStep } from './boot-instance-step.ts';
import { requestedSteps } from './clean-flow.ts';
import { templateSteps } from './deploy-templates.ts';
import { planImage } from './image-plan-policy.ts';
import { withStoredImage } from './instance-image.ts';
import { readyImageStep } from './ready-image-step.ts';
import { planNetworkBoot } from './instance-boot.ts';
import { networkStep } from './machine-networks.ts';
import { readInspectedDisks } from './inspected-disks.ts';
import { failNode } from './node-flow-endings.ts';
import { loadNode, type NodeFlowServices } from './node-flow-services.ts';
import { chooseDisk } from './root-disk.ts';
import { stepLoop } from './step-loop.ts';
import { planDeploy, stepName } from './step-plan-policy.ts';

/*
 * `deploy` and `rebuild`: deploying → active.
 *   1. plan    image and root disk are chosen and checked before anything is touched
 *   2. ready_image  a disk that machines can take is made of an image that is none, or waited for
 *   3.         the agent runs, and the machine is taken through the list of deploy steps: those with a priority
 *              (write_image 80, write_configdrive 60, install_bootloader 50, install_boot_entry 40, sync_and_stop 30,
 *              switch_to_tenant_network 27 where a switch has networks, intend_disk 25,
 *              boot_instance 20), the deploy templates of the instance's traits, and what the request asks for
 *   4.         an instance that boots over the network (a ramdisk, a volume) needs no agent: only this
 */
const onlyOnNetwork = (step: FlowStep): FlowStep => ({
  ...step,
  run: async (ctx) => (ctx.state['onNetwork'] === true ? step.run(ctx) : { kind: 'done' }),
});

export const deployFlow = (services: NodeFlowServices): FlowDefinition => ({
  kind: 'node.deploy',
  version: 5,
  upgrade: (state) => state,
  steps: [
    {
      name: 'plan',
      deadlineMs: 30_000,
      waitingFor: () => ({ what: 'the choice of image and root disk', next: 'boot the agent' }),
      async run(ctx) {
        const node = await loadNode(services, ctx.subjectId);
        if (isFake(node)) return { kind: 'done' };
        const network = await planNetworkBoot(services.db, { ...node, hasConfigDrive: node.configdrive !== null });
        if (network !== undefined && 'problem' in network)
          return { kind: 'fail', code: 'network-boot-plan', message: network.problem, advice: 'Correct that, then deploy again.' };
        if (network !== undefined)
          return { kind: 'goto', step: 'tenant_network', patch: { onNetwork: true }, evidence: { boots: network.kind } };
        const stored = await withStoredImage(services.images, node.instance_info as JsonObject);
        const image = 'problem' in stored ? stored : planImage(stored.info);
        if ('problem' in image)
          return { kind: 'fail', code: 'image-plan', message: image.problem, advice: 'Correct instance_info, then deploy again.' };
        const choice = chooseDisk(await readInspectedDisks(services.db, ctx.subjectId), node);
        if ('error' in choice)
          return {
            kind: 'fail',
            code: 'no-root-device',
            message: choice.error,
            advice: 'Correct properties/root_device, or inspect the node again.',
          };
        return {
          kind: 'done',
          patch: {
            image: image.args,
            disk: choice.disk,
            ...('info' in stored && stored.rendition !== undefined
              ? { rendition: { source: stored.rendition, image: String((node.instance_info as JsonObject)['image_source']) } }
              : {}),
          },
          evidence: { image: image.args['url']!, disk: choice.disk['serial']! },
        };
      },
    },
    readyImageStep(services),
    ...stepLoop(services, {
      phase: 'deploy',
      why: 'deployment',
      async plan(ctx, node, declared) {
        const requested = requestedSteps(ctx, 'deploy_steps');
        if ('problem' in requested) return requested;
        const templates = await templateSteps(services.db, node);
        const asked = new Set(requested.map(stepName));
        return planDeploy(declared, [...templates.filter((step) => !asked.has(stepName(step))), ...requested]);
      },
    }),
    ...[
      networkStep(services, 'tenant_network', 'tenant', 'the machine starts the instance'),
      intendInstanceStep(services),
      bootInstanceStep(services),
    ].map(onlyOnNetwork),
  ],
  onSucceeded: (trx, flow) => applyEvent(trx, flow.subjectId, 'done'),
  ...failNode,
});
