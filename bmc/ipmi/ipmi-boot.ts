import { isMalformed } from '../../core/base/malformed.ts';
import { BmcError, type BootSetting, type FirmwareMode } from '../capability.ts';
import {
  ACKNOWLEDGE_NONE,
  BOOT_PARAMETER,
  decodeBootFlags,
  decodeBootOption,
  encodeBootFlags,
  getBootOption,
  KEEP_FLAGS_AFTER_TIMEOUT,
  setBootOption,
  type BootFlags,
} from './boot-options-codec.ts';
import { COMPLETION } from './completion-code-codec.ts';
import type { IpmiEndpoint } from './ipmi-endpoint.ts';
import { habitsOf } from './ipmi-habit-table.ts';

/** Boot device and firmware mode. */
const PARAMETER_UNSUPPORTED = 0x80;
const SET_IN_PROGRESS_TAKEN = 0x81;
const READ_ONLY = 0x82;
/** The steps around the flags are optional in practice: BMCs lack them, or find their present value right. */
const OPTIONAL_STEP = [
  PARAMETER_UNSUPPORTED,
  SET_IN_PROGRESS_TAKEN,
  READ_ONLY,
  COMPLETION.invalidField,
  COMPLETION.parameterOutOfRange,
] as const;

async function flagsFor(endpoint: IpmiEndpoint, setting: BootSetting, signal: AbortSignal): Promise<BootFlags> {
  const efi = setting.firmwareMode === 'uefi';
  const isUefiDisk = efi && setting.device === 'disk';
  const device = (isUefiDisk ? (await habitsOf(endpoint, signal)).uefiDisk : undefined) ?? setting.device;
  return { valid: setting.device !== 'none' || setting.firmwareMode !== undefined, persistent: setting.persistent, efi, device };
}

/** True: the BMC keeps them however long the start is in coming. */
async function writeFlags(endpoint: IpmiEndpoint, flags: BootFlags, signal: AbortSignal): Promise<boolean> {
  const optional = (parameter: number, data: Uint8Array) => endpoint.attempt(setBootOption(parameter, data), OPTIONAL_STEP, signal);
  await optional(BOOT_PARAMETER.setInProgress, Buffer.from([1]));
  try {
    await optional(BOOT_PARAMETER.infoAcknowledge, ACKNOWLEDGE_NONE);
    const isKept = await optional(BOOT_PARAMETER.validBitClearing, Buffer.from([KEEP_FLAGS_AFTER_TIMEOUT]));
    await endpoint.call(setBootOption(BOOT_PARAMETER.flags, encodeBootFlags(flags)), signal);
    return isKept;
  } finally {
    await optional(BOOT_PARAMETER.setInProgress, Buffer.from([0]));
  }
}

const readFlags = (endpoint: IpmiEndpoint, signal: AbortSignal): Promise<BootFlags> =>
  endpoint.ask(
    getBootOption(BOOT_PARAMETER.flags),
    (data) => {
      const option = decodeBootOption(data);
      return isMalformed(option) ? option : decodeBootFlags(option);
    },
    signal,
  );

/** BMCs that clear the flags after 60 s, or keep no persistent ones, are told again before each start (`renewBoot`). */
export async function setBoot(endpoint: IpmiEndpoint, setting: BootSetting, signal: AbortSignal): Promise<void> {
  const flags = await flagsFor(endpoint, setting, signal);
  delete endpoint.memory.boot;
  const isKept = await writeFlags(endpoint, flags, signal);
  if (!flags.valid) return;
  const isLost = flags.persistent ? !(await readFlags(endpoint, signal)).persistent : !isKept;
  if (isLost) endpoint.memory.boot = { flags, isForOnce: !flags.persistent };
}

/** Before the machine starts. What somebody else has set meanwhile stays. */
export async function renewBoot(endpoint: IpmiEndpoint, signal: AbortSignal): Promise<void> {
  const plan = endpoint.memory.boot;
  if (plan === undefined) return;
  if (plan.isForOnce) delete endpoint.memory.boot;
  if (!(await readFlags(endpoint, signal)).valid) await writeFlags(endpoint, plan.flags, signal);
}

export async function readBoot(endpoint: IpmiEndpoint, signal: AbortSignal): Promise<BootSetting> {
  const told = await readFlags(endpoint, signal);
  const lasting = endpoint.memory.boot?.isForOnce === false ? endpoint.memory.boot.flags : undefined;
  const flags = !told.valid || told.device === lasting?.device ? (lasting ?? told) : told;
  if (!flags.valid) return { device: 'none', persistent: false };
  const { efi, persistent } = flags;
  const isDisk = flags.device === 'remote-media' && efi && (await habitsOf(endpoint, signal)).uefiDisk === flags.device;
  const isOurs = flags.device !== 'diagnostics' && flags.device !== 'floppy' && flags.device !== 'remote-media';
  return {
    device: isDisk ? 'disk' : isOurs ? (flags.device as BootSetting['device']) : 'none',
    persistent,
    firmwareMode: efi ? 'uefi' : 'bios',
  };
}

/** The flags' EFI bit says how a system starts only while they are valid. */
export async function readFirmwareMode(host: string, endpoint: IpmiEndpoint, signal: AbortSignal): Promise<FirmwareMode> {
  const { firmwareMode } = await readBoot(endpoint, signal);
  if (firmwareMode === undefined)
    throw new BmcError('unsupported', `${host}: IPMI tells the boot mode only while boot flags are set`, 'Use Redfish.');
  return firmwareMode;
}

export async function setFirmwareMode(endpoint: IpmiEndpoint, firmwareMode: FirmwareMode, signal: AbortSignal): Promise<void> {
  const { device, persistent } = await readBoot(endpoint, signal);
  // For one boot the wish would be gone with it.
  await setBoot(endpoint, { device, persistent: persistent || device === 'none', firmwareMode }, signal);
}
