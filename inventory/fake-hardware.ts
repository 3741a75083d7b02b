import { sql } from 'kysely';
import { systemClock } from '../core/base/clock.ts';
import type { JsonObject } from '../core/base/json.ts';
import { BmcError, type BmcConnection, type BootSetting, type PowerState } from '../bmc/capability.ts';
import { IPMI_ALONE, REDFISH_ALONE, unsupportedCalls } from '../bmc/unsupported-calls.ts';
import { FAKE_DRIVER } from './driver-table.ts';
import type { Db, NodeRecord } from './node-record.ts';

/*
 * The driver `fake-hardware`: a machine that is only its row. Its "BMC" keeps power and boot device under
 * `driver_internal_info/fake`; whatever a ramdisk would do is done when its delay (`driver_info/fake_…_delay`) is over.
 */
export const isFake = (node: { driver: string }): boolean => node.driver === FAKE_DRIVER;

/** Longer than any real machine's firmware; a mistyped delay must not park a node for a week. */
const DELAY_SECONDS_MAX = 3600;

/** `"2"` or `"1,3"` seconds as milliseconds, between the two by `fraction` (0 to 1); undefined when it is neither. */
export function parseDelay(text: unknown, fraction: number): number | undefined {
  if (text === undefined || text === null || text === '') return 0;
  const parts = String(text).split(',').map(Number);
  const [first, last = first] = parts;
  if (parts.length > 2 || parts.some((part) => !(part >= 0 && part <= DELAY_SECONDS_MAX)) || last! < first!) return undefined;
  return (first! + (last! - first!) * fraction) * 1000;
}

export const delayOf = (node: NodeRecord, key: string): number => parseDelay((node.driver_info as JsonObject)[key], Math.random()) ?? 0;

/** Whether its `driver_info` asks for any time to pass. */
export const hasDelay = (node: NodeRecord): boolean => Object.keys(node.driver_info).some((key) => key.endsWith('_delay'));

const NOT_FAKED = {
  putUser: 'users',
  lan: 'network settings of a BMC',
  openConsole: 'serial console',
  firmwareMode: 'boot mode of its own',
  setFirmwareMode: 'boot mode of its own',
  biosAttributes: 'BIOS',
  pendingBios: 'BIOS',
  setBios: 'BIOS',
  resetBios: 'BIOS',
  secureBoot: 'secure boot of its own',
  setSecureBoot: 'secure boot of its own',
  resetSecureBootKeys: 'secure boot of its own',
  secureBootKeys: 'secure boot of its own',
  addSecureBootKey: 'secure boot of its own',
  removeSecureBootKey: 'secure boot of its own',
  virtualMedia: 'virtual media',
  insertMedia: 'virtual media',
  ejectMedia: 'virtual media',
  firmwareInventory: 'firmware',
  updateFirmware: 'firmware',
  storage: 'storage controllers',
  createVolume: 'storage controllers',
  deleteVolume: 'storage controllers',
  ...IPMI_ALONE,
  ...REDFISH_ALONE,
  sensors: 'sensors',
  powerReading: 'sensors',
  powerLimit: 'power limit',
  setPowerLimit: 'power limit',
  hardwareLog: 'event log',
  clearHardwareLog: 'event log',
  indicator: 'indicator of its own',
  setIndicator: 'indicator of its own',
  injectNmi: 'interrupt button',
  watchdog: 'watchdog',
  setWatchdog: 'watchdog',
  setThresholds: 'sensor whose thresholds can be set',
  resetBmc: 'BMC to restart',
} as const;

interface FakeMachine {
  readonly power?: PowerState;
  readonly boot?: BootSetting;
}

export function connectFake(db: Db, node: NodeRecord): BmcConnection {
  const pause = (signal: AbortSignal) => systemClock.sleep(delayOf(node, 'fake_power_delay'), signal);
  let machine = (node.driver_internal_info as { fake?: FakeMachine }).fake ?? {};
  const write = async (change: FakeMachine): Promise<void> => {
    machine = { ...machine, ...change };
    await sql`
      update node set driver_internal_info = jsonb_set(driver_internal_info, '{fake}',
        coalesce(driver_internal_info -> 'fake', '{}') || ${JSON.stringify(change)}::jsonb)
      where uuid = ${node.uuid} and not coalesce(driver_internal_info -> 'fake', '{}') @> ${JSON.stringify(change)}::jsonb`.execute(db);
  };
  const lacking = unsupportedCalls(
    NOT_FAKED,
    (what) => new BmcError('unsupported', `fake hardware has no ${what}`, 'Use a driver of real hardware.'),
  );
  return {
    ...lacking,
    protocol: 'redfish',
    async powerState(signal) {
      await pause(signal);
      return machine.power ?? 'off';
    },
    async setPower(action, signal) {
      await pause(signal);
      await write({ power: action === 'off' || action === 'soft-off' ? 'off' : 'on' });
    },
    bootSetting: async () => machine.boot ?? { device: 'network', persistent: false },
    setBoot: (boot) => write({ boot }),
    identity: async () => ({ manufacturer: 'fake', product: FAKE_DRIVER, serial: node.uuid }),
    users: async () => [],
    close: async () => {},
  };
}
