import type { BmcConnection } from '../../bmc/capability.ts';
import type { JsonObject } from '../../core/base/json.ts';
import type { FlowContext, FlowTransaction } from '../../core/flow/flow-definition.ts';
import { forgetAgent } from '../../inventory/discovery-service.ts';
import { setBootIntent, setPowerState } from '../../inventory/node-service.ts';
import { awaitPower, switchOff } from '../node-flow-services.ts';
import { ANY_INTERFACE, ANY_PHASE, type DeclaredStep } from '../step-plan-policy.ts';

/*
 * The steps that the control plane does itself, over the BMC. `hold` and `wait` do nothing but let time pass; the loop
 * knows them by name.
 */
export interface ControlPlaneStep {
  readonly declaration: DeclaredStep;
  readonly what: string;
  /** Answers what its transaction writes. Repeatable: a crash repeats it. */
  run?(ctx: FlowContext, bmc: BmcConnection, args: JsonObject): Promise<(trx: FlowTransaction) => Promise<void>>;
}

const declare = (step: string, more: Partial<DeclaredStep> = {}): DeclaredStep => ({
  phase: ANY_PHASE,
  interface: ANY_INTERFACE,
  step,
  priority: 0,
  abortable: true,
  rebootRequested: false,
  argsinfo: {},
  inBand: false,
  ...more,
});

/** Whatever ran on the machine is gone with its power. */
const afterPower = (ctx: FlowContext, state: 'on' | 'off') => async (trx: FlowTransaction) => {
  await setPowerState(trx, ctx.subjectId, state);
  await forgetAgent(trx, ctx.subjectId);
};

export const CONTROL_PLANE_STEPS: readonly ControlPlaneStep[] = [
  { declaration: declare('hold'), what: 'an operator to end the hold (`unhold`)' },
  {
    declaration: declare('wait', { argsinfo: { seconds: { description: 'How long, 1 to 86400.', required: true } } }),
    what: 'the time that was asked for to pass',
  },
  {
    declaration: declare('power_off'),
    what: 'the BMC to switch the machine off',
    async run(ctx, bmc) {
      await switchOff(bmc, ctx.clock, ctx.signal);
      return afterPower(ctx, 'off');
    },
  },
  {
    declaration: declare('power_on'),
    what: 'the BMC to switch the machine on',
    async run(ctx, bmc) {
      await bmc.setPower('on', ctx.signal);
      await awaitPower(bmc, 'on', ctx.clock, ctx.signal);
      return afterPower(ctx, 'on');
    },
  },
  {
    declaration: declare('reboot'),
    what: 'the BMC to switch the machine off and on',
    async run(ctx, bmc) {
      await switchOff(bmc, ctx.clock, ctx.signal);
      await bmc.setPower('on', ctx.signal);
      return afterPower(ctx, 'on');
    },
  },
  {
    declaration: declare('boot_instance', { phase: 'deploy', interface: 'deploy', priority: 20, abortable: false }),
    what: 'the BMC to start the machine from its disk',
    async run(ctx, bmc) {
      await switchOff(bmc, ctx.clock, ctx.signal);
      await bmc.setBoot({ device: 'disk', persistent: true }, ctx.signal);
      await bmc.setPower('on', ctx.signal);
      return afterPower(ctx, 'on');
    },
  },
  {
    // A network boot from here on leaves to the disk; its own step, so that no boot meets the old intent.
    declaration: declare('intend_disk', { phase: 'deploy', interface: 'deploy', priority: 25, abortable: false }),
    what: 'the boot plane to learn that this machine boots from its disk',
    run: async (ctx) => (trx) => setBootIntent(trx, ctx.subjectId, 'disk', 'an instance is deployed'),
  },
];

export const controlPlaneStep = (name: string): ControlPlaneStep | undefined =>
  CONTROL_PLANE_STEPS.find(({ declaration }) => declaration.step === name);
