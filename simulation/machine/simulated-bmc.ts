import { BmcError, type BmcAddress, type BmcConnection } from '../../bmc/capability.ts';
import { IPMI_ALONE, REDFISH_ALONE, unsupportedCalls } from '../../bmc/unsupported-calls.ts';
import { between, isTroubled, meets, whole, type World } from '../world/world.ts';
import type { Machine } from './machine.ts';

/*
 * A machine's BMC behind the driver's door: what a call to it costs, answers and does. Its errors are those that the protocols' clients
 * give for the same cause.
 */

/** What a BMC takes for an answer, with its session. */
const ANSWER_MS = [30, 400] as const;
const SLOW_ANSWER_MS = [4_000, 12_000] as const;
/** What the clients wait before they call a request lost. */
const GIVE_UP_MS = [8_000, 20_000] as const;
const POWER_LIE_MS = [3_000, 40_000] as const;
/** A machine that obeys at once takes this long to be off. */
const POWER_MS = [200, 2_500] as const;

const NOT_THERE = {
  firmwareMode: 'boot mode',
  setFirmwareMode: 'boot mode',
  users: 'list of users',
  putUser: 'users',
  lan: 'network settings',
  openConsole: 'console',
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
  firmwareInventory: 'firmware',
  updateFirmware: 'firmware',
  storage: 'storage',
  createVolume: 'storage',
  deleteVolume: 'storage',
  ...IPMI_ALONE,
  ...REDFISH_ALONE,
  sensors: 'sensors',
  powerReading: 'sensors',
  powerLimit: 'power limit',
  setPowerLimit: 'power limit',
  hardwareLog: 'log',
  clearHardwareLog: 'log',
  indicator: 'light',
  setIndicator: 'light',
  injectNmi: 'interrupt',
  watchdog: 'watchdog',
  setWatchdog: 'watchdog',
  setThresholds: 'threshold to set',
  resetBmc: 'restart',
} as const;

export function connectSimulatedBmc(world: World, machine: Machine, address: BmcAddress): BmcConnection {
  const { random, time } = world;
  const clock = time.clockOf(machine.life);
  const { host } = address;
  const wait = ([from, to]: readonly [number, number], signal: AbortSignal) => clock.sleep(whole(random, from, to), signal);
  const allowed = <Value>(work: Promise<Value>, signal: AbortSignal): Promise<Value> =>
    work.catch((error: unknown) => {
      if (!signal.aborted) throw error;
      throw new BmcError('timeout', `${host}: no answer within the time allowed`, 'Check the BMC network, or allow more time.');
    });

  const admit = async (signal: AbortSignal): Promise<void> => {
    if (meets(world, 'bmc-unreachable')) {
      await wait(GIVE_UP_MS, signal);
      throw new BmcError(
        'unreachable',
        `${host} does not answer IPMI on UDP port 623`,
        'Check power, cable and address of the BMC, and that IPMI over LAN is enabled on it.',
      );
    }
    if (meets(world, 'bmc-session-limit', 0.7)) {
      await wait(ANSWER_MS, signal);
      throw new BmcError(
        'busy',
        `${host}: insufficient resources to create a session`,
        'All sessions of the BMC are taken; they end by themselves after a minute.',
      );
    }
    if (meets(world, 'wrong-bmc-password') || address.password.reveal() !== machine.bmcUser.password) {
      await wait(ANSWER_MS, signal);
      throw new BmcError(
        'auth',
        `${host}: the BMC refused user ${address.username}`,
        'Correct the user name or password; the user must be enabled for IPMI over LAN.',
      );
    }
    await wait(meets(world, 'bmc-slow') ? SLOW_ANSWER_MS : ANSWER_MS, signal);
    if (meets(world, 'bmc-vendor-odd', 0.5))
      throw new BmcError(
        'protocol',
        `${host}: answer of 3 bytes is too short for Get Chassis Status`,
        'The BMC breaks the IPMI specification; try Redfish, or newer firmware.',
      );
  };

  /** A call: a request or its answer may be lost, so what it does may be done although it failed. */
  const call = <Value>(signal: AbortSignal, effect: () => Value): Promise<Value> =>
    allowed(
      (async () => {
        await admit(signal);
        const isLost = meets(world, 'bmc-drops-packets', 0.35);
        if (isLost && random.unit() < 0.5) return lose(signal);
        const value = effect();
        if (isLost) return lose(signal);
        return value;
      })(),
      signal,
    );
  const lose = async (signal: AbortSignal): Promise<never> => {
    await wait(GIVE_UP_MS, signal);
    throw new BmcError(
      'timeout',
      `${host}: no answer to a request`,
      'The BMC may be restarting; read the state again before repeating the action.',
    );
  };

  const obey = (action: string) => {
    if (isTroubled(world, 'bmc-ignores-power')) return void meets(world, 'bmc-ignores-power');
    const [from, to] = meets(world, 'bmc-power-lies') ? POWER_LIE_MS : POWER_MS;
    // A later command is carried out after an earlier one.
    machine.commands = machine.commands
      .then(() => clock.sleep(between(random, from, to)))
      .then(() => {
        if (action !== 'on') machine.switchOff();
        if (action !== 'off' && action !== 'soft-off') machine.switchOn();
      });
  };

  return {
    ...unsupportedCalls(NOT_THERE, (what) => new BmcError('unsupported', `${host}: this BMC has no ${what}`, 'Try newer BMC firmware.')),
    protocol: address.protocol,
    powerState: (signal) => call(signal, () => machine.power),
    setPower: (action, signal) => call(signal, () => obey(action)),
    bootSetting: (signal) =>
      call(signal, () => ({ device: (machine.override?.device ?? 'none') as 'none', persistent: machine.override?.persistent ?? false })),
    setBoot: (setting, signal) =>
      call(signal, () => {
        if (!meets(world, 'bmc-forgets-boot-device')) machine.override = setting;
      }),
    identity: (signal) => call(signal, () => ({ manufacturer: 'Simulated', product: machine.name, serial: machine.disk.serial })),
    close: async () => {},
  };
}
