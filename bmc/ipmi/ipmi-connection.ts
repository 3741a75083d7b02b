import type { Clock } from '../../core/base/clock.ts';
import { ipv4FromNumber } from '../../core/base/ipv4-address.ts';
import { macAddressFromBytes } from '../../core/base/mac-address.ts';
import {
  BmcError,
  type BmcAddress,
  type BmcConnection,
  type BmcIdentity,
  type BmcLan,
  type BootSetting,
  type FirmwareMode,
  type PowerAction,
  type PowerState,
} from '../capability.ts';
import {
  ACKNOWLEDGE_NONE,
  BOOT_PARAMETER,
  decodeBootFlags,
  decodeBootOption,
  encodeBootFlags,
  getBootOption,
  KEEP_FLAGS_AFTER_TIMEOUT,
  setBootOption,
} from './boot-options-codec.ts';
import { chassisControl, decodeChassisStatus, getChassisStatus, type ChassisControl } from './chassis-codec.ts';
import type { PowerReading } from '../sensor.ts';
import { COMPLETION } from './completion-code-codec.ts';
import {
  activatePowerLimit,
  decodePowerLimit,
  decodePowerReading,
  getPowerLimit,
  getPowerReading,
  NO_ACTIVE_LIMIT,
  setPowerLimit,
} from './dcmi-power-codec.ts';
import { ipmiFrontPanel } from './ipmi-front-panel.ts';
import { ipmiNetworkLogin } from './ipmi-network-login.ts';
import { ipmiTraps } from './ipmi-traps.ts';
import { ipmiUnsupported } from './ipmi-unsupported.ts';
import { eraseSel, readSel } from './read-sel.ts';
import { readSensors } from './read-sensors.ts';
import { decodeDeviceId, decodeSystemGuid, getDeviceId, getSystemGuid } from './device-codec.ts';
import { readFruInventory } from './read-fru.ts';
import { IpmiCompletionError, type IpmiEndpoint } from './ipmi-endpoint.ts';
import { decodeIpSource, decodeLanParameter, getLanParameter, type LanParameterName } from './lan-config-codec.ts';
import { listUsers, putUser } from './ipmi-users.ts';
import { openSolConsole } from './sol-console.ts';
import { isMalformed } from '../../core/base/malformed.ts';

/** The capabilities of a BMC over IPMI 2.0. */
const CONTROLS: Readonly<Record<PowerAction, ChassisControl>> = {
  on: 'power-up',
  off: 'power-down',
  'soft-off': 'soft-shutdown',
  reset: 'hard-reset',
  cycle: 'power-cycle',
};

async function readPower(endpoint: IpmiEndpoint, signal: AbortSignal): Promise<PowerState> {
  const status = await endpoint.ask(getChassisStatus, decodeChassisStatus, signal);
  return status.poweredOn ? 'on' : 'off';
}

/**
 * Reading the state first also proves the session, so that a reset or cycle is never sent twice because an old session
 * had died. Resetting or cycling a machine that is off switches it on.
 */
async function setPower(endpoint: IpmiEndpoint, action: PowerAction, signal: AbortSignal): Promise<void> {
  const state = await readPower(endpoint, signal);
  if (state === 'off' && (action === 'off' || action === 'soft-off')) return;
  if (state === 'on' && action === 'on') return;
  const control = state === 'off' ? 'power-up' : CONTROLS[action];
  await endpoint.call(chassisControl(control), signal, { repeatable: control === 'power-up' || control === 'power-down' });
}

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

