import { systemClock } from '../../../core/base/clock.ts';
import type { JsonObject } from '../../../core/base/json.ts';
import type { MachineEvent, RecordEvent } from '../../../core/base/machine-event.ts';

/** What BMCs tell by themselves, put into their machines' timelines; of a BMC that tells very much, not all. */
export interface EventTeller {
  say(nodeId: string, kind: string, severity: MachineEvent['severity'], message: string, evidence?: JsonObject): void;
  /** Counts it; false: this one is not kept. */
  mayKeep(nodeId: string): boolean;
  forget(nodeId: string): void;
  readonly counters: { events: number; events_not_kept: number };
}

/** In one timeline; what is more is counted. */
export const EVENTS_A_MINUTE_MAX = 60;
const MINUTE_MS = 60_000;

export function createEventTeller(record: RecordEvent): EventTeller {
  const clock = systemClock;
  const minutes = new Map<string, { since: number; count: number }>();
  const counters = { events: 0, events_not_kept: 0 };
  const say: EventTeller['say'] = (nodeId, kind, severity, message, evidence = {}) =>
    record({ atMs: clock.nowMs(), source: 'bmc', kind, severity, message, machine: { nodeId }, evidence });
  return {
    say,
    mayKeep(nodeId) {
      counters.events += 1;
      const nowMs = clock.nowMs();
      const known = minutes.get(nodeId);
      const minute = known !== undefined && nowMs - known.since < MINUTE_MS ? known : { since: nowMs, count: 0 };
      minutes.set(nodeId, minute);
      minute.count += 1;
      if (minute.count === EVENTS_A_MINUTE_MAX + 1)
        say(nodeId, 'bmc.tells-much', 'warning', `the BMC tells more than ${EVENTS_A_MINUTE_MAX} events a minute; the others are not kept`);
      if (minute.count > EVENTS_A_MINUTE_MAX) counters.events_not_kept += 1;
      return minute.count <= EVENTS_A_MINUTE_MAX;
    },
    forget: (nodeId) => void minutes.delete(nodeId),
    counters,
  };
}

export const severityOf = ({ severity }: { readonly severity: 'ok' | 'warning' | 'critical' }): MachineEvent['severity'] =>
  ({ ok: 'info', warning: 'warning', critical: 'error' } as const)[severity];
