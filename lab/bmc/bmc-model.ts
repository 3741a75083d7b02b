import type { Clock } from '../../core/base/clock.ts';
import type { JsonObject } from '../../core/base/json.ts';
import type { MachineEvent, RecordEvent } from '../../core/base/machine-event.ts';
import { encodeFruRecords } from '../../bmc/ipmi/fru-multi-record-codec.ts';
import { encodeFru } from '../../bmc/ipmi/fru-codec.ts';
import type { DcmiPowerLimit } from '../../bmc/ipmi/dcmi-power-codec.ts';
import { PEF_ACTION } from '../../bmc/ipmi/pef-codec.ts';
import { PRIVILEGE } from '../../bmc/ipmi/session-command-codec.ts';
import { parseIp } from '../../core/base/ip-address.ts';
import type { BmcFaultDice } from './bmc-faults.ts';
import type { TlsIdentity } from '../../core/base/tls-identity.ts';
import { createBootOverride, type BootOverride } from './boot-override.ts';
import { raiseLogEvent, raisePowerEvent, raiseTaskEvent } from './redfish/raise-events.ts';
import { createEventLog, type EventLog } from './event-log.ts';
import type { IpmiOddities } from './ipmi-oddity.ts';
import type { VendorProfile } from './vendor-profile.ts';
import type { MachineBoot, MachineControl } from './machine-control.ts';
import { createBiosState, type BiosState } from './state/bios-state.ts';
import { createEventState, type EventState } from './state/event-state.ts';
import { createFirmwareState, type FirmwareState } from './state/firmware-state.ts';
import { createMediaState, type MediaState } from './state/media-state.ts';
import { createPefState, type PefState } from './state/pef-state.ts';
import { createSecureBootState, type SecureBootState } from './state/secure-boot-state.ts';
import { putReading, type UpperThresholds } from './state/sensor-table.ts';
import { createStorageState, type StorageState } from './state/storage-state.ts';
import { createTaskList, type TaskList } from './state/task-list.ts';
import { createTlsState, type TlsState } from './state/tls-state.ts';
import { createWatchdogState, type WatchdogState } from './state/watchdog-state.ts';

/**
 * The one BMC behind all of its protocols: what IPMI sets, Redfish shows, and the in-band side sees too. It owns accounts,
 * boot override, LAN settings, FRU and event log, and carries out power actions one after another.
 */
export interface EmulatedIdentity {
  readonly uuid: string;
  readonly manufacturer: string;
  readonly product: string;
  readonly serial: string;
  readonly boardSerial?: string;
  readonly assetTag?: string;
  readonly macs?: readonly string[];
  /** The BMC's own NIC. */
  readonly bmcMac?: string;
  /** What its summaries tell; absent: they are not there. */
  readonly threads?: number;
  readonly memoryGib?: number;
}

export interface BmcAccount {
  name: string;
  password: Buffer;
  enabled: boolean;
  /** IPMI privilege level on the LAN channel. */
  privilege: number;
  ipmiMessaging: boolean;
  linkAuthentication: boolean;
  /** Such a user may only make the BMC call back, which a LAN channel cannot. */
  callbackOnly: boolean;
}

export interface BmcLanSettings {
  ipAddress: string;
  netmask: string;
  gateway: string;
  mac: string;
  source: 'static' | 'dhcp';
}

export interface EmulatedPowerLimit extends DcmiPowerLimit {
  readonly isActive: boolean;
}

export type PowerVerb = 'on' | 'off' | 'soft-off' | 'reset' | 'cycle';

export interface BmcModel {
  readonly name: string;
  readonly identity: EmulatedIdentity;
  readonly machine: MachineControl;
  readonly clock: Clock;
  readonly faults: BmcFaultDice;
  readonly oddities: IpmiOddities;
  /** Index is the IPMI user id; 0 does not exist, 1 is the nameless user. */
  readonly accounts: BmcAccount[];
  readonly lan: BmcLanSettings;
  readonly boot: BootOverride;
  readonly eventLog: EventLog;
  readonly fru: Buffer;
  /** Configuration bytes that are only stored and read back, by group and parameter number. */
  readonly parameters: Map<string, Buffer>;
  readonly tasks: TaskList;
  readonly events: EventState;
  readonly pef: PefState;
  /** Raw readings that somebody gave its sensors, by number. */
  readonly readings: Map<number, number>;
  /** What somebody has set in place of the sensor's own, by number. */
  readonly thresholds: Map<number, UpperThresholds>;
  /** The sensor of this name reads this from now on; thresholds that it crosses are in the event log. */
  putReading(sensor: string, raw: number): void;
  /** What its web server shows. */
  readonly tls: TlsState;
  readonly bios: BiosState;
  readonly secureBoot: SecureBootState;
  readonly firmware: FirmwareState;
  readonly storage: StorageState;
  readonly media: MediaState;
  readonly watchdog: WatchdogState;
  /** How the firmware starts systems. */
  firmwareMode: 'bios' | 'uefi';
  /** The machine starts: pending settings take effect, and this is how it boots. */
  nextBoot(): MachineBoot;
  /** How it passes on what controllers behind it answer: in a message of its own, within the answer to Send Message, or not at all. */
  bridgedAnswers: 'follow' | 'within' | 'lost';
  identifyUntilMs: number;
  powerLimit: EmulatedPowerLimit;
  restorePolicy: number;
  restartCause: number;
  /** Starts the action in the background, as a real BMC does; false when the present state forbids it. */
  control(verb: PowerVerb): boolean;
  /** A non-maskable interrupt; false while the machine is off. */
  interrupt(): boolean;
  /** Resolves when every action so far is done. */
  settled(): Promise<void>;
  record(kind: string, message: string, evidence?: JsonObject, severity?: MachineEvent['severity']): void;
  stop(): void;
}

