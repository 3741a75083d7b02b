/**
 * From a raw reading to a value (IPMI 2.0 §36.3): y = L[(M·x + B·10^K1)·10^K2], with L one of the functions of table 43-1,
 * byte 24. M, B: 10-bit two's complement; K1 (B exponent), K2 (R exponent): 4-bit.
 */
export interface SensorFactors {
  readonly m: number;
  readonly b: number;
  readonly bExponent: number;
  readonly rExponent: number;
}

const signed = (value: number, bits: number): number => (value >= 1 << (bits - 1) ? value - (1 << bits) : value);

/** 0 M low | 1 M high (bits 7-6), tolerance | 2 B low | 3 B high (7-6), accuracy | 4 accuracy high | 5 K2 (7-4), K1 (3-0) */
export const decodeFactors = (bytes: ArrayLike<number>): SensorFactors => ({
  m: signed(bytes[0]! | ((bytes[1]! & 0xc0) << 2), 10),
  b: signed(bytes[2]! | ((bytes[3]! & 0xc0) << 2), 10),
  bExponent: signed(bytes[5]! & 0x0f, 4),
  rExponent: signed(bytes[5]! >> 4, 4),
});

export const encodeFactors = ({ m, b, bExponent, rExponent }: SensorFactors): Buffer =>
  Buffer.from([m & 0xff, (m >> 2) & 0xc0, b & 0xff, (b >> 2) & 0xc0, 0, ((rExponent & 0x0f) << 4) | (bExponent & 0x0f)]);

const LINEAR: readonly ((x: number) => number)[] = [
  (x) => x,
  Math.log,
  Math.log10,
  Math.log2,
  Math.exp,
  (x) => 10 ** x,
  (x) => 2 ** x,
  (x) => 1 / x,
  (x) => x ** 2,
  (x) => x ** 3,
  Math.sqrt,
  Math.cbrt,
];
/** From here on the factors differ for each reading and are asked for (Get Sensor Reading Factors, §35.5). */
export const NON_LINEAR = 0x70;

/** How a raw byte stands for a number: table 43-1, byte 21, bits 7-6. */
export type AnalogFormat = 'unsigned' | 'ones-complement' | 'twos-complement' | 'none';
export const ANALOG_FORMATS: readonly AnalogFormat[] = ['unsigned', 'ones-complement', 'twos-complement', 'none'];

function toNumber(raw: number, format: AnalogFormat): number {
  if (format === 'twos-complement') return signed(raw, 8);
  if (format === 'ones-complement') return raw >= 0x80 ? -(~raw & 0xff) : raw;
  return raw;
}

const DIGITS = 6;

/** Undefined: no number comes out (a division by zero, a logarithm of nothing), or the sensor is not analog. */
export function toReading(raw: number, format: AnalogFormat, factors: SensorFactors, linearization: number): number | undefined {
  if (format === 'none') return undefined;
  const { m, b, bExponent, rExponent } = factors;
  const linear = (m * toNumber(raw, format) + b * 10 ** bExponent) * 10 ** rExponent;
  const value = (LINEAR[linearization] ?? LINEAR[0]!)(linear);
  return Number.isFinite(value) ? Number(value.toPrecision(DIGITS)) : undefined;
}

const RAW_READINGS = Array.from({ length: 256 }, (_each, raw) => raw);

/** The raw byte whose reading is nearest, by trying all of them; a pair: the lowest and the highest value that the sensor can have. */
export function toRawReading(
  value: number,
  format: AnalogFormat,
  factors: SensorFactors,
  linearization: number,
): number | readonly [lowest: number, highest: number] {
  const readings = RAW_READINGS.flatMap((raw) => {
    const reading = toReading(raw, format, factors, linearization);
    return reading === undefined ? [] : [{ raw, reading }];
  }).sort((a, b) => a.reading - b.reading);
  const [lowest, highest] = [readings[0]?.reading ?? NaN, readings.at(-1)?.reading ?? NaN];
  if (!(value >= lowest && value <= highest)) return [lowest, highest];
  return readings.reduce((best, each) => (Math.abs(each.reading - value) < Math.abs(best.reading - value) ? each : best)).raw;
}

/** Table 43-15: the units that servers have, in UCUM as Redfish writes them. */
const UNITS: Readonly<Record<number, string>> = {
  1: 'Cel',
  2: '[degF]',
  3: 'K',
  4: 'V',
  5: 'A',
  6: 'W',
  7: 'J',
  8: 'C',
  9: 'V.A',
  16: '[ft_i]3/min',
  17: 'L/s',
  18: 'RPM',
  19: 'Hz',
  20: 'us',
  21: 'ms',
  22: 's',
  23: 'min',
  24: 'h',
  68: 'By',
};

/** @param modifier bit 0 of the units byte: a percentage; @param base table 43-15. */
export const unitOf = (modifier: number, base: number): string | undefined => ((modifier & 1) !== 0 ? '%' : UNITS[base]);
