import type { JsonObject } from '../../core/base/json.ts';
import { BmcError } from '../capability.ts';
import type { Sensor, SensorCalls, SensorThresholds } from '../sensor.ts';
import { disorderOf } from '../threshold-policy.ts';
import { numberAt, objectAt, objectsAt, optional, pathAt, textAt } from './json-codec.ts';
import { redfishPowerUse } from './power-use.ts';
import type { RedfishTree } from './redfish-tree.ts';

/** Sensors of the chassis: the Sensor collection where there is one, else the older Thermal and Power resources (DSP8010). */
function healthOf(status: JsonObject, value: number | undefined): Sensor['health'] {
  if (textAt(status, 'State') === 'Absent' || value === undefined) return 'absent';
  const health = textAt(status, 'Health');
  return health === 'Critical' ? 'critical' : health === 'Warning' ? 'warning' : 'ok';
}

const THRESHOLDS: readonly (readonly [keyof SensorThresholds, string, string])[] = [
  ['lowerFatal', 'LowerFatal', 'LowerThresholdFatal'],
  ['lowerCritical', 'LowerCritical', 'LowerThresholdCritical'],
  ['lowerCaution', 'LowerCaution', 'LowerThresholdNonCritical'],
  ['upperCaution', 'UpperCaution', 'UpperThresholdNonCritical'],
  ['upperCritical', 'UpperCritical', 'UpperThresholdCritical'],
  ['upperFatal', 'UpperFatal', 'UpperThresholdFatal'],
];

const thresholdsOf = (body: JsonObject): SensorThresholds =>
  Object.assign(
    {},
    ...THRESHOLDS.map(([name, newer, older]) =>
      optional(name, numberAt(objectAt(objectAt(body, 'Thresholds'), newer), 'Reading') ?? numberAt(body, older)),
    ),
  ) as SensorThresholds;

function sensorOf(body: JsonObject, kind: string, unit: string | undefined, reading: string): Sensor {
  const value = numberAt(body, reading);
  return {
    name: textAt(body, 'Name') ?? textAt(body, 'FanName') ?? textAt(body, 'MemberId') ?? '',
    kind,
    ...optional('value', value),
    ...optional('unit', unit),
    health: healthOf(objectAt(body, 'Status'), value),
    thresholds: thresholdsOf(body),
  };
}

const olderSensors = (thermal: JsonObject, power: JsonObject): Sensor[] => [
  ...objectsAt(thermal, 'Temperatures').map((each) => sensorOf(each, 'Temperature', 'Cel', 'ReadingCelsius')),
  ...objectsAt(thermal, 'Fans').map((each) =>
    sensorOf(each, 'Rotational', textAt(each, 'ReadingUnits') === 'Percent' ? '%' : 'RPM', 'Reading'),
  ),
  ...objectsAt(power, 'Voltages').map((each) => sensorOf(each, 'Voltage', 'V', 'ReadingVolts')),
  ...objectsAt(power, 'PowerControl').map((each) => sensorOf(each, 'Power', 'W', 'PowerConsumedWatts')),
];

async function putThresholds(tree: RedfishTree, found: JsonObject, sensor: string, wanted: SensorThresholds, signal: AbortSignal) {
  const before = thresholdsOf(found);
  const named = THRESHOLDS.filter(([name]) => wanted[name] !== undefined);
  const absent = named.find(([name]) => before[name] === undefined);
  if (absent !== undefined) throw tree.missing(`threshold ${absent[0]} of ${sensor}`);
  const refuse = (what: string, advice: string) => new BmcError('refused', `${tree.host}: ${sensor}: ${what}`, advice);
  const disorder = disorderOf({ ...before, ...wanted });
  if (disorder !== undefined) throw refuse(disorder, 'Set both together.');
  const path = textAt(found, '@odata.id')!;
  const body = { Thresholds: Object.fromEntries(named.map(([name, theirs]) => [theirs, { Reading: wanted[name]! }])) };
  await tree.http.patch(path, body, signal);
  const after = thresholdsOf((await tree.http.get(path, signal)) as JsonObject);
  for (const [name] of named)
    if (after[name] !== wanted[name])
      throw refuse(
        `${name} is ${after[name] ?? 'not there'} after it was set to ${wanted[name]}`,
        'Choose a value that the sensor can have.',
      );
  return after;
}

export function redfishSensors(tree: RedfishTree): SensorCalls {
  const optionalResource = async (chassis: JsonObject, key: string, signal: AbortSignal): Promise<JsonObject> =>
    pathAt(chassis, key) === undefined ? {} : tree.follow(chassis, key, signal);
  const ofChassis = async (chassis: JsonObject, signal: AbortSignal): Promise<readonly Sensor[]> => {
    if (pathAt(chassis, 'Sensors') !== undefined)
      return (await tree.members(chassis, 'Sensors', signal)).map((each) =>
        sensorOf(each, textAt(each, 'ReadingType') ?? 'Other', textAt(each, 'ReadingUnits'), 'Reading'),
      );
    return olderSensors(await optionalResource(chassis, 'Thermal', signal), await optionalResource(chassis, 'Power', signal));
  };
  return {
    async sensors(signal) {
      return (await Promise.all((await tree.chassis(signal)).map((chassis) => ofChassis(chassis, signal)))).flat();
    },
    async setThresholds(sensor, thresholds, signal) {
      for (const chassis of await tree.chassis(signal)) {
        if (pathAt(chassis, 'Sensors') === undefined) continue;
        const found = (await tree.members(chassis, 'Sensors', signal)).find((each) => textAt(each, 'Name') === sensor);
        if (found !== undefined) return putThresholds(tree, found, sensor, thresholds, signal);
      }
      throw tree.missing(`sensor ${sensor} whose thresholds can be set`);
    },
    ...redfishPowerUse(tree),
  };
}
