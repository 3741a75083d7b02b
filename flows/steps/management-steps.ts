import { BmcError } from '../../bmc/capability.ts';
import type { SecureBootKeys } from '../../bmc/secure-boot.ts';
import { interfaceOf } from '../../inventory/driver-table.ts';
import { declare, inPhases, type ControlPlaneStep } from './control-plane-step.ts';

/** The BMC's own restart, and the keys of secure boot. Names are Ironic's, but for `reset_bmc`, which it has for some vendors only. */
const RESTART_MS_MAX = 15 * 60_000;
/** A BMC that was told to restart may answer a little longer. */
const FIRST_LOOK_MS = 5_000;

const isReal: ControlPlaneStep['serves'] = (node) => ['redfish', 'ipmitool'].includes(interfaceOf(node, 'management'));

const keyStep = (step: string, what: string, keys: SecureBootKeys): ControlPlaneStep[] =>
  inPhases(['clean', 'deploy'], {
    declaration: declare(step, { interface: 'management' }),
    what,
    serves: (node) => interfaceOf(node, 'management') === 'redfish',
    async run({ ctx, bmc }) {
      await bmc.resetSecureBootKeys(keys, ctx.signal);
      return { kind: 'done' };
    },
  });

export const MANAGEMENT_STEPS: readonly ControlPlaneStep[] = [
  ...inPhases(['clean', 'service'], {
    declaration: declare('reset_bmc', { interface: 'management', abortable: false }),
    what: 'the BMC to start anew and answer',
    serves: isReal,
    async run({ ctx, bmc, progress }) {
      if (progress['sinceMs'] === undefined) {
        await bmc.resetBmc(ctx.signal);
        return { kind: 'again', afterMs: FIRST_LOOK_MS, progress: { sinceMs: ctx.clock.nowMs() } };
      }
      try {
        await bmc.powerState(ctx.signal);
        return { kind: 'done' };
      } catch (error) {
        const isAway = error instanceof BmcError && error.retryable && !ctx.signal.aborted;
        if (!isAway || ctx.clock.nowMs() - Number(progress['sinceMs']) > RESTART_MS_MAX) throw error;
        return { kind: 'again', afterMs: FIRST_LOOK_MS, progress };
      }
    },
  }),
  ...keyStep('reset_secure_boot_keys_to_default', 'the BMC to put back the secure boot keys', 'defaults'),
  ...keyStep('clear_secure_boot_keys', 'the BMC to delete the secure boot keys', 'delete-all'),
];
