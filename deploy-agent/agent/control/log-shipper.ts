import type { Clock } from '../../../core/base/clock.ts';
import type { AgentLog } from '../../protocol.ts';

export type LogLevel = AgentLog['lines'][number]['level'];
export type LogLine = (level: LogLevel, text: string) => void;

/** While the control plane is away the newest lines are kept; older ones were on the console. */
const LINES_KEPT_MAX = 1000;
const LINES_PER_CALL_MAX = 200;
const SHIP_INTERVAL_MS = 1000;

/** Prints lines on the console and ships them in batches; a batch that did not arrive is sent again. */
export class LogShipper {
  readonly #clock: Clock;
  readonly #print: (text: string) => void;
  readonly #waiting: AgentLog['lines'][number][] = [];
  #dropped = 0;

  constructor(clock: Clock, print: (text: string) => void) {
    this.#clock = clock;
    this.#print = print;
  }

  readonly log: LogLine = (level, text) => {
    if (level !== 'debug') this.#print(text);
    this.#waiting.push({ atMs: this.#clock.nowMs(), level, text });
    if (this.#waiting.length > LINES_KEPT_MAX) {
      this.#waiting.shift();
      this.#dropped += 1;
    }
  };

  /** `send` answers whether the lines arrived. Runs until the signal says stop. */
  async run(send: (log: AgentLog) => Promise<boolean>, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#clock.sleep(SHIP_INTERVAL_MS, signal).catch(() => {});
      await this.flush(send);
    }
  }

  async flush(send: (log: AgentLog) => Promise<boolean>): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.slice(0, LINES_PER_CALL_MAX);
      const gap =
        this.#dropped > 0 ? [{ atMs: batch[0]!.atMs, level: 'warning' as const, text: `${this.#dropped} older lines were dropped` }] : [];
      if (!(await send({ lines: [...gap, ...batch] }).catch(() => false))) return;
      this.#dropped = 0;
      this.#waiting.splice(0, batch.length);
    }
  }
}
