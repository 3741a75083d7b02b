import {
  ALERT_STATUS,
  decodeAlertPolicy,
  PEF_ACTION,
  PEF_ENABLED,
  PEF_PARAMETER,
  PEF_TIMER,
  type AlertPolicy,
} from '../../../bmc/ipmi/pef-codec.ts';
import { isMalformed } from '../../../core/base/malformed.ts';
import type { Clock } from '../../../core/base/clock.ts';
import type { EventRecord } from '../event-log.ts';
import { runFilters } from './pef-filter-policy.ts';

/** Platform event filtering at work (IPMI 2.0 §17): entries of the event log run through the filters, and those whom a policy names are told. */
export interface PefAlert {
  readonly destination: number;
  /** As the filter has it; 0 without one. */
  readonly severity: number;
  /** The entry's bytes; undefined: an alert of no event. */
  readonly record: Buffer | undefined;
  readonly string: number;
}

export interface PefState {
  handle(entry: EventRecord): void;
  /** Answers the seconds that are left, or what the timer was told (§30.2). */
  arm(seconds: number): number;
  /** One alert at once, past all filters; false: the one before is still under way. */
  alertNow(alert: PefAlert): boolean;
  /** Of the last one to this destination. */
  status(destination: number): number;
  forgetStatus(destination: number): void;
  readonly lastProcessed: { record: number; byBmc: number };
  /** Whoever can send traps: true when this one was acknowledged, or wanted to be by nobody. */
  send: (alert: PefAlert) => Promise<boolean>;
  /** Whether somebody acknowledges this within the time. */
  acknowledged(acknowledgement: Buffer, waitMs: number): Promise<boolean>;
  acknowledge(acknowledgement: Buffer): void;
  stop(): void;
}

export const FILTERS = 16;
export const POLICIES = 16;
export const DESTINATIONS = 4;
/** Beside string 0, which is not kept. */
export const STRINGS = 4;
export const STRING_BYTES = 64;
const SKIP_IF_REACHED = 1;
const END_IF_REACHED = 2;
const ACKNOWLEDGED = 'acknowledged';
const EVENTS_HELD_MAX = 64;

export const pefKey = (parameter: number, selector?: number): string =>
  selector === undefined ? `pef ${parameter}` : `pef ${parameter} ${selector}`;

export function createPefState(
  clock: Clock,
  parameters: ReadonlyMap<string, Buffer>,
  /** Bits as in `PEF_ACTION`, without the alert. */
  act: (actions: number) => void,
): PefState {
  const table = (parameter: number, count: number): Buffer[] =>
    Array.from({ length: count }, (_each, at) => parameters.get(pefKey(parameter, at + 1)) ?? Buffer.alloc(20));
  const byte = (parameter: number) => parameters.get(pefKey(parameter))?.[0] ?? 0;
  const statuses = new Map<number, number>();
  const awaited = new Map<string, AbortController>();
  let held: EventRecord[] = [];
  let armed: { cancel: AbortController; untilMs: number; told: number } | undefined;
  /** One event after another. */
  let queue: Promise<void> = Promise.resolve();

  const tell = async (policies: readonly AlertPolicy[], severity: number, record: Buffer) => {
    let isReached = false;
    for (const { rule, destination, string } of policies) {
      if (isReached && rule === SKIP_IF_REACHED) continue;
      if (isReached && rule >= END_IF_REACHED) return;
      isReached = await state.send({ destination, severity, record, string });
    }
  };
  const process = ({ id, bytes }: EventRecord) => {
    state.lastProcessed.byBmc = id;
    if ((byte(PEF_PARAMETER.control) & PEF_ENABLED) === 0) return;
    const allowed = byte(PEF_PARAMETER.actions);
    const { actions, alert } = runFilters(table(PEF_PARAMETER.filter, FILTERS), bytes);
    if (actions & allowed & ~PEF_ACTION.alert) act(actions & allowed & ~PEF_ACTION.alert);
    if (alert === undefined || (allowed & PEF_ACTION.alert) === 0) return;
    const policies = table(PEF_PARAMETER.policy, POLICIES)
      .map(decodeAlertPolicy)
      .flatMap((each) => (!isMalformed(each) && each.isEnabled && each.policy === alert.policy ? [each] : []));
    queue = queue.then(() => tell(policies, alert.severity, bytes)).catch(() => undefined);
  };
  const release = () => {
    armed?.cancel.abort();
    armed = undefined;
    for (const entry of held.splice(0)) process(entry);
  };

  const state: PefState = {
    lastProcessed: { record: 0xffff, byBmc: 0xffff },
    send: async () => false,
    handle(entry) {
      if (armed === undefined) return process(entry);
      held = [...held.slice(1 - EVENTS_HELD_MAX), entry];
    },
    arm(seconds) {
      if (seconds === PEF_TIMER.tell) {
        if (armed === undefined) return 0;
        return armed.told === PEF_TIMER.forNow ? PEF_TIMER.forNow : Math.ceil((armed.untilMs - clock.nowMs()) / 1000);
      }
      if (seconds === PEF_TIMER.off) return (release(), 0);
      armed?.cancel.abort();
      const cancel = new AbortController();
      armed = { cancel, untilMs: clock.nowMs() + seconds * 1000, told: seconds };
      if (seconds !== PEF_TIMER.forNow) clock.sleep(seconds * 1000, cancel.signal).then(release, () => undefined);
      return seconds;
    },
    alertNow(alert) {
      if (statuses.get(alert.destination) === ALERT_STATUS.underWay) return false;
      statuses.set(alert.destination, ALERT_STATUS.underWay);
      state.send(alert).then(
        (isReached) => statuses.set(alert.destination, isReached ? ALERT_STATUS.done : ALERT_STATUS.unanswered),
        () => statuses.set(alert.destination, ALERT_STATUS.failed),
      );
      return true;
    },
    status: (destination) => statuses.get(destination) ?? ALERT_STATUS.none,
    forgetStatus: (destination) => void statuses.delete(destination),
    async acknowledged(acknowledgement, waitMs) {
      const key = acknowledgement.toString('hex');
      const arrival = new AbortController();
      awaited.set(key, arrival);
      await clock.sleep(waitMs, arrival.signal).catch(() => undefined);
      awaited.delete(key);
      return arrival.signal.aborted && arrival.signal.reason === ACKNOWLEDGED;
    },
    acknowledge: (acknowledgement) => awaited.get(acknowledgement.toString('hex'))?.abort(ACKNOWLEDGED),
    stop() {
      for (const each of awaited.values()) each.abort();
      armed?.cancel.abort();
      held = [];
    },
  };
  return state;
}
