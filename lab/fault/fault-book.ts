import type { JsonObject } from '../../core/base/json.ts';
import type { Clock } from '../../core/base/clock.ts';
import type { Fault } from './fault.ts';

export interface FaultMoment {
  readonly at: string;
  readonly what: string;
}

/** What a run tells about one fault. */
export interface FaultReport {
  readonly name: string;
  /** How often it happened. */
  readonly injected: number;
  readonly expected: string;
  readonly met: boolean;
  /** Those that have words, the first ones. */
  readonly moments: readonly FaultMoment[];
  /** Why it was not met. */
  readonly problems: readonly string[];
}

/** Counts what happened and what the product fell short of, by fault. */
export interface FaultBook {
  inject(name: string, what?: string): void;
  problem(name: string, text: string): void;
  report(end: { readonly machines: number; readonly goalReached: boolean; readonly rackCounts: JsonObject }): FaultReport[];
}

/** A run of hours must not fill the report. */
const PROBLEMS_KEPT_MAX = 20;
const MOMENTS_KEPT_MAX = 300;

export function createFaultBook(faults: readonly Fault[], clock: Clock): FaultBook {
  const injected = new Map<string, number>();
  const moments = new Map<string, FaultMoment[]>(faults.map(({ name }) => [name, []]));
  const problems = new Map<string, string[]>(faults.map(({ name }) => [name, []]));

  const countedByRack = (fault: Fault, counts: JsonObject): number => {
    const sum = (kind: 'frames' | 'bmc') => {
      const group = (counts[kind] ?? {}) as Record<string, number>;
      return (fault.counters?.[kind] ?? []).reduce((total, name) => total + (group[name] ?? 0), 0);
    };
    return sum('frames') + sum('bmc');
  };
  const problemsOf = (fault: Fault, count: number, end: { machines: number; goalReached: boolean }): string[] => {
    const told = [...problems.get(fault.name)!];
    if (count === 0) told.push('it never came to act in this run');
    else if (fault.mistake && count < end.machines) told.push(`only ${count} of ${end.machines} machines came as far`);
    if (!end.goalReached) told.push('not every machine reached its goal');
    return told;
  };

  return {
    inject(name, what) {
      injected.set(name, (injected.get(name) ?? 0) + 1);
      const kept = moments.get(name);
      if (what !== undefined && kept && kept.length < MOMENTS_KEPT_MAX) kept.push({ at: new Date(clock.nowMs()).toISOString(), what });
    },
    problem(name, text) {
      const told = problems.get(name);
      // The same shortcoming at every try is one.
      if (told && told.length < PROBLEMS_KEPT_MAX && !told.includes(text)) told.push(text);
    },
    report: (end) =>
      faults.map((fault) => {
        const count = (injected.get(fault.name) ?? 0) + countedByRack(fault, end.rackCounts);
        const told = problemsOf(fault, count, end);
        return {
          name: fault.name,
          injected: count,
          expected: fault.expects,
          met: told.length === 0,
          moments: moments.get(fault.name)!,
          problems: told,
        };
      }),
  };
}