async function setBoot(endpoint: IpmiEndpoint, setting: BootSetting, signal: AbortSignal): Promise<void> {
  const optional = (parameter: number, data: Uint8Array) =>
    endpoint.call(setBootOption(parameter, data), signal, { tolerate: OPTIONAL_STEP });
  const valid = setting.device !== 'none' || setting.firmwareMode !== undefined;
  const flags = encodeBootFlags({
    valid,
    persistent: setting.persistent,
    efi: setting.firmwareMode === 'uefi',
    device: setting.device,
  });
  await optional(BOOT_PARAMETER.setInProgress, Buffer.from([1]));
  try {
    await optional(BOOT_PARAMETER.infoAcknowledge, ACKNOWLEDGE_NONE);
    await optional(BOOT_PARAMETER.validBitClearing, Buffer.from([KEEP_FLAGS_AFTER_TIMEOUT]));
    await endpoint.call(setBootOption(BOOT_PARAMETER.flags, flags), signal);
  } finally {
    await optional(BOOT_PARAMETER.setInProgress, Buffer.from([0]));
  }
}

async function readBoot(endpoint: IpmiEndpoint, signal: AbortSignal): Promise<BootSetting> {
  const flags = await endpoint.ask(
    getBootOption(BOOT_PARAMETER.flags),
    (data) => {
      const option = decodeBootOption(data);
      return isMalformed(option) ? option : decodeBootFlags(option);
    },
    signal,
  );
  if (!flags.valid) return { device: 'none', persistent: false };
  const device = flags.device === 'diagnostics' || flags.device === 'floppy' ? 'none' : flags.device;
  return { device, persistent: flags.persistent, firmwareMode: flags.efi ? 'uefi' : 'bios' };
}

/** The flags' EFI bit says how a system starts only while they are valid. */
async function readFirmwareMode(host: string, endpoint: IpmiEndpoint, signal: AbortSignal): Promise<FirmwareMode> {
  const { firmwareMode } = await readBoot(endpoint, signal);
  if (firmwareMode === undefined)
    throw new BmcError('unsupported', `${host}: IPMI tells the boot mode only while boot flags are set`, 'Use Redfish.');
  return firmwareMode;
}

async function setFirmwareMode(endpoint: IpmiEndpoint, firmwareMode: FirmwareMode, signal: AbortSignal): Promise<void> {
  const { device, persistent } = await readBoot(endpoint, signal);
  // For one boot the wish would be gone with it.
  await setBoot(endpoint, { device, persistent: persistent || device === 'none', firmwareMode }, signal);
}

async function readPowerUse(host: string, endpoint: IpmiEndpoint, signal: AbortSignal): Promise<PowerReading> {
  const { isActive, ...power } = await endpoint.ask(getPowerReading, decodePowerReading, signal);
  if (!isActive) throw new BmcError('unsupported', `${host}: power measuring is switched off`, 'Switch DCMI power measurement on.');
  return power;
}

const LIMIT_LOGGED = 0x11;
/** Values that BMCs take: they check both ends of a range that they tell of in their capabilities. */
const CORRECTION_MS = 5_000;
const SAMPLING_SECONDS = 1;
const WATTS_MAX = 0xffff;

async function readPowerLimit(endpoint: IpmiEndpoint, signal: AbortSignal): Promise<number | undefined> {
  try {
    return (await endpoint.ask(getPowerLimit, decodePowerLimit, signal)).watts;
  } catch (error) {
    if (error instanceof IpmiCompletionError && error.completion === NO_ACTIVE_LIMIT) return undefined;
    throw error;
  }
}

async function putPowerLimit(endpoint: IpmiEndpoint, watts: number | undefined, signal: AbortSignal): Promise<void> {
  if (watts !== undefined) {
    if (!Number.isInteger(watts) || watts < 1 || watts > WATTS_MAX) throw new RangeError(`${watts} is no limit in watts`);
    const limit = { watts, action: LIMIT_LOGGED, correctionMs: CORRECTION_MS, samplingSeconds: SAMPLING_SECONDS };
    await endpoint.call(setPowerLimit(limit), signal);
  }
  await endpoint.call(activatePowerLimit(watts !== undefined), signal);
}

/** What this BMC does not have stays absent; only real failures are failures. */
const orAbsent = async <Value>(reading: Promise<Value>): Promise<Value | undefined> => {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof IpmiCompletionError && !error.retryable) return undefined;
    if (error instanceof BmcError && error.code === 'protocol') return undefined;
    throw error;
  }
};

