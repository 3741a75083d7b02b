import type { Clock } from '../../core/base/clock.ts';
import type { PowerAction, PowerState } from '../capability.ts';
import { chassisControl, decodeChassisStatus, getChassisStatus, type ChassisControl } from './chassis-codec.ts';
import { COMPLETION } from './completion-code-codec.ts';
import { renewBoot } from './ipmi-boot.ts';
import type { IpmiEndpoint } from './ipmi-endpoint.ts';

const CONTROLS: Readonly<Record<PowerAction, ChassisControl>> = {
  on: 'power-up',
  off: 'power-down',
  'soft-off': 'soft-shutdown',
  reset: 'hard-reset',
  cycle: 'power-cycle',
};
/** Cycle and reset are optional (table 28-4). */
const LACKS_CONTROL = [
  COMPLETION.invalidCommand,
  COMPLETION.parameterOutOfRange,
  COMPLETION.invalidField,
  COMPLETION.illegalCommand,
] as const;
const OFF_PAUSE_MS = 500;

export async function readPower(endpoint: IpmiEndpoint, signal: AbortSignal): Promise<PowerState> {
  const status = await endpoint.ask(getChassisStatus, decodeChassisStatus, signal);
  return status.poweredOn ? 'on' : 'off';
}

/** "Off" may be acknowledged a minute before it happens. */
async function offAndOn(endpoint: IpmiEndpoint, clock: Clock, signal: AbortSignal): Promise<void> {
  await endpoint.call(chassisControl('power-down'), signal);
  while ((await readPower(endpoint, signal)) === 'on') await clock.sleep(OFF_PAUSE_MS, signal);
  await endpoint.call(chassisControl('power-up'), signal);
}

/**
 * Reading the state first also proves the session, so that a reset or cycle is never sent twice because an old session
 * had died. Resetting or cycling a machine that is off switches it on; where a BMC has no reset or cycle, it goes off and on.
 */
export async function setPower(endpoint: IpmiEndpoint, action: PowerAction, clock: Clock, signal: AbortSignal): Promise<void> {
  const state = await readPower(endpoint, signal);
  if (state === 'off' && (action === 'off' || action === 'soft-off')) return;
  if (state === 'on' && action === 'on') return;
  const control = state === 'off' ? 'power-up' : CONTROLS[action];
  const restarts = control === 'hard-reset' || control === 'power-cycle';
  if (restarts || control === 'power-up') await renewBoot(endpoint, signal);
  if (!restarts) return void (await endpoint.call(chassisControl(control), signal, { repeatable: control !== 'soft-shutdown' }));
  if (!(await endpoint.attempt(chassisControl(control), LACKS_CONTROL, signal, { repeatable: false })))
    await offAndOn(endpoint, clock, signal);
}
