import { awaitPower, switchOff } from '../node-flow-services.ts';
import { afterPower, declare, restart, type ControlPlaneStep } from './control-plane-step.ts';

/** Ironic's reserved steps: power, and letting time pass. */
export const POWER_STEPS: readonly ControlPlaneStep[] = [
  { declaration: declare('hold'), what: 'an operator to end the hold (`unhold`)' },
  {
    declaration: declare('wait', { argsinfo: { seconds: { description: 'How long, 1 to 86400.', required: true } } }),
    what: 'the time that was asked for to pass',
  },
  {
    declaration: declare('power_off'),
    what: 'the BMC to switch the machine off',
    async run({ ctx, bmc }) {
      await switchOff(bmc, ctx.clock, ctx.signal);
      return { kind: 'done', commit: afterPower(ctx.subjectId, 'off') };
    },
  },
  {
    declaration: declare('power_on'),
    what: 'the BMC to switch the machine on',
    async run({ ctx, bmc }) {
      await bmc.setPower('on', ctx.signal);
      await awaitPower(bmc, 'on', ctx.clock, ctx.signal);
      return { kind: 'done', commit: afterPower(ctx.subjectId, 'on') };
    },
  },
  {
    declaration: declare('reboot'),
    what: 'the BMC to switch the machine off and on',
    run: async (work) => ({ kind: 'done', commit: await restart(work) }),
  },
];
