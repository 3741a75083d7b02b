import { setBootIntent } from '../../inventory/node-service.ts';
import { switchOff } from '../node-flow-services.ts';
import { afterPower, declare, type ControlPlaneStep } from './control-plane-step.ts';

/** The end of a deployment: the machine starts what is on its disk. */
export const INSTANCE_STEPS: readonly ControlPlaneStep[] = [
  {
    declaration: declare('boot_instance', { phase: 'deploy', interface: 'deploy', priority: 20, abortable: false }),
    what: 'the BMC to start the machine from its disk',
    async run({ ctx, bmc }) {
      await switchOff(bmc, ctx.clock, ctx.signal);
      await bmc.setBoot({ device: 'disk', persistent: true }, ctx.signal);
      await bmc.setPower('on', ctx.signal);
      return { kind: 'done', commit: afterPower(ctx.subjectId, 'on') };
    },
  },
  {
    // A network boot from here on leaves to the disk; its own step, so that no boot meets the old intent.
    declaration: declare('intend_disk', { phase: 'deploy', interface: 'deploy', priority: 25, abortable: false }),
    what: 'the boot plane to learn that this machine boots from its disk',
    run: async ({ ctx }) => ({
      kind: 'done',
      commit: (trx) => setBootIntent(trx, ctx.subjectId, 'disk', 'an instance is deployed'),
    }),
  },
];
