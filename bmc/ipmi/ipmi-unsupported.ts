import { BmcError } from '../capability.ts';
import { REDFISH_ALONE, unsupportedCalls } from '../unsupported-calls.ts';

/** What IPMI has no commands for: refused by name, so that another provider is asked. */
const WORDS = {
  biosAttributes: 'BIOS settings',
  pendingBios: 'BIOS settings',
  setBios: 'BIOS settings',
  resetBios: 'BIOS settings',
  secureBoot: 'secure boot',
  setSecureBoot: 'secure boot',
  resetSecureBootKeys: 'secure boot',
  secureBootKeys: 'secure boot',
  addSecureBootKey: 'secure boot',
  removeSecureBootKey: 'secure boot',
  virtualMedia: 'virtual media',
  insertMedia: 'virtual media',
  ejectMedia: 'virtual media',
  firmwareInventory: 'firmware inventory',
  updateFirmware: 'firmware update',
  storage: 'storage controllers',
  createVolume: 'storage controllers',
  deleteVolume: 'storage controllers',
  ...REDFISH_ALONE,
} as const;

export const ipmiUnsupported = (host: string) =>
  unsupportedCalls(
    WORDS,
    (what) => new BmcError('unsupported', `${host}: IPMI has no ${what}`, 'Give the BMC a Redfish address (redfish_address) as well.'),
  );