export interface BmcModelSettings {
  readonly name: string;
  readonly address: string;
  readonly username: string;
  readonly password: string;
  readonly identity: EmulatedIdentity;
  readonly machine: MachineControl;
  readonly clock: Clock;
  readonly faults: BmcFaultDice;
  readonly recordEvent?: RecordEvent;
  readonly profile?: VendorProfile;
  readonly tls?: TlsIdentity;
}

export const USER_ID_MAX = 10;
export const FIRST_NAMED_USER = 2;
export const FRU_BYTES = 1024;
/** Table 27-4, bits 2-0 of the action. */
const WATCHDOG_VERBS: Readonly<Record<number, PowerVerb>> = { 1: 'reset', 2: 'off', 3: 'cycle' };
/** The strongest of them is the one that happens (IPMI 2.0 table 17-3). */
const PEF_VERBS = [
  [PEF_ACTION.powerOff, 'off'],
  [PEF_ACTION.powerCycle, 'cycle'],
  [PEF_ACTION.reset, 'reset'],
] as const;
const POWER_CYCLE_PAUSE_MS = 1_000;

const emptyAccount = (): BmcAccount => ({
  name: '',
  password: Buffer.alloc(0),
  enabled: false,
  privilege: PRIVILEGE.none,
  ipmiMessaging: false,
  linkAuthentication: false,
  callbackOnly: false,
});

function accountsWith(username: string, password: string): BmcAccount[] {
  const accounts = Array.from({ length: USER_ID_MAX + 1 }, emptyAccount);
  accounts[FIRST_NAMED_USER] = {
    name: username,
    password: Buffer.from(password, 'latin1'),
    enabled: true,
    privilege: PRIVILEGE.administrator,
    ipmiMessaging: true,
    linkAuthentication: true,
    callbackOnly: false,
  };
  return accounts;
}

/** A locally administered MAC that follows from the BMC's address. */
const macFromAddress = (address: string): string =>
  ['02', 'bc', ...lastOctets(address).map((octet) => octet.toString(16).padStart(2, '0'))].join(':');
const lastOctets = (address: string): number[] => {
  const { value } = parseIp(address) ?? { value: 0n };
  return [24n, 16n, 8n, 0n].map((shift) => Number((value >> shift) & 0xffn));
};

const fruOf = (identity: EmulatedIdentity): Buffer =>
  encodeFru(
    {
      chassisSerial: identity.serial,
      boardManufacturer: identity.manufacturer,
      boardProduct: identity.product,
      boardSerial: identity.boardSerial ?? identity.serial,
      manufacturer: identity.manufacturer,
      product: identity.product,
      serial: identity.serial,
      ...(identity.assetTag ? { assetTag: identity.assetTag } : {}),
    },
    FRU_BYTES,
    encodeFruRecords({ powerSupplyWatts: [800, 800], managementUrl: 'https://bmc.example.com/' }),
  );

function carryOut(model: BmcModel, actions: number): void {
  if (actions & PEF_ACTION.interrupt) model.interrupt();
  const verb = PEF_VERBS.find(([action]) => actions & action)?.[1];
  if (verb) model.control(verb);
}

