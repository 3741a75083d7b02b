import { BmcError } from '../capability.ts';
import type { SensorThresholds } from '../sensor.ts';
import { disorderOf } from '../threshold-policy.ts';
import type { IpmiEndpoint } from './ipmi-endpoint.ts';
import { isSensorOfBmc, readSdrs, targetOf, thresholdsOf } from './read-sensors.ts';
import type { SensorRecord } from './sdr-record-codec.ts';
import { NON_LINEAR, toRawReading } from './sensor-conversion-codec.ts';
import { setSensorThresholds, THRESHOLD_NAMES } from './sensor-reading-codec.ts';

/** Set Sensor Thresholds, read back and compared. */
const refused = (host: string, what: string, advice: string) => new BmcError('refused', `${host}: ${what}`, advice);

function findSensor(host: string, records: readonly SensorRecord[], name: string): SensorRecord {
  const found = records.find((each) => each.name === name);
  if (found === undefined) throw refused(host, `no sensor is called ${name}`, `There are ${records.map((each) => each.name).join(', ')}.`);
  return found;
}

/** The bytes, or why not. */
function rawThresholds(host: string, record: SensorRecord, wanted: SensorThresholds): (number | undefined)[] {
  const { name, format, factors, linearization, settableThresholds } = record;
  return THRESHOLD_NAMES.map((threshold, bit) => {
    const value = wanted[threshold];
    if (value === undefined) return undefined;
    if (((settableThresholds >> bit) & 1) === 0 || linearization >= NON_LINEAR)
      throw new BmcError('unsupported', `${host}: ${threshold} of ${name} can not be set`, 'Its maker has fixed it, or it has none.');
    const raw = toRawReading(value, format, factors, linearization);
    if (typeof raw !== 'number') throw refused(host, `${name} can be from ${raw[0]} to ${raw[1]}, not ${value}`, 'Choose a value within.');
    return raw;
  });
}

export async function setThresholds(
  host: string,
  endpoint: IpmiEndpoint,
  sensor: string,
  wanted: SensorThresholds,
  signal: AbortSignal,
): Promise<SensorThresholds> {
  const records = (await readSdrs(endpoint, signal)).filter(isSensorOfBmc);
  const record = findSensor(host, records, sensor);
  const raw = rawThresholds(host, record, wanted);
  const before = await thresholdsOf(endpoint, record, record.factors, signal);
  const disorder = disorderOf({ ...before, ...wanted });
  if (disorder !== undefined) throw refused(host, `${sensor}: ${disorder}`, 'Set both together.');
  await endpoint.call(setSensorThresholds(record.number, raw, targetOf(record)), signal);
  const after = await thresholdsOf(endpoint, record, record.factors, signal);
  for (const [at, name] of THRESHOLD_NAMES.entries()) {
    const kept = after[name] === undefined ? undefined : toRawReading(after[name], record.format, record.factors, record.linearization);
    if (raw[at] !== undefined && raw[at] !== kept)
      throw refused(
        host,
        `${name} of ${sensor} is ${after[name] ?? 'not there'} after it was set to ${wanted[name]}`,
        'Look for newer BMC firmware.',
      );
  }
  return after;
}
