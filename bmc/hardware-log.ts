/** The BMC's own log of what happened to the hardware (IPMI's System Event Log). */
export interface HardwareLogEntry {
  readonly id: string;
  /** Milliseconds since 1970 by the BMC's clock; undefined when the record carries no time. */
  readonly atMs?: number;
  readonly severity: 'ok' | 'warning' | 'critical';
  readonly message: string;
  readonly sensor?: string;
}

export interface HardwareLogCalls {
  /** Oldest first. */
  hardwareLog(signal: AbortSignal): Promise<readonly HardwareLogEntry[]>;
  clearHardwareLog(signal: AbortSignal): Promise<void>;
}
