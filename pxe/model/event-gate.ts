import type { Clock } from '../../core/base/clock.ts';
import type { MachineEvent, RecordEvent } from '../../core/base/machine-event.ts';

/** The same thing about the same machine is told once in this time; strangers can send thousands of packets a second. */
const REPEAT_MS = 10_000;
/** Beyond this many remembered things the oldest is forgotten, and may be told again early. */
const REMEMBERED_MAX = 4096;
/** Repeated events from any sender together, in a second. Above it they are only counted. */
const REPEATED_PER_SECOND_MAX = 100;

/** Lets through events that a hostile or broken sender could repeat without end, at a bounded rate. */
export class EventGate {
  readonly #record: RecordEvent;
  readonly #clock: Clock;
  readonly #toldAtMs = new Map<string, number>();
  #second = 0;
  #inSecond = 0;

  constructor(record: RecordEvent, clock: Clock) {
    this.#record = record;
    this.#clock = clock;
  }

  /** False when the event was held back. */
  record(key: string, event: Omit<MachineEvent, 'atMs'>): boolean {
    const nowMs = this.#clock.nowMs();
    const second = Math.floor(nowMs / 1000);
    if (second !== this.#second) this.#inSecond = 0;
    this.#second = second;
    if (nowMs - (this.#toldAtMs.get(key) ?? -Infinity) < REPEAT_MS || this.#inSecond >= REPEATED_PER_SECOND_MAX) return false;
    this.#inSecond += 1;
    this.#toldAtMs.delete(key);
    this.#toldAtMs.set(key, nowMs);
    if (this.#toldAtMs.size > REMEMBERED_MAX) this.#toldAtMs.delete(this.#toldAtMs.keys().next().value!);
    this.#record({ ...event, atMs: nowMs });
    return true;
  }
}
