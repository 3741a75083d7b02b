import type { FrontPanelCalls, IndicatorState } from '../front-panel.ts';
import { textAt } from './json-codec.ts';
import { RESET_ACTION } from './power.ts';
import type { RedfishTree } from './redfish-tree.ts';

/** The indicator as `LocationIndicatorActive` (newer) or `IndicatorLED`, on the system or else on its chassis. */
const LED_STATES: Readonly<Record<string, IndicatorState>> = { Off: 'off', Lit: 'on', Blinking: 'blinking' };
const LED_WORDS: Readonly<Record<IndicatorState, string>> = { off: 'Off', on: 'Lit', blinking: 'Blinking' };

export function redfishFrontPanel(tree: RedfishTree): FrontPanelCalls {
  const owner = async (signal: AbortSignal) => {
    const all = [await tree.system(signal), ...(await tree.chassis(signal))];
    const found = all.find((each) => each['IndicatorLED'] !== undefined || typeof each['LocationIndicatorActive'] === 'boolean');
    if (found === undefined) throw tree.missing('indicator light');
    return found;
  };
  return {
    async indicator(signal) {
      const resource = await owner(signal);
      const led = LED_STATES[textAt(resource, 'IndicatorLED') ?? ''];
      return led ?? (resource['LocationIndicatorActive'] === true ? 'blinking' : 'off');
    },
    async setIndicator(state, signal) {
      const resource = await owner(signal);
      const isOld = resource['IndicatorLED'] !== undefined;
      const body = isOld ? { IndicatorLED: LED_WORDS[state] } : { LocationIndicatorActive: state !== 'off' };
      await tree.http.patch(textAt(resource, '@odata.id')!, body, signal);
    },
    async injectNmi(signal) {
      const reset = await tree.action(await tree.system(signal), RESET_ACTION, 'ResetType', signal);
      if (reset === undefined || (reset.allowableValues && !reset.allowableValues.includes('Nmi'))) throw tree.missing('NMI');
      await tree.http.post(reset.target, { ResetType: 'Nmi' }, signal);
    },
    watchdog: async () => {
      throw tree.missing('watchdog that Redfish tells of');
    },
    setWatchdog: async () => {
      throw tree.missing('watchdog that Redfish sets');
    },
    async resetBmc(signal) {
      const reset = await tree.action(await tree.manager(signal), '#Manager.Reset', 'ResetType', signal);
      if (reset === undefined) throw tree.missing('reset of the BMC');
      const type = ['GracefulRestart', 'ForceRestart'].find((each) => reset.allowableValues?.includes(each) ?? true);
      await tree.http.start('POST', reset.target, type === undefined ? {} : { ResetType: type }, signal);
    },
  };
}
