import type { Clock } from '../../../core/base/clock.ts';

/** The watchdog timer (IPMI 2.0 §27): Set arms nothing, Reset starts the countdown, and its end does what was set. */
export interface WatchdogState {
  set(data: Buffer): void;
  /** False: never set, so there is nothing to start. */
  restart(): boolean;
  get(): Buffer;
  stop(): void;
}

const TICK_MS = 100;

export function createWatchdogState(clock: Clock, onEnd: (action: number) => void): WatchdogState {
  let setting: Buffer | undefined;
  let endsAtMs: number | undefined;
  let cancel = new AbortController();
  const stop = () => {
    cancel.abort();
    endsAtMs = undefined;
  };
  return {
    set(data) {
      stop();
      setting = Buffer.from(data.subarray(0, 6));
    },
    restart() {
      if (setting === undefined) return false;
      stop();
      const action = setting[1]! & 7;
      const forMs = setting.readUInt16LE(4) * TICK_MS;
      cancel = new AbortController();
      endsAtMs = clock.nowMs() + forMs;
      clock.sleep(forMs, cancel.signal).then(
        () => {
          endsAtMs = undefined;
          onEnd(action);
        },
        () => undefined,
      );
      return true;
    },
    get() {
      const data = Buffer.alloc(8);
      setting?.copy(data, 0, 0, 6);
      data[0] = (data[0]! & 0x87) | (endsAtMs === undefined ? 0 : 0x40);
      const left = endsAtMs === undefined ? (setting?.readUInt16LE(4) ?? 0) : Math.max(0, Math.round((endsAtMs - clock.nowMs()) / TICK_MS));
      data.writeUInt16LE(left, 6);
      return data;
    },
    stop,
  };
}
