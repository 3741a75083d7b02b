import type { Clock } from '../../core/base/clock.ts';
import type { Logger } from '../../core/base/logger.ts';
import { isMalformed, type Malformed } from '../../core/base/malformed.ts';
import type { Random } from '../../core/base/random.ts';
import { BmcError, type BmcAddress } from '../capability.ts';
import { createGate, type Gate } from '../../core/base/gate.ts';
import type { LockoutGuard } from '../shared/lockout-guard.ts';
import { createRequestBudget } from '../shared/request-budget.ts';
import type { BootPlan } from './boot-options-codec.ts';
import { COMPLETION, completionName } from './completion-code-codec.ts';
import type { IpmiRequest } from './message-codec.ts';
import { openIpmiSession, requestOutside, type SuiteCache } from './open-session.ts';
import type { IpmiSession } from './ipmi-session.ts';
import type { IpmiTransport, Lane } from './ipmi-transport.ts';

/**
 * One BMC as its requests see it: at most one session and one request at a time, a request budget, a session that is
 * reopened when the BMC has forgotten it, and patience with a busy BMC.
 */
export interface IpmiEndpoint {
  readonly memory: BmcMemory;
  /** The answer's data after an `ok` completion code, or a `BmcError`. */
  call(request: IpmiRequest, signal: AbortSignal, options?: CallOptions): Promise<Buffer>;
  /** As `call` with `tolerate`; true: it was done, false: one of these codes came. */
  attempt(request: IpmiRequest, tolerate: readonly number[], signal: AbortSignal, options?: CallOptions): Promise<boolean>;
  /** As `call`, and decodes; bytes that make no sense become a `protocol` error. */
  ask<Answer>(request: IpmiRequest, decode: (data: Buffer) => Answer | Malformed, signal: AbortSignal): Promise<Answer>;
  /** Sent without a session, as only a few commands may be; silence is a `timeout`. */
  callOutside(request: IpmiRequest, signal: AbortSignal): Promise<void>;
  /** The LAN channel that the BMC is reached on. */
  channel(signal: AbortSignal): Promise<number>;
  /** A session of its own, for a console. */
  openExtraSession(signal: AbortSignal): Promise<IpmiSession>;
  closeIfIdle(idleMs: number): void;
  close(): Promise<void>;
}

/** What this process knows of a BMC, whoever logs in. */
export interface BmcMemory {
  manufacturerId?: number;
  /** Boot flags that it does not keep by itself. */
  boot?: BootPlan;
}

export interface CallOptions {
  /** False: never sent again in a new session, since the first may have been carried out. Default true. */
  readonly repeatable?: boolean;
  /** Completion codes besides `ok` that count as done: an empty answer. */
  readonly tolerate?: readonly number[];
}

export interface EndpointDeps {
  readonly transport: IpmiTransport;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly guard: LockoutGuard;
  /** Shared by all BMCs: handshakes in flight. */
  readonly handshakes: Gate;
  readonly suites: SuiteCache;
  /** By host and port. */
  readonly memories: Map<string, BmcMemory>;
}

/** Waits after each transmission: a BMC answers within 50 ms, a busy one within a second or two. */
export const REQUEST_WAITS_MS: readonly number[] = [500, 1000, 1500, 2500];
const BUSY_TRIES_MAX = 6;
const BUSY_PAUSE_MS = 400;
const BUSY_CODES: readonly number[] = [
  COMPLETION.busy,
  COMPLETION.timeout,
  COMPLETION.sdrUpdating,
  COMPLETION.firmwareUpdating,
  COMPLETION.initializing,
];
const UNSUPPORTED_CODES: readonly number[] = [COMPLETION.invalidCommand, COMPLETION.invalidForLun, COMPLETION.disabled];

export class IpmiCompletionError extends BmcError {
  readonly completion: number;
  constructor(host: string, request: IpmiRequest, completion: number) {
    const code = BUSY_CODES.includes(completion) ? 'busy' : UNSUPPORTED_CODES.includes(completion) ? 'unsupported' : 'refused';
    const what = `netFn 0x${request.netFn.toString(16)} command 0x${request.command.toString(16)}`;
    const advice =
      completion === COMPLETION.insufficientPrivilege
        ? 'Give the BMC user administrator rights on the LAN channel.'
        : 'Try another provider (Redfish), or look for newer BMC firmware.';
    super(code, `${host}: ${what}: ${completionName(completion)}`, code === 'busy' ? 'Try again in some seconds.' : advice);
    this.completion = completion;
  }
}

