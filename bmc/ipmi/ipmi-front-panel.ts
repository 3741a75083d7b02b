import type { FrontPanelCalls, WatchdogSetting } from '../front-panel.ts';
import { BmcError } from '../capability.ts';
import { chassisControl, decodeChassisStatus, getChassisStatus, identifyChassis } from './chassis-codec.ts';
import { coldReset } from './device-codec.ts';
import type { IpmiEndpoint } from './ipmi-endpoint.ts';
import { decodeWatchdog, getWatchdog, setWatchdog, startWatchdog, WATCHDOG_SECONDS_MAX } from './watchdog-codec.ts';

/** Identify light (chassis identify), diagnostic interrupt, watchdog and cold reset. */
export function ipmiFrontPanel(host: string, endpoint: IpmiEndpoint): FrontPanelCalls {
  return {
    async indicator(signal) {
      return (await endpoint.ask(getChassisStatus, decodeChassisStatus, signal)).identifying ? 'blinking' : 'off';
    },
    async setIndicator(state, signal) {
      if (state === 'on')
        throw new BmcError('unsupported', `${host}: IPMI makes the light blink or puts it out`, 'Ask for blinking, or use Redfish.');
      await endpoint.call(identifyChassis(state === 'blinking'), signal);
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
