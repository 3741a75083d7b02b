import type { Clock } from '../../core/base/clock.ts';
import { ipv4FromNumber } from '../../core/base/ipv4-address.ts';
import { macAddressFromBytes } from '../../core/base/mac-address.ts';
import { BmcError, type BmcAddress, type BmcConnection, type BmcIdentity, type BmcLan } from '../capability.ts';
import type { PowerReading } from '../sensor.ts';
import {
  activatePowerLimit,
  decodePowerLimit,
  decodePowerReading,
  getPowerLimit,
  getPowerReading,
  NO_ACTIVE_LIMIT,
  setPowerLimit,
} from './dcmi-power-codec.ts';
import { readBoot, readFirmwareMode, setBoot, setFirmwareMode } from './ipmi-boot.ts';
import { readPower, setPower } from './ipmi-power.ts';
import { ipmiFrontPanel } from './ipmi-front-panel.ts';
import { ipmiNetworkLogin } from './ipmi-network-login.ts';
import { ipmiTraps } from './ipmi-traps.ts';
import { ipmiUnsupported } from './ipmi-unsupported.ts';
import { eraseSel, readSel } from './read-sel.ts';
import { setThresholds } from './set-thresholds.ts';
import { readParts, readSensors } from './read-sensors.ts';
import { decodeDeviceId, decodeSystemGuid, getDeviceId, getSystemGuid } from './device-codec.ts';
import { readFruInventory } from './read-fru.ts';
import { IpmiCompletionError, type IpmiEndpoint } from './ipmi-endpoint.ts';
import { decodeIpSource, decodeLanParameter, getLanParameter, type LanParameterName } from './lan-config-codec.ts';
import { listUsers, putUser } from './ipmi-users.ts';
import { openSolConsole } from './sol-console.ts';

/** The capabilities of a BMC over IPMI 2.0. */
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
    setPower: (action, signal) => setPower(endpoint, action, clock, signal),
    bootSetting: (signal) => readBoot(endpoint, signal),
    setBoot: (setting, signal) => setBoot(endpoint, setting, signal),
    firmwareMode: (signal) => readFirmwareMode(address.host, endpoint, signal),
    setFirmwareMode: (firmwareMode, signal) => setFirmwareMode(endpoint, firmwareMode, signal),
    sensors: (signal) => readSensors(endpoint, signal),
    setThresholds: (sensor, thresholds, signal) => setThresholds(address.host, endpoint, sensor, thresholds, signal),
    parts: (signal) => readParts(endpoint, signal),
    powerLimit: (signal) => readPowerLimit(endpoint, signal),
    setPowerLimit: (watts, signal) => putPowerLimit(endpoint, watts, signal),
    powerReading: (signal) => readPowerUse(address.host, endpoint, signal),
    hardwareLog: (signal) => readSel(endpoint, clock, signal),
    clearHardwareLog: (signal) => eraseSel(endpoint, clock, signal),
    identity: (signal) => readIdentity(endpoint, signal),
    users: (signal) => listUsers(endpoint, signal),
    putUser: (name, password, signal) => putUser(endpoint, { host: address.host, name, password }, signal),
    lan: (signal) => readLan(endpoint, signal),
    async openConsole(signal, options) {
      const session = await endpoint.openExtraSession(signal);
      try {
        return await openSolConsole(
          { host: address.host, session, clock, yields: options?.yields === true, channel: await endpoint.channel(signal) },
          signal,
        );
      } catch (error) {
        await session.close();
        throw error;
      }
    },
    close: release,
  };
}
