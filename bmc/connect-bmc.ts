import type { Duplex } from 'node:stream';
import type { Clock } from '../core/base/clock.ts';
import type { JsonObject } from '../core/base/json.ts';
import type { Logger } from '../core/base/logger.ts';
import type { RecordEvent } from '../core/base/machine-event.ts';
import type { Random } from '../core/base/random.ts';
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
}

type CallKind = Exclude<keyof BmcConnection, 'protocol' | 'close'>;

const EVENT_KINDS: Readonly<Record<CallKind, string>> = {
  powerState: 'bmc.power-state',
  setPower: 'bmc.power',
  bootSetting: 'bmc.boot-setting',
  setBoot: 'bmc.boot',
  identity: 'bmc.identity',
  users: 'bmc.users',
  putUser: 'bmc.put-user',
  lan: 'bmc.lan',
  openConsole: 'bmc.console',
};

/** Calls that may have taken effect although their answer was lost: never carried on by another provider. */
const NOT_REPEATABLE: ReadonlySet<CallKind> = new Set(['setPower']);

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

export function createBmcConnector(deps: BmcConnectorDeps): BmcConnector {
  const { clock } = deps;
  const guard = createLockoutGuard(clock);
  const ipmi = createIpmiProvider({ ...deps, guard });
  const redfish = createRedfishProvider({ clock, guard });
  const providers = { ipmi, redfish } satisfies Record<BmcAddress['protocol'], { connect(address: BmcAddress): BmcConnection }>;

  const record = (
    address: BmcAddress,
    kind: CallKind,
    startedAtMs: number,
    args: readonly unknown[],
    failure: BmcError | undefined,
    isLast: boolean,
  ) => {
    const durationMs = clock.nowMs() - startedAtMs;
    const what = `${address.protocol} ${kind} of ${address.host}`;
    deps.recordEvent({
      atMs: clock.nowMs(),
      source: 'bmc',
      kind: EVENT_KINDS[kind],
      severity: failure ? (isLast ? 'error' : 'warning') : kind === 'powerState' ? 'debug' : 'info',
      message: failure ? `${what} failed: ${failure.message}` : `${what} took ${Math.round(durationMs)} ms`,
      machine: { bmcAddress: address.host },
      evidence: {
        protocol: address.protocol,
        durationMs,
        outcome: failure?.code ?? 'ok',
        ...describeArguments(args),
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
      const known = connections.get(index) ?? providers[addresses[index]!.protocol].connect(addresses[index]!);
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
          record(address, kind, startedAtMs, args, undefined, true);
          preferred.set(kind, index);
          lastUsed = index;
          return result;
        } catch (error) {
          const problem = toBmcError(error, address.host);
          const mayHaveRun = problem.code === 'timeout' && NOT_REPEATABLE.has(kind);
          const isLast = position === order.length - 1 || mayHaveRun || wasAborted(args);
          record(address, kind, startedAtMs, args, problem, isLast);
          // The first failure is the one to show, unless it only said "not by this way".
          failure = !failure || failure.code === 'unsupported' ? problem : failure;
          if (isLast) break;
        }
      }
      throw failure!;
    };

    return {
      get protocol() {
        return addresses[lastUsed]!.protocol;
      },
      powerState: (signal) => call('powerState', [signal], (c) => c.powerState(signal)),
      setPower: (action, signal) => call('setPower', [action, signal], (c) => c.setPower(action, signal)),
      bootSetting: (signal) => call('bootSetting', [signal], (c) => c.bootSetting(signal)),
      setBoot: (setting, signal) => call('setBoot', [setting, signal], (c) => c.setBoot(setting, signal)),
      identity: (signal) => call('identity', [signal], (c) => c.identity(signal)),
      users: (signal) => call('users', [signal], (c) => c.users(signal)),
      putUser: (name, password, signal) => call('putUser', [name, signal], (c) => c.putUser(name, password, signal)),
      lan: (signal) => call('lan', [signal], (c) => c.lan(signal)),
      openConsole: (signal): Promise<Duplex> => call('openConsole', [signal], (c) => c.openConsole(signal)),
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
