import type { Clock } from '../core/base/clock.ts';
import type { JsonObject } from '../core/base/json.ts';
import type { Logger } from '../core/base/logger.ts';
import type { RecordEvent } from '../core/base/machine-event.ts';
import type { Random } from '../core/base/random.ts';
import { createWebSource, type WebSource } from '../core/transfer/web-source.ts';
import { BmcError, type BmcAddress, type BmcConnection, type PowerState } from './capability.ts';
import { createIpmiProvider } from './ipmi/ipmi-provider.ts';
import { startPowerPolling, type PollOptions, type PollTarget, type PowerPolling } from './power-polling.ts';
import { createRedfishProvider } from './redfish/redfish-provider.ts';
import { createLockoutGuard } from './shared/lockout-guard.ts';

/**
 * The way to every BMC. A connection is lazy: nothing is sent before its first call. With several addresses (the same
 * BMC over Redfish and IPMI) each kind of call starts with the provider that worked last for it, and goes on to the
 * next when one cannot do it; an event names which one failed and why.
 */
export interface BmcConnector {
  connect(addresses: readonly BmcAddress[]): BmcConnection;
  pollPower(
    targets: readonly PollTarget[],
    onState: (id: string, state: PowerState | BmcError) => void,
    options: PollOptions,
  ): PowerPolling;
  close(): Promise<void>;
}

export interface BmcConnectorDeps {
  readonly logger: Logger;
  readonly clock: Clock;
  readonly random: Random;
  readonly recordEvent: RecordEvent;
  /** Where firmware is read from that goes to a BMC through us; anywhere by default. */
  readonly web?: WebSource;
  /** In place of the protocols' own clients: how a BMC is reached that no network leads to. */
  readonly connectAddress?: (address: BmcAddress) => BmcConnection;
}

type CallKind = Exclude<keyof BmcConnection, 'protocol' | 'close'>;

interface CallTraits {
  readonly event: string;
  /** False: may have taken effect although its answer was lost, so it is never carried on by another provider. */
  readonly repeatable?: false;
  /** Read so often that its success is of interest only when looking for a fault. */
  readonly quiet?: true;
  /** Its answer goes into the event: what the BMC says of itself may be the fault. */
  readonly tells?: true;
}
const CALLS: Readonly<Record<CallKind, CallTraits>> = {
  powerState: { event: 'bmc.power-state', quiet: true, tells: true },
  setPower: { event: 'bmc.power', repeatable: false },
  bootSetting: { event: 'bmc.boot-setting', tells: true },
  setBoot: { event: 'bmc.boot' },
  firmwareMode: { event: 'bmc.firmware-mode' },
  setFirmwareMode: { event: 'bmc.set-firmware-mode' },
  identity: { event: 'bmc.identity' },
  users: { event: 'bmc.users' },
  putUser: { event: 'bmc.put-user' },
  lan: { event: 'bmc.lan' },
  openConsole: { event: 'bmc.console' },
  graphicalConsole: { event: 'bmc.graphical-console' },
  biosAttributes: { event: 'bmc.bios' },
  pendingBios: { event: 'bmc.pending-bios', quiet: true },
  setBios: { event: 'bmc.set-bios' },
  resetBios: { event: 'bmc.reset-bios' },
  secureBoot: { event: 'bmc.secure-boot' },
  setSecureBoot: { event: 'bmc.set-secure-boot' },
  resetSecureBootKeys: { event: 'bmc.secure-boot-keys' },
  secureBootKeys: { event: 'bmc.secure-boot-keys' },
  addSecureBootKey: { event: 'bmc.add-secure-boot-key', repeatable: false },
  removeSecureBootKey: { event: 'bmc.remove-secure-boot-key' },
  virtualMedia: { event: 'bmc.virtual-media' },
  insertMedia: { event: 'bmc.insert-media' },
  ejectMedia: { event: 'bmc.eject-media' },
  firmwareInventory: { event: 'bmc.firmware' },
  updateFirmware: { event: 'bmc.update-firmware', repeatable: false },
  storage: { event: 'bmc.storage' },
  createVolume: { event: 'bmc.create-volume', repeatable: false },
  deleteVolume: { event: 'bmc.delete-volume', repeatable: false },
  certificate: { event: 'bmc.certificate' },
  requestCertificate: { event: 'bmc.request-certificate' },
  replaceCertificate: { event: 'bmc.replace-certificate', repeatable: false },
  openEvents: { event: 'bmc.events', quiet: true },
  eventSubscriptions: { event: 'bmc.event-subscriptions', quiet: true },
  subscribeEvents: { event: 'bmc.subscribe-events', quiet: true },
  unsubscribeEvents: { event: 'bmc.unsubscribe-events', quiet: true },
  eventFiltering: { event: 'bmc.event-filtering', quiet: true },
  enrollTraps: { event: 'bmc.enroll-traps' },
  withdrawTraps: { event: 'bmc.withdraw-traps' },
  tryTraps: { event: 'bmc.try-traps', repeatable: false },
  acknowledgeTrap: { event: 'bmc.acknowledge-trap', quiet: true },
  taskState: { event: 'bmc.task', quiet: true },
  sensors: { event: 'bmc.sensors' },
  setThresholds: { event: 'bmc.set-thresholds' },
  parts: { event: 'bmc.parts' },
  powerReading: { event: 'bmc.power-reading' },
  powerLimit: { event: 'bmc.power-limit' },
  setPowerLimit: { event: 'bmc.set-power-limit' },
  networkLogin: { event: 'bmc.network-login' },
  setNetworkLogin: { event: 'bmc.set-network-login' },
  hardwareLog: { event: 'bmc.hardware-log' },
  clearHardwareLog: { event: 'bmc.clear-hardware-log' },
  indicator: { event: 'bmc.indicator' },
  setIndicator: { event: 'bmc.set-indicator' },
  injectNmi: { event: 'bmc.nmi', repeatable: false },
  watchdog: { event: 'bmc.watchdog' },
  setWatchdog: { event: 'bmc.set-watchdog' },
  resetBmc: { event: 'bmc.reset', repeatable: false },
};

