import { BmcError, type BmcConnection } from '../../../bmc/capability.ts';
import { eventKey } from '../../../bmc/event-codec.ts';
import type { BmcEvent } from '../../../bmc/event.ts';
import type { Clock } from '../../../core/base/clock.ts';
import type { ToldBy } from '../../../inventory/power-source-service.ts';

/**
 * Keeps one BMC telling: over its stream, or else by posting to us, for as long as it can. What is lost is opened again, with longer and longer pauses; a
 * BMC that has no events is asked again every now and then, since firmware is renewed.
 */
export interface EventLink {
  /** Events that it posted; those that were told already are dropped. */
  accept(events: readonly BmcEvent[]): void;
  stop(): Promise<void>;
}

export interface EventLinkOptions {
  readonly bmc: Pick<BmcConnection, 'openEvents' | 'eventSubscriptions' | 'subscribeEvents' | 'unsubscribeEvents' | 'close'>;
  readonly clock: Clock;
  /** Where it shall post, and what says that a subscription is of this installation; undefined: posts reach us nowhere. */
  readonly push: { readonly destination: string; readonly context: string } | undefined;
  /** Waits until it is this BMC's turn to be connected to. */
  readonly turn: (signal: AbortSignal) => Promise<() => void>;
  /** Undefined: it tells nothing from now on, because of this. */
  readonly onWay: (way: ToldBy | undefined, problem?: BmcError) => void;
  readonly onEvents: (events: readonly BmcEvent[]) => void;
}

export const RETRY_FIRST_MS = 5_000;
export const RETRY_MS_MAX = 5 * 60_000;
/** A stream that lasted this long is opened again without more ado. */
const STEADY_MS = 60_000;
const LACKS_EVENTS_MS = 6 * 3_600_000;
/** A BMC that was reset to factory settings, or gave up on us, has forgotten the subscription. */
const SUBSCRIPTION_CHECK_MS = 10 * 60_000;
const CALL_MS_MAX = 60_000;
/** Told again within as many events: a duplicate. */
const REMEMBERED_MAX = 128;

const asBmcError = (error: unknown): BmcError =>
  error instanceof BmcError ? error : new BmcError('protocol', String(error), 'Look at the log.', { cause: error });

export function startEventLink(options: EventLinkOptions): EventLink {
  const { bmc, clock, push, onWay } = options;
  const stopping = new AbortController();
  const { signal } = stopping;
  const remembered = new Set<string>();
  let way: ToldBy | undefined;
  const become = (next: ToldBy | undefined, problem?: BmcError) => {
    if (next === way && problem === undefined) return;
    way = next;
    onWay(next, problem);
  };
  const accept = (events: readonly BmcEvent[]) => {
    const fresh = events.filter((event) => {
      const key = eventKey(event);
      if (remembered.has(key)) return false;
      remembered.add(key);
      if (remembered.size > REMEMBERED_MAX) remembered.delete(remembered.values().next().value!);
      return true;
    });
    if (fresh.length > 0) options.onEvents(fresh);
  };
  const limited = () => AbortSignal.any([signal, AbortSignal.timeout(CALL_MS_MAX)]);
  const inTurn = async <Result>(work: () => Promise<Result>): Promise<Result> => {
    const leave = await options.turn(signal);
    try {
      return await work();
    } finally {
      leave();
    }
  };

  const followStream = async () => {
    const events = await inTurn(() => bmc.openEvents(signal));
    become('stream');
    for await (const some of events) accept(some);
  };

  /** Ours of former times, whose address may be another's by now, take the place of others. */
  const subscribe = async (target: NonNullable<typeof push>) => {
    const ours = (await bmc.eventSubscriptions(limited())).filter(({ context }) => context === target.context);
    const [kept, ...stale] = ours.toSorted((one) => (one.destination === target.destination ? -1 : 1));
    const isKept = kept?.destination === target.destination;
    for (const { id } of isKept || kept === undefined ? stale : [kept, ...stale]) await bmc.unsubscribeEvents(id, limited());
    if (!isKept) await bmc.subscribeEvents(target, limited());
  };
  const followPosts = async (target: NonNullable<typeof push>) => {
    for (;;) {
      await inTurn(() => subscribe(target));
      become('push');
      await clock.sleep(SUBSCRIPTION_CHECK_MS, signal);
    }
  };
  const follow = async () => {
    try {
      await followStream();
    } catch (error) {
      if (push === undefined || !(error instanceof BmcError) || error.code !== 'unsupported') throw error;
      await followPosts(push);
    }
  };

  const forever = async () => {
    for (let pauseMs = RETRY_FIRST_MS; !signal.aborted;) {
      const startedAtMs = clock.nowMs();
      const problem = await follow().then(() => undefined, asBmcError);
      if (signal.aborted) return;
      become(undefined, problem);
      if (clock.nowMs() - startedAtMs > STEADY_MS) pauseMs = RETRY_FIRST_MS;
      await clock.sleep(problem?.code === 'unsupported' ? LACKS_EVENTS_MS : pauseMs, signal).catch(() => {});
      pauseMs = Math.min(pauseMs * 2, RETRY_MS_MAX);
    }
  };
  const running = forever();
  return {
    accept,
    async stop() {
      stopping.abort();
      await running;
      await bmc.close();
    },
  };
}
