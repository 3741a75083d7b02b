/** What a BMC measures. */
export interface Sensor {
  readonly name: string;
  readonly kind: string;
  /** What it is of: `power supply 1`; absent where the BMC does not say (IPMI only). */
  readonly entity?: string;
  /** Undefined: not readable now (the machine is off, the part absent), or a sensor of states only. */
  readonly value?: number;
  /** `Cel`, `RPM`, `W`, `V`, `A`, `%`: UCUM, as Redfish has it; absent without a unit. */
  readonly unit?: string;
  readonly health: 'ok' | 'warning' | 'critical' | 'absent';
  readonly thresholds: SensorThresholds;
  /** States of a discrete sensor in words. */
  readonly states?: readonly string[];
}

export interface SensorThresholds {
  readonly lowerFatal?: number;
  readonly lowerCritical?: number;
  readonly lowerCaution?: number;
  readonly upperCaution?: number;
  readonly upperCritical?: number;
  readonly upperFatal?: number;
}

/** Electric power of the whole machine, watts. */
export interface PowerReading {
  readonly watts: number;
  readonly minimumWatts?: number;
  readonly maximumWatts?: number;
  readonly averageWatts?: number;
}

export interface SensorCalls {
  sensors(signal: AbortSignal): Promise<readonly Sensor[]>;
  /** Sets those that are named, and answers all of the sensor as the BMC has them then. `unsupported`, `refused`: by name, and nothing is changed. */
  setThresholds(sensor: string, thresholds: SensorThresholds, signal: AbortSignal): Promise<SensorThresholds>;
  powerReading(signal: AbortSignal): Promise<PowerReading>;
  /** Watts that the machine may draw; undefined: there is no limit. */
  powerLimit(signal: AbortSignal): Promise<number | undefined>;
  setPowerLimit(watts: number | undefined, signal: AbortSignal): Promise<void>;
}