const toBmcError = (error: unknown, host: string): BmcError =>
  error instanceof BmcError
    ? error
    : new BmcError('protocol', `${host}: ${(error as Error).message}`, 'This is a fault of the BMC or of its client; look at the log.', {
        cause: error,
      });

const secretFree = (value: unknown): value is string | boolean | number =>
  typeof value === 'string' || typeof value === 'boolean' || typeof value === 'number';

/** What may be told of a call's arguments: plain words and settings; a `Secret` prints as nothing. */
function describeArguments(args: readonly unknown[]): JsonObject {
  const [first] = args;
  if (secretFree(first)) return { argument: first };
  if (typeof first !== 'object' || first === null || first instanceof AbortSignal) return {};
  return Object.fromEntries(Object.entries(first).filter((entry): entry is [string, string | boolean | number] => secretFree(entry[1])));
}

/** The plain words of it. */
const describeAnswer = (answer: unknown): JsonObject =>
  secretFree(answer) ? { answer } : answer === undefined ? {} : { answer: describeArguments([answer]) };

export function createBmcConnector(deps: BmcConnectorDeps): BmcConnector {
  const { clock } = deps;
  const guard = createLockoutGuard(clock);
  const ipmi = createIpmiProvider({ ...deps, guard });
  const redfish = createRedfishProvider({ clock, guard, web: deps.web ?? createWebSource([]) });
  const providers = { ipmi, redfish } satisfies Record<BmcAddress['protocol'], { connect(address: BmcAddress): BmcConnection }>;
  const connectAddress = deps.connectAddress ?? ((address) => providers[address.protocol].connect(address));

  const record = (
    address: BmcAddress,
    kind: CallKind,
    startedAtMs: number,
    args: readonly unknown[],
    failure: BmcError | undefined,
    isLast: boolean,
    answer?: unknown,
  ) => {
    const durationMs = clock.nowMs() - startedAtMs;
    const what = `${address.protocol} ${kind} of ${address.host}`;
    deps.recordEvent({
      atMs: clock.nowMs(),
      source: 'bmc',
      kind: CALLS[kind].event,
      severity: failure ? (isLast ? 'error' : 'warning') : CALLS[kind].quiet ? 'debug' : 'info',
      message: failure ? `${what} failed: ${failure.message}` : `${what} took ${Math.round(durationMs)} ms`,
      machine: { bmcAddress: address.host, ...(address.nodeId === undefined ? {} : { nodeId: address.nodeId }) },
      evidence: {
        protocol: address.protocol,
        durationMs,
        outcome: failure?.code ?? 'ok',
        ...describeArguments(args),
        ...(CALLS[kind].tells ? describeAnswer(answer) : {}),
        ...(failure ? { advice: failure.advice } : {}),
      },
    });
  };

  const connect = (addresses: readonly BmcAddress[]): BmcConnection => {
    if (addresses.length === 0) throw new RangeError('a BMC needs at least one address');
    const connections = new Map<number, BmcConnection>();
    const preferred = new Map<CallKind, number>();
    let lastUsed = 0;

    const connectionAt = (index: number): BmcConnection => {
      const known = connections.get(index) ?? connectAddress(addresses[index]!);
      connections.set(index, known);
      return known;
    };

    const call = async <Result>(
      kind: CallKind,
      args: readonly unknown[],
      run: (connection: BmcConnection) => Promise<Result>,
    ): Promise<Result> => {
      const first = preferred.get(kind) ?? 0;
      const order = [first, ...addresses.keys().filter((index) => index !== first)];
      let failure: BmcError | undefined;
      for (const [position, index] of order.entries()) {
        const address = addresses[index]!;
        const startedAtMs = clock.nowMs();
        try {
          const result = await run(connectionAt(index));
          record(address, kind, startedAtMs, args, undefined, true, result);
          preferred.set(kind, index);
          lastUsed = index;
          return result;
        } catch (error) {
          const problem = toBmcError(error, address.host);
          const mayHaveRun = problem.code === 'timeout' && CALLS[kind].repeatable === false;
          const isLast = position === order.length - 1 || mayHaveRun || wasAborted(args);
          record(address, kind, startedAtMs, args, problem, isLast);
          // The first failure is the one to show, unless it only said "not by this way".
          failure = !failure || failure.code === 'unsupported' ? problem : failure;
          if (isLast) break;
        }
      }
      throw failure!;
    };

    type Call = (...args: unknown[]) => Promise<unknown>;
    const calls = Object.fromEntries(
      (Object.keys(CALLS) as CallKind[]).map((kind) => [
        kind,
        (...args: unknown[]) => call(kind, args, (connection) => (connection[kind] as Call)(...args)),
      ]),
    ) as unknown as Pick<BmcConnection, CallKind>;
    return {
      ...calls,
      get protocol() {
        return addresses[lastUsed]!.protocol;
      },
      async close() {
        const open = [...connections.values()];
        connections.clear();
        await Promise.all(open.map((connection) => connection.close()));
      },
    };
  };

  return {
    connect,
    pollPower: (targets, onState, options) => startPowerPolling(targets, onState, options, deps),
    async close() {
      await Promise.all([ipmi.close(), redfish.close()]);
    },
  };
}

const wasAborted = (args: readonly unknown[]): boolean => args.some((each) => each instanceof AbortSignal && each.aborted);
