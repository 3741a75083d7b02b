import type { BmcModel } from '../bmc-model.ts';

/** What the emulated machine's sensors say, over IPMI and Redfish alike. A raw reading is one byte. */
export interface EmulatedSensor {
  readonly number: number;
  readonly name: string;
  /** IPMI 2.0 tables 42-3 and 43-15. */
  readonly type: number;
  readonly unit: number;
  /** Redfish's words. */
  readonly readingType: 'Temperature' | 'Rotational' | 'Voltage' | 'Power';
  readonly readingUnits: string;
  /** Value = (raw * multiplier) * 10^exponent. */
  readonly multiplier: number;
  readonly exponent: number;
  readonly entity: number;
  readonly upperCritical: number;
  readonly upperNonCritical: number;
  /** Its thresholds are as the maker has set them. */
  readonly isFixed?: true;
  whenLeftAlone(bmc: BmcModel): number;
}

const whenOn = (on: number, off: number) => (bmc: BmcModel) => (bmc.machine.powerState() === 'on' ? on : off);
const temperature = { type: 0x01, unit: 1, readingType: 'Temperature', readingUnits: 'Cel', multiplier: 1, exponent: 0 } as const;
const fan = { type: 0x04, unit: 18, readingType: 'Rotational', readingUnits: 'RPM', multiplier: 100, exponent: 0 } as const;
const power = { type: 0x08, unit: 6, readingType: 'Power', readingUnits: 'W', multiplier: 2, exponent: 0 } as const;
const voltage = { type: 0x02, unit: 4, readingType: 'Voltage', readingUnits: 'V', multiplier: 6, exponent: -2 } as const;

export const EMULATED_SENSORS: readonly EmulatedSensor[] = [
  { ...temperature, number: 1, name: 'Inlet Temp', entity: 0x37, upperNonCritical: 42, upperCritical: 47, whenLeftAlone: whenOn(24, 21) },
  { ...temperature, number: 2, name: 'CPU Temp', entity: 0x03, upperNonCritical: 85, upperCritical: 95, whenLeftAlone: whenOn(48, 22) },
  { ...fan, number: 3, name: 'Fan 1', entity: 0x1d, upperNonCritical: 180, upperCritical: 200, whenLeftAlone: whenOn(62, 0) },
  { ...power, number: 4, name: 'Power', entity: 0x0a, upperNonCritical: 220, upperCritical: 240, whenLeftAlone: whenOn(71, 4) },
  {
    ...voltage,
    number: 5,
    name: '12V',
    entity: 0x14,
    upperNonCritical: 215,
    upperCritical: 225,
    isFixed: true,
    whenLeftAlone: whenOn(200, 0),
  },
];

/** A controller of the power supplies, behind the BMC on its bus. */
export const SATELLITE_ADDRESS = 0x72;
export const SATELLITE_SENSOR: EmulatedSensor = {
  ...temperature,
  number: 7,
  name: 'PSU 1 Temp',
  entity: 0x0a,
  upperNonCritical: 60,
  upperCritical: 70,
  isFixed: true,
  whenLeftAlone: whenOn(33, 22),
};

/** Raw readings from which on a sensor is not well. */
export interface UpperThresholds {
  readonly upperNonCritical: number;
  readonly upperCritical: number;
}
export const thresholdsOf = (bmc: BmcModel, sensor: EmulatedSensor): UpperThresholds => bmc.thresholds.get(sensor.number) ?? sensor;

export const rawOf = (bmc: BmcModel, sensor: EmulatedSensor): number => bmc.readings.get(sensor.number) ?? sensor.whenLeftAlone(bmc);

const SYSTEM_EVENT = [2, 0, 0, 0, 0, 0x20, 0, 4] as const;
const THRESHOLD = 0x01;
const DEASSERTED = 0x80;
/** Offsets of table 42-2: upper non-critical and upper critical, going high. */
const UPPER = [
  [7, ({ upperNonCritical }: UpperThresholds) => upperNonCritical],
  [9, ({ upperCritical }: UpperThresholds) => upperCritical],
] as const;

export function putReading(bmc: BmcModel, name: string, raw: number): void {
  const sensor = EMULATED_SENSORS.find((each) => each.name === name)!;
  const before = rawOf(bmc, sensor);
  bmc.readings.set(sensor.number, raw);
  for (const [offset, thresholdOf] of UPPER) {
    const threshold = thresholdOf(thresholdsOf(bmc, sensor));
    if (before >= threshold === raw >= threshold) continue;
    const direction = THRESHOLD | (raw >= threshold ? 0 : DEASSERTED);
    // Data 1 says that the reading and the threshold follow (table 29-6).
    bmc.eventLog.add(Buffer.from([0, 0, ...SYSTEM_EVENT, sensor.type, sensor.number, direction, 0x50 | offset, raw, threshold]));
  }
}

/** Two decimals are more than any of them has. */
const rounded = (value: number) => Math.round(value * 100) / 100;
export const toValue = (sensor: EmulatedSensor, raw: number): number => rounded(raw * sensor.multiplier * 10 ** sensor.exponent);
/** The raw reading nearest to a value; undefined: it has none. */
export function toRaw(sensor: EmulatedSensor, value: number): number | undefined {
  const raw = Math.round(value / (sensor.multiplier * 10 ** sensor.exponent));
  return raw >= 0 && raw <= 0xff ? raw : undefined;
}
export const wattsOf = (bmc: BmcModel): number => {
  const sensor = EMULATED_SENSORS.find((each) => each.readingType === 'Power')!;
  const watts = toValue(sensor, rawOf(bmc, sensor));
  return bmc.powerLimit.isActive ? Math.min(watts, bmc.powerLimit.watts) : watts;
};
