import { redfishError } from './redfish-error.ts';
import { action, NO_CONTENT, resource, SYSTEM_PATH, type RedfishNoun } from './redfish-shapes.ts';

const SECURE_BOOT = `${SYSTEM_PATH}/SecureBoot`;
const KEY_RESETS = ['ResetAllKeysToDefault', 'DeleteAllKeys', 'DeletePK'];

export const secureBootResources: RedfishNoun = {
  find(bmc, path) {
    if (path !== SECURE_BOOT) return undefined;
    const { enabled, active, hasPlatformKey } = bmc.secureBoot;
    return resource(SECURE_BOOT, 'SecureBoot.v1_1_0', 'SecureBoot', 'UEFI Secure Boot', {
      SecureBootEnable: enabled,
      SecureBootCurrentBoot: active ? 'Enabled' : 'Disabled',
      SecureBootMode: hasPlatformKey ? 'UserMode' : 'SetupMode',
      Actions: { ...action(SECURE_BOOT, 'SecureBoot.ResetKeys', { 'ResetKeysType@Redfish.AllowableValues': KEY_RESETS }) },
    });
  },
  post(bmc, path, body) {
    if (path !== `${SECURE_BOOT}/Actions/SecureBoot.ResetKeys`) return undefined;
    const type = String(body['ResetKeysType']);
    if (!KEY_RESETS.includes(type)) return redfishError(400, `ResetKeysType ${type} is not allowed.`);
    bmc.secureBoot.hasPlatformKey = type === 'ResetAllKeysToDefault';
    return NO_CONTENT;
  },
  patch(bmc, path, body) {
    if (path !== SECURE_BOOT) return undefined;
    const enable = body['SecureBootEnable'];
    if (typeof enable !== 'boolean') return redfishError(400, 'SecureBootEnable is true or false.');
    if (bmc.firmwareMode !== 'uefi') return redfishError(409, 'Secure boot needs UEFI boot mode.');
    bmc.secureBoot.enabled = enable;
    return NO_CONTENT;
  },
};
