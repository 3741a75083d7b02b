import type { FrontPanelCalls } from '../front-panel.ts';
import { BmcError } from '../capability.ts';
import { chassisControl, decodeChassisStatus, getChassisStatus, identifyChassis } from './chassis-codec.ts';
import { coldReset } from './device-codec.ts';
import type { IpmiEndpoint } from './ipmi-endpoint.ts';
import { decodeWatchdog, getWatchdog } from './watchdog-codec.ts';

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
    resetBmc: async (signal) => void (await endpoint.call(coldReset, signal, { repeatable: false })),
  };
}
