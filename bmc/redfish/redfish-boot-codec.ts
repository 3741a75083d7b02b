import type { JsonObject } from '../../core/base/json.ts';
import type { BootDevice, BootSetting, FirmwareMode, PowerAction } from '../capability.ts';
import type { VendorHabits } from './vendor-habit-table.ts';

/** Boot and power in Redfish's words (ComputerSystem schema), chosen among what this BMC allows. */
const TARGETS: Readonly<Record<BootDevice, readonly string[]>> = {
  none: ['None'],
  network: ['Pxe', 'UefiHttp'],
  disk: ['Hdd'],
  cdrom: ['Cd', 'UsbCd'],
  'firmware-setup': ['BiosSetup'],
  safe: ['Diags'],
};

const RESETS: Readonly<Record<PowerAction, readonly string[]>> = {
  on: ['On', 'ForceOn'],
  off: ['ForceOff'],
  'soft-off': ['GracefulShutdown', 'PushPowerButton'],
  reset: ['ForceRestart', 'PowerCycle'],
  cycle: ['PowerCycle', 'ForceRestart'],
};

const allowed = (value: unknown): readonly string[] | undefined =>
  Array.isArray(value) && value.length > 0 ? value.map(String) : undefined;

/** The first of our words that the BMC takes; undefined when it takes none. A BMC that does not say takes the first. */
const choose = (words: readonly string[], list: readonly string[] | undefined) =>
  list ? words.find((word) => list.includes(word)) : words[0];

export const resetTypeFor = (action: PowerAction, allowableValues: unknown): string | undefined =>
  choose(RESETS[action], allowed(allowableValues));

export const modeWord = (mode: FirmwareMode): string => (mode === 'uefi' ? 'UEFI' : 'Legacy');

export const modeOf = (boot: JsonObject): FirmwareMode | undefined =>
  ({ UEFI: 'uefi', Legacy: 'bios' } as const)[String(boot['BootSourceOverrideMode']) as 'UEFI' | 'Legacy'];

/** The `Boot` object to send; undefined when the BMC cannot boot from the device. */
export function encodeBoot(setting: BootSetting, boot: JsonObject, habits: VendorHabits): JsonObject | undefined {
  const modes = allowed(boot['BootSourceOverrideMode@Redfish.AllowableValues']);
  const knowsMode = modes !== undefined || boot['BootSourceOverrideMode'] !== undefined;
  const wanted = setting.firmwareMode ?? (habits.bootNeedsMode ? modeOf(boot) : undefined);
  const mode = wanted && knowsMode ? { BootSourceOverrideMode: modeWord(wanted) } : {};
  if (setting.device === 'none') return { BootSourceOverrideEnabled: 'Disabled', ...mode };
  const words = setting.device === 'cdrom' ? (habits.cdTargets ?? TARGETS.cdrom) : TARGETS[setting.device];
  const target = choose(words, allowed(boot['BootSourceOverrideTarget@Redfish.AllowableValues']));
  if (!target) return undefined;
  return { BootSourceOverrideEnabled: setting.persistent ? 'Continuous' : 'Once', BootSourceOverrideTarget: target, ...mode };
}

export function decodeBoot(boot: JsonObject): BootSetting {
  const mode = modeOf(boot);
  const firmwareMode = mode === undefined ? {} : { firmwareMode: mode };
  const enabled = boot['BootSourceOverrideEnabled'];
  const entry = Object.entries(TARGETS).find(([, words]) => words.includes(String(boot['BootSourceOverrideTarget'])));
  if (enabled !== 'Once' && enabled !== 'Continuous') return { device: 'none', persistent: false, ...firmwareMode };
  return { device: (entry?.[0] as BootDevice | undefined) ?? 'none', persistent: enabled === 'Continuous', ...firmwareMode };
}
