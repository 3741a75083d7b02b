/** Small things of a machine's front: the light by which people find it, and the interrupt button. */
export type IndicatorState = 'off' | 'on' | 'blinking';

export interface Watchdog {
  readonly running: boolean;
  /** What happens at its end. */
  readonly action: 'none' | 'reset' | 'power-off' | 'power-cycle';
  readonly use: string;
  readonly secondsLeft: number;
}

/** Seconds until the action, unless it is set again before. */
export interface WatchdogSetting {
  readonly seconds: number;
  readonly action: Watchdog['action'];
}

export interface FrontPanelCalls {
  indicator(signal: AbortSignal): Promise<IndicatorState>;
  setIndicator(state: IndicatorState, signal: AbortSignal): Promise<void>;
  /** A non-maskable interrupt: the operating system writes its crash dump. */
  injectNmi(signal: AbortSignal): Promise<void>;
  watchdog(signal: AbortSignal): Promise<Watchdog>;
  /** Starts it, from the beginning where it runs; undefined: it is switched off, and nothing happens. */
  setWatchdog(setting: WatchdogSetting | undefined, signal: AbortSignal): Promise<void>;
  /** The BMC starts anew; the machine goes on. */
  resetBmc(signal: AbortSignal): Promise<void>;
}