export function createIpmiEndpoint(address: BmcAddress, deps: EndpointDeps): IpmiEndpoint {
  const oneAtATime = createGate(1);
  const budget = createRequestBudget(deps.clock);
  const port = address.port ?? 623;
  const memory = deps.memories.get(`${address.host} ${port}`) ?? {};
  deps.memories.set(`${address.host} ${port}`, memory);
  let lane: Lane | undefined;
  let session: IpmiSession | undefined;
  let lanChannel: number | undefined;
  let users = 0;

  const openLane = () =>
    deps.transport.openLane(address.host, port).catch((cause: unknown) => {
      throw new BmcError('unreachable', `${address.host}: ${(cause as Error).message}`, 'Check the BMC address and the name service.', {
        cause,
      });
    });

  const openSession = async (signal: AbortSignal): Promise<IpmiSession> => {
    lane ??= await openLane();
    const opened = await openIpmiSession(lane, address, deps, signal);
    lanChannel = opened.channel;
    return opened.session;
  };

  const dropSession = () => {
    const gone = session;
    session = undefined;
    void gone?.close();
  };

  const send = async (request: IpmiRequest, signal: AbortSignal, repeatable: boolean): Promise<Buffer> => {
    const fresh = session === undefined;
    session ??= await openSession(signal);
    await budget.take(signal);
    const answer = await session.request(request, REQUEST_WAITS_MS, signal);
    if (answer) return answer;
    // Whoever is behind the BMC may be silent for reasons of its own.
    if (request.target !== undefined)
      throw new BmcError(
        'timeout',
        `${address.host}: controller 0x${request.target.address.toString(16)} behind the BMC does not answer`,
        'Look whether the part is there.',
      );
    // Silence inside a session: the BMC restarted or dropped us. Once more in a new session, if that cannot do harm.
    dropSession();
    if (!fresh && repeatable) return send(request, signal, false);
    throw new BmcError(
      'timeout',
      `${address.host}: no answer to a request`,
      'The BMC may be restarting; read the state again before repeating the action.',
    );
  };

  const callOnce = async (request: IpmiRequest, signal: AbortSignal, options: CallOptions): Promise<Buffer> => {
    for (let tries = 1; ; tries++) {
      const answer = await send(request, signal, options.repeatable !== false);
      const completion = answer[0]!;
      if (completion === COMPLETION.ok) return answer.subarray(1);
      if (options.tolerate?.includes(completion)) return Buffer.alloc(0);
      if (!BUSY_CODES.includes(completion) || tries >= BUSY_TRIES_MAX) throw new IpmiCompletionError(address.host, request, completion);
      await deps.clock.sleep(BUSY_PAUSE_MS, signal);
    }
  };

  const asTimeout =
    (signal: AbortSignal) =>
    (error: unknown): never => {
      if (error instanceof BmcError || !signal.aborted) throw error;
      throw new BmcError('timeout', `${address.host}: no answer within the time allowed`, 'Check the BMC network, or allow more time.', {
        cause: error,
      });
    };

  const exclusively = async <Result>(signal: AbortSignal, work: () => Promise<Result>): Promise<Result> => {
    users += 1;
    try {
      const leave = await oneAtATime.enter(signal);
      try {
        return await work();
      } finally {
        leave();
      }
    } catch (error) {
      return asTimeout(signal)(error);
    } finally {
      users -= 1;
    }
  };

  const endpoint: IpmiEndpoint = {
    memory,
    async attempt(request, tolerate, signal, options) {
      try {
        await endpoint.call(request, signal, options);
        return true;
      } catch (error) {
        if (error instanceof IpmiCompletionError && tolerate.includes(error.completion)) return false;
        throw error;
      }
    },
    call: (request, signal, options = {}) => exclusively(signal, () => callOnce(request, signal, options)),
    async ask(request, decode, signal) {
      const answer = decode(await endpoint.call(request, signal));
      if (isMalformed(answer))
        throw new BmcError(
          'protocol',
          `${address.host}: ${answer.reason}`,
          'The BMC breaks the IPMI specification; try Redfish, or newer firmware.',
        );
      return answer;
    },
    async callOutside(request, signal) {
      lane ??= await openLane();
      const answer = await requestOutside(lane, request, (data) => data, deps, signal).catch(asTimeout(signal));
      if (answer === undefined) throw new BmcError('timeout', `${address.host}: no answer outside a session`, 'It is asked again.');
      if (answer[0] !== COMPLETION.ok) throw new IpmiCompletionError(address.host, request, answer[0]!);
    },
    channel: (signal) =>
      exclusively(signal, async () => {
        session ??= await openSession(signal);
        return lanChannel ?? 1;
      }),
    async openExtraSession(signal) {
      // A lane of its own: a console outlives the connection that it was opened through.
      const opened = await openIpmiSession(await openLane(), address, deps, signal).catch(asTimeout(signal));
      return opened.session;
    },
    closeIfIdle(idleMs) {
      if (session && users === 0 && deps.clock.nowMs() - session.lastUsedMs > idleMs) dropSession();
    },
    async close() {
      const gone = session;
      session = undefined;
      await gone?.close();
      lane?.close();
      lane = undefined;
    },
  };
  return endpoint;
}
