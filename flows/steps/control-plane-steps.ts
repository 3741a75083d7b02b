import { stepName } from '../step-plan-policy.ts';
import { BIOS_STEPS } from './bios-steps.ts';
import type { ControlPlaneStep } from './control-plane-step.ts';
import { FIRMWARE_STEPS } from './firmware-steps.ts';
import { INSTANCE_STEPS } from './instance-steps.ts';
import { MANAGEMENT_STEPS } from './management-steps.ts';
import { POWER_STEPS } from './power-steps.ts';
import { RAID_STEPS } from './raid-steps.ts';

/** Every step that the control plane does itself, by noun. */
export const CONTROL_PLANE_STEPS: readonly ControlPlaneStep[] = [
  ...POWER_STEPS,
  ...INSTANCE_STEPS,
  ...BIOS_STEPS,
  ...RAID_STEPS,
  ...FIRMWARE_STEPS,
  ...MANAGEMENT_STEPS,
];

/** Power's steps may be asked for on whatever interface: they go by their name alone. */
export const controlPlaneStep = (step: { readonly interface: string; readonly step: string }): ControlPlaneStep | undefined =>
  CONTROL_PLANE_STEPS.find(({ declaration }) => stepName(declaration) === stepName(step)) ??
  POWER_STEPS.find(({ declaration }) => declaration.step === step.step);
