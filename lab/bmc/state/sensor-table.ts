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
  raw(bmc: BmcModel): number;
}

const whenOn = (on: number, off: number) => (bmc: BmcModel) => (bmc.machine.powerState() === 'on' ? on : off);
const temperature = { type: 0x01, unit: 1, readingType: 'Temperature', readingUnits: 'Cel', multiplier: 1, exponent: 0 } as const;
const fan = { type: 0x04, unit: 18, readingType: 'Rotational', readingUnits: 'RPM', multiplier: 100, exponent: 0 } as const;
const power = { type: 0x08, unit: 6, readingType: 'Power', readingUnits: 'W', multiplier: 2, exponent: 0 } as const;
const voltage = { type: 0x02, unit: 4, readingType: 'Voltage', readingUnits: 'V', multiplier: 6, exponent: -2 } as const;

export const EMULATED_SENSORS: readonly EmulatedSensor[] = [
  { ...temperature, number: 1, name: 'Inlet Temp', entity: 0x37, upperNonCritical: 42, upperCritical: 47, raw: whenOn(24, 21) },
  { ...temperature, number: 2, name: 'CPU Temp', entity: 0x03, upperNonCritical: 85, upperCritical: 95, raw: whenOn(48, 22) },
  { ...fan, number: 3, name: 'Fan 1', entity: 0x1d, upperNonCritical: 180, upperCritical: 200, raw: whenOn(62, 0) },
  { ...power, number: 4, name: 'Power', entity: 0x0a, upperNonCritical: 220, upperCritical: 240, raw: whenOn(71, 4) },
  { ...voltage, number: 5, name: '12V', entity: 0x14, upperNonCritical: 215, upperCritical: 225, raw: whenOn(200, 0) },
];

/** Two decimals are more than any of them has. */
const rounded = (value: number) => Math.round(value * 100) / 100;
export const toValue = (sensor: EmulatedSensor, raw: number): number => rounded(raw * sensor.multiplier * 10 ** sensor.exponent);
export const wattsOf = (bmc: BmcModel): number => {
  const sensor = EMULATED_SENSORS.find((each) => each.readingType === 'Power')!;
  return toValue(sensor, sensor.raw(bmc));
};