export function createBmcModel(settings: BmcModelSettings): BmcModel {
  const { machine, clock, identity, faults } = settings;
  const oddities = settings.profile?.ipmi ?? {};
  const boot = createBootOverride(clock, () => faults.happens('bootDeviceLoss'), oddities.uefiDiskIsRemoteMedia);
  const events = createEventState(clock, settings.profile?.events?.subscriptionsMax);
  const eventLog = createEventLog(clock, (entry) => {
    raiseLogEvent(events, entry);
    pef.handle(entry);
  });
  eventLog.offsetSeconds = oddities.clockAheadSeconds ?? 0;
  const parameters = new Map<string, Buffer>();
  const pef = createPefState(clock, parameters, (actions) => carryOut(model, actions));
  const tasks = createTaskList(clock, (task) => raiseTaskEvent(events, task));
  const firmware = createFirmwareState(tasks);
  let queue: Promise<void> = Promise.resolve();

  const record: BmcModel['record'] = (kind, message, evidence, severity = 'info') =>
    settings.recordEvent?.({
      atMs: clock.nowMs(),
      source: 'lab',
      kind,
      severity,
      message,
      machine: { bmcAddress: settings.address },
      ...(evidence ? { evidence } : {}),
    });

  const act = async (verb: PowerVerb) => {
    const lateMs = faults.delayMs('powerDelayMs') + (verb === 'off' ? (oddities.powerOffDelayMs ?? 0) : 0);
    if (lateMs > 0) await clock.sleep(lateMs);
    if (verb === 'on' && machine.powerState() === 'off') return machine.powerOn(model.nextBoot());
    if (verb === 'off') return machine.powerOff();
    if (verb === 'soft-off') return machine.softOff();
    if (verb === 'reset' && machine.powerState() === 'on') return machine.reset(model.nextBoot());
    if (verb === 'cycle') {
      await machine.powerOff();
      await clock.sleep(POWER_CYCLE_PAUSE_MS);
      await machine.powerOn(model.nextBoot());
    }
  };

  const model: BmcModel = {
    name: settings.name,
    identity,
    machine,
    clock,
    faults,
    oddities,
    accounts: accountsWith(settings.username, settings.password),
    lan: {
      // What parameter 3 of the LAN channel has room for.
      ipAddress: parseIp(settings.address)?.version === 6 ? '0.0.0.0' : settings.address,
      netmask: '255.255.255.0',
      gateway: '0.0.0.0',
      mac: identity.bmcMac ?? macFromAddress(settings.address),
      source: 'static',
    },
    boot,
    eventLog,
    fru: fruOf(identity),
    parameters,
    pef,
    readings: new Map(),
    thresholds: new Map(),
    putReading: (sensor, raw) => putReading(model, sensor, raw),
    bridgedAnswers: 'follow',
    identifyUntilMs: 0,
    powerLimit: { watts: 0, action: 0, correctionMs: 0, samplingSeconds: 0, isActive: false },
    restorePolicy: 0,
    restartCause: 0,
    tasks,
    events,
    tls: createTlsState(settings.tls, settings.profile?.keys),
    bios: createBiosState({ serial: identity.serial, version: () => firmware.version('BIOS') }),
    secureBoot: createSecureBootState(machine.hasSecureBoot ?? false),
    firmware,
    storage: createStorageState(machine.disks ?? [], tasks, settings.profile?.volumesAtStart === true),
    media: createMediaState(machine),
    watchdog: createWatchdogState(clock, (action) => {
      const verb = WATCHDOG_VERBS[action];
      record('bmc.watchdog', `${settings.name}: the watchdog ran out`, { action });
      if (verb) model.control(verb);
    }),
    firmwareMode: machine.firmwareMode ?? 'bios',
    nextBoot() {
      firmware.apply();
      model.bios.apply();
      model.secureBoot.apply();
      tasks.machineStarts();
      return boot.take();
    },
    control(verb) {
      if ((verb === 'reset' || verb === 'cycle') && machine.powerState() === 'off') return false;
      boot.touch();
      record('bmc.power', `${settings.name}: power ${verb}`, { verb });
      queue = queue
        .then(() => act(verb))
        .catch((error: unknown) =>
          record('bmc.power-failed', `${settings.name}: power ${verb} failed: ${String(error)}`, { verb }, 'error'),
        );
      return true;
    },
    interrupt() {
      if (machine.powerState() === 'off') return false;
      eventLog.addNmiEvent();
      record('bmc.nmi', `${settings.name}: diagnostic interrupt`);
      queue = queue
        .then(() => machine.injectNmi())
        .catch((error: unknown) => record('bmc.nmi-failed', `${settings.name}: ${String(error)}`, {}, 'error'));
      return true;
    },
    settled: () => queue,
    record,
    stop() {
      unsubscribe();
      model.watchdog.stop();
      pef.stop();
    },
  };
  const unsubscribe = machine.onPowerChange((state) => {
    eventLog.addPowerEvent(state);
    raisePowerEvent(events, state);
    record('bmc.power-state', `${settings.name} is ${state}`, { state });
  });
  return model;
}
