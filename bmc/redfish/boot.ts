import type { JsonObject } from '../../core/base/json.ts';
import type { BmcConnection } from '../capability.ts';
import { objectAt, pathAt } from './json-codec.ts';
import { decodeBoot, encodeBoot, modeOf, modeWord } from './redfish-boot-codec.ts';
import type { RedfishTree } from './redfish-tree.ts';

/** Boot device and firmware mode: the `Boot` object of the ComputerSystem. */
export function redfishBoot(tree: RedfishTree): Pick<BmcConnection, 'bootSetting' | 'setBoot' | 'firmwareMode' | 'setFirmwareMode'> {
  const bootOf = async (signal: AbortSignal): Promise<JsonObject> => objectAt(await tree.system(signal), 'Boot');
  /** Some take changes at a resource of their own (DSP0266 §9.10). */
  const patch = async (boot: JsonObject, signal: AbortSignal) => {
    const settings = pathAt(objectAt(await tree.system(signal), '@Redfish.Settings'), 'SettingsObject');
    await tree.http.patch(settings ?? (await tree.systemPath(signal)), { Boot: boot }, signal);
  };
  return {
    bootSetting: async (signal) => decodeBoot(await bootOf(signal)),
    async setBoot(setting, signal) {
      const boot = encodeBoot(setting, await bootOf(signal), await tree.habits(signal));
      if (!boot) throw tree.missing(`boot target for "${setting.device}"`);
      await patch(boot, signal);
    },
    async firmwareMode(signal) {
      const mode = modeOf(await bootOf(signal));
      if (mode === undefined) throw tree.missing('boot mode');
      return mode;
    },
    async setFirmwareMode(mode, signal) {
      if (modeOf(await bootOf(signal)) === undefined) throw tree.missing('boot mode');
      await patch({ BootSourceOverrideMode: modeWord(mode) }, signal);
    },
  };
}
