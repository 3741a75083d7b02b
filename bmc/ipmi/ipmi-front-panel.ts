import type { FrontPanelCalls, WatchdogSetting } from '../front-panel.ts';
import { BmcError } from '../capability.ts';
import {
  chassisControl,
  decodeChassisStatus,
  getChassisStatus,
  identifyChassis,
  identifyForLong,
  identifyNoLonger,
} from './chassis-codec.ts';
import { COMPLETION } from './completion-code-codec.ts';
import { coldReset } from './device-codec.ts';
import type { IpmiEndpoint } from './ipmi-endpoint.ts';
import { decodeWatchdog, getWatchdog, setWatchdog, startWatchdog, WATCHDOG_SECONDS_MAX } from './watchdog-codec.ts';

/** "Until further notice" is an optional byte of Chassis Identify (§28.5). */
const LACKS_FOREVER = [COMPLETION.requestLength, COMPLETION.fieldLength, COMPLETION.parameterOutOfRange, COMPLETION.invalidField] as const;

/** Identify light (chassis identify), diagnostic interrupt, watchdog and cold reset. */
export function ipmiFrontPanel(host: string, endpoint: IpmiEndpoint): FrontPanelCalls {
  return {
    async indicator(signal) {
      const { identifying, tellsIdentify } = await endpoint.ask(getChassisStatus, decodeChassisStatus, signal);
      if (!identifying && !tellsIdentify)
        throw new BmcError('unsupported', `${host}: the BMC does not tell whether its light blinks`, 'Look at it, or use Redfish.');
      return identifying ? 'blinking' : 'off';
    },
    async setIndicator(state, signal) {
      if (state === 'on')
        throw new BmcError('unsupported', `${host}: IPMI makes the light blink or puts it out`, 'Ask for blinking, or use Redfish.');
      const isDone = await endpoint.attempt(identifyChassis(state === 'blinking'), LACKS_FOREVER, signal);
      if (!isDone) await endpoint.call(state === 'blinking' ? identifyForLong : identifyNoLonger, signal);
    },
    injectNmi: async (signal) => void (await endpoint.call(chassisControl('diagnostic-interrupt'), signal, { repeatable: false })),
    watchdog: (signal) => endpoint.ask(getWatchdog, decodeWatchdog, signal),
    setWatchdog: (setting, signal) => putWatchdog(endpoint, setting, signal),
    resetBmc: async (signal) => void (await endpoint.call(coldReset, signal, { repeatable: false })),
  };
}

async function putWatchdog(endpoint: IpmiEndpoint, setting: WatchdogSetting | undefined, signal: AbortSignal): Promise<void> {
  if (setting !== undefined && !(setting.seconds > 0 && setting.seconds <= WATCHDOG_SECONDS_MAX))
    throw new RangeError(`a watchdog runs for up to ${WATCHDOG_SECONDS_MAX} seconds, not ${setting.seconds}`);
  await endpoint.call(setWatchdog(setting), signal);
  if (setting !== undefined) await endpoint.call(startWatchdog, signal);
}