async function readIdentity(endpoint: IpmiEndpoint, signal: AbortSignal): Promise<BmcIdentity> {
  const device = await endpoint.ask(getDeviceId, decodeDeviceId, signal);
  const systemUuid = await orAbsent(endpoint.ask(getSystemGuid, decodeSystemGuid, signal));
  const fru = (await orAbsent(readFruInventory(endpoint, signal))) ?? {};
  const serial = fru.serial ?? fru.chassisSerial;
  const manufacturer = fru.manufacturer ?? fru.boardManufacturer;
  const product = fru.product ?? fru.boardProduct;
  return {
    bmcFirmware: device.firmware,
    ...(systemUuid ? { systemUuid } : {}),
    ...(manufacturer ? { manufacturer } : {}),
    ...(product ? { product } : {}),
    ...(serial ? { serial } : {}),
    ...(fru.boardSerial ? { boardSerial: fru.boardSerial } : {}),
    ...(fru.assetTag ? { assetTag: fru.assetTag } : {}),
    ...(fru.powerSupplyWatts?.length ? { powerSupplyWatts: fru.powerSupplyWatts } : {}),
    ...(fru.managementUrl ? { managementUrl: fru.managementUrl } : {}),
  };
}

async function readLan(endpoint: IpmiEndpoint, signal: AbortSignal): Promise<BmcLan> {
  const channel = await endpoint.channel(signal);
  const read = (name: LanParameterName, sizeBytes: number) =>
    endpoint.ask(getLanParameter(channel, name), (data) => decodeLanParameter(data, sizeBytes), signal);
  const ip = async (name: LanParameterName) => ipv4FromNumber((await read(name, 4)).readUInt32BE(0));
  return {
    ipAddress: await ip('ipAddress'),
    netmask: await ip('netmask'),
    gateway: await ip('gateway'),
    mac: macAddressFromBytes(await read('mac', 6)),
    source: decodeIpSource(await read('ipSource', 1)),
  };
}

export function createIpmiConnection(
  address: BmcAddress,
  endpoint: IpmiEndpoint,
  clock: Clock,
  release: () => Promise<void>,
): BmcConnection {
  return {
    ...ipmiUnsupported(address.host),
    ...ipmiFrontPanel(address.host, endpoint),
    ...ipmiTraps(address.host, endpoint, clock),
    ...ipmiNetworkLogin(address.host, endpoint),
    protocol: 'ipmi',
    powerState: (signal) => readPower(endpoint, signal),
    setPower: (action, signal) => setPower(endpoint, action, signal),
    bootSetting: (signal) => readBoot(endpoint, signal),
    setBoot: (setting, signal) => setBoot(endpoint, setting, signal),
    firmwareMode: (signal) => readFirmwareMode(address.host, endpoint, signal),
    setFirmwareMode: (firmwareMode, signal) => setFirmwareMode(endpoint, firmwareMode, signal),
    sensors: (signal) => readSensors(endpoint, signal),
    powerLimit: (signal) => readPowerLimit(endpoint, signal),
    setPowerLimit: (watts, signal) => putPowerLimit(endpoint, watts, signal),
    powerReading: (signal) => readPowerUse(address.host, endpoint, signal),
    hardwareLog: (signal) => readSel(endpoint, signal),
    clearHardwareLog: (signal) => eraseSel(endpoint, clock, signal),
    identity: (signal) => readIdentity(endpoint, signal),
    users: (signal) => listUsers(endpoint, signal),
    putUser: (name, password, signal) => putUser(endpoint, { host: address.host, name, password }, signal),
    lan: (signal) => readLan(endpoint, signal),
    async openConsole(signal, options) {
      const session = await endpoint.openExtraSession(signal);
      try {
        return await openSolConsole({ host: address.host, session, clock, yields: options?.yields === true }, signal);
      } catch (error) {
        await session.close();
        throw error;
      }
    },
    close: release,
  };
}
