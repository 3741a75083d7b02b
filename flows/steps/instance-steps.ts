import { setBootIntent } from '../../inventory/node-service.ts';
import { switchOff } from '../node-flow-services.ts';
import { isSwitched } from '../switch-port-service.ts';
import { moveMachine } from '../machine-networks.ts';
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
    declaration: declare('switch_to_tenant_network', { phase: 'deploy', interface: 'deploy', priority: 27, abortable: false }),
    what: 'the switch to have the machine in the networks of its VIFs',
    serves: isSwitched,
    async run({ ctx, services, progress }) {
      const until = progress['untilMs'];
      const turn = await moveMachine(services, ctx, 'tenant', typeof until === 'number' ? until : undefined);
      if (turn.kind !== 'wait') return turn;
      const { key, what, forMs, untilMs, commit } = turn;
      return { kind: 'again', afterMs: forMs, orOn: { key, what }, progress: { untilMs }, ...(commit === undefined ? {} : { commit }) };
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
