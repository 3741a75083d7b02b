import type { InventoryDisk } from '../../protocol.ts';

/**
 * Health as devices tell it.
 *   NVMe health log (NVMe 2.0, 5.16.1.3): critical warnings u8@0, temperature in kelvin u16@1, power-on hours u128@128
 *   ATA SMART data (ACS-4, 7.48): 30 attributes of 12 bytes from 2: id, flags u16, value, worst, raw 6 bytes
 */
export type Smart = NonNullable<InventoryDisk['smart']>;

const ZERO_CELSIUS_IN_KELVIN = 273;
const ATTRIBUTE_POWER_ON_HOURS = 9;
const ATTRIBUTE_TEMPERATURE = 194;
/** Health logs of some devices carry nonsense here; no disk has run for a century. */
const POWER_ON_HOURS_MAX = 876_000;

const plausibleHours = (hours: number) => (hours > 0 && hours < POWER_ON_HOURS_MAX ? { powerOnHours: hours } : {});
const plausibleTemperature = (celsius: number) => (celsius > -40 && celsius < 150 ? { temperatureCelsius: celsius } : {});

export function decodeNvmeHealth(log: Buffer): Smart | undefined {
  if (log.length < 512) return undefined;
  return {
    healthy: log[0] === 0,
    ...plausibleTemperature(log.readUInt16LE(1) - ZERO_CELSIUS_IN_KELVIN),
    ...plausibleHours(Number(log.readBigUInt64LE(128))),
  };
}

/** `isFailing` is what SMART RETURN STATUS said. */
export function decodeAtaSmart(data: Buffer, isFailing: boolean): Smart | undefined {
  if (data.length < 512) return undefined;
  const raw = new Map<number, Buffer>();
  for (let at = 2; at < 2 + 30 * 12; at += 12) if (data[at] !== 0) raw.set(data[at]!, data.subarray(at + 5, at + 11));
  const hours = raw.get(ATTRIBUTE_POWER_ON_HOURS)?.readUInt32LE(0) ?? 0;
  const temperature = raw.get(ATTRIBUTE_TEMPERATURE)?.readUInt8(0);
  return { healthy: !isFailing, ...(temperature === undefined ? {} : plausibleTemperature(temperature)), ...plausibleHours(hours) };
}
