import type { SecureBootCalls, SecureBootKeys } from '../secure-boot.ts';
import { textAt } from './json-codec.ts';
import type { RedfishTree } from './redfish-tree.ts';

/** SecureBoot (DSP8010): `SecureBootEnable` is the wish, `SecureBootCurrentBoot` what the present start has. */
const KEYS: Readonly<Record<SecureBootKeys, string>> = {
  defaults: 'ResetAllKeysToDefault',
  'delete-all': 'DeleteAllKeys',
  'delete-platform-key': 'DeletePK',
};

export function redfishSecureBoot(tree: RedfishTree): SecureBootCalls {
  const read = async (signal: AbortSignal) => tree.follow(await tree.system(signal), 'SecureBoot', signal);
  return {
    async secureBoot(signal) {
      const resource = await read(signal);
      return { enabled: resource['SecureBootEnable'] === true, active: resource['SecureBootCurrentBoot'] === 'Enabled' };
    },
    async setSecureBoot(enabled, signal) {
      const resource = await read(signal);
      await tree.http.start('PATCH', textAt(resource, '@odata.id')!, { SecureBootEnable: enabled }, signal);
    },
    async resetSecureBootKeys(keys, signal) {
      const reset = await tree.action(await read(signal), '#SecureBoot.ResetKeys', 'ResetKeysType', signal);
      if (reset === undefined) throw tree.missing('action to reset secure boot keys');
      if (reset.allowableValues && !reset.allowableValues.includes(KEYS[keys])) throw tree.missing(`reset of keys "${keys}"`);
      await tree.http.start('POST', reset.target, { ResetKeysType: KEYS[keys] }, signal);
    },
  };
}
