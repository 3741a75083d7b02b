import type { JsonObject } from '../../../core/base/json.ts';
import type { BmcModel } from '../bmc-model.ts';
import { rawOf, EMULATED_SENSORS, thresholdsOf, toRaw, toValue, wattsOf, type EmulatedSensor } from '../state/sensor-table.ts';
import { redfishError } from './redfish-error.ts';
import { CHASSIS_PATH, collection, isObject, NO_CONTENT, resource, type RedfishNoun } from './redfish-shapes.ts';

/** Sensors as a collection, and the same in the older Thermal and Power. */
const SENSORS = `${CHASSIS_PATH}/Sensors`;
export const THERMAL_PATH = `${CHASSIS_PATH}/Thermal`;
export const POWER_PATH = `${CHASSIS_PATH}/Power`;
export const ENVIRONMENT_PATH = `${CHASSIS_PATH}/EnvironmentMetrics`;

function statusOf(bmc: BmcModel, sensor: EmulatedSensor, raw: number): JsonObject {
  const { upperCritical, upperNonCritical } = thresholdsOf(bmc, sensor);
  const health = raw >= upperCritical ? 'Critical' : raw >= upperNonCritical ? 'Warning' : 'OK';
  return { State: 'Enabled', Health: health };
}

const sensorBody = (bmc: BmcModel, sensor: EmulatedSensor): JsonObject => {
  const raw = rawOf(bmc, sensor);
  return resource(`${SENSORS}/${sensor.number}`, 'Sensor.v1_5_0', String(sensor.number), sensor.name, {
    ReadingType: sensor.readingType,
    Reading: toValue(sensor, raw),
    ReadingUnits: sensor.readingUnits,
    Status: statusOf(bmc, sensor, raw),
    Thresholds: {
      UpperCaution: { Reading: toValue(sensor, thresholdsOf(bmc, sensor).upperNonCritical) },
      UpperCritical: { Reading: toValue(sensor, thresholdsOf(bmc, sensor).upperCritical) },
    },
  });
};

/** A row of Thermal or Power; `reading` is what its kind calls the value. */
const rowOf = (bmc: BmcModel, sensor: EmulatedSensor, owner: string, list: string, reading: string): JsonObject => {
  const raw = rawOf(bmc, sensor);
  return {
    '@odata.id': `${owner}#/${list}/${sensor.number}`,
    MemberId: String(sensor.number),
    Name: sensor.name,
    [reading]: toValue(sensor, raw),
    UpperThresholdNonCritical: toValue(sensor, thresholdsOf(bmc, sensor).upperNonCritical),
    UpperThresholdCritical: toValue(sensor, thresholdsOf(bmc, sensor).upperCritical),
    Status: statusOf(bmc, sensor, raw),
  };
};

const ofType = (type: EmulatedSensor['readingType']) => EMULATED_SENSORS.filter((sensor) => sensor.readingType === type);

function putThresholds(bmc: BmcModel, sensor: EmulatedSensor, body: JsonObject) {
  const wanted = body['Thresholds'];
  if (!isObject(wanted) || sensor.isFixed) return redfishError(400, 'The thresholds of this sensor are read-only.');
  const now = thresholdsOf(bmc, sensor);
  const rawAt = (name: string, before: number): number | undefined => {
    const threshold = wanted[name];
    const value = isObject(threshold) ? threshold['Reading'] : undefined;
    return value === undefined ? before : typeof value === 'number' ? toRaw(sensor, value) : undefined;
  };
  const [upperNonCritical, upperCritical] = [rawAt('UpperCaution', now.upperNonCritical), rawAt('UpperCritical', now.upperCritical)];
  const isOther = Object.keys(wanted).some((name) => name !== 'UpperCaution' && name !== 'UpperCritical');
  if (isOther || upperNonCritical === undefined || upperCritical === undefined)
    return redfishError(400, 'A threshold is not one of this sensor, or out of its range.');
  bmc.thresholds.set(sensor.number, { upperNonCritical, upperCritical });
  return NO_CONTENT;
}

/** What the emulated supplies can give. */
const LIMIT_WATTS = { AllowableMin: 50, AllowableMax: 750 } as const;

const environmentBody = (bmc: BmcModel): JsonObject =>
  resource(ENVIRONMENT_PATH, 'EnvironmentMetrics.v1_3_0', 'EnvironmentMetrics', 'Environment', {
    PowerWatts: { Reading: wattsOf(bmc) },
    PowerLimitWatts: {
      ...LIMIT_WATTS,
      SetPoint: bmc.powerLimit.watts,
      ControlMode: bmc.powerLimit.isActive ? 'Automatic' : 'Disabled',
    },
  });

function putLimit(bmc: BmcModel, limit: unknown) {
  const { ControlMode: mode = 'Automatic', SetPoint: watts = bmc.powerLimit.watts } = isObject(limit) ? limit : {};
  const isActive = mode === 'Automatic';
  if (!isActive && mode !== 'Disabled') return redfishError(400, 'ControlMode is Automatic or Disabled.');
  const isAllowed = typeof watts === 'number' && watts >= LIMIT_WATTS.AllowableMin && watts <= LIMIT_WATTS.AllowableMax;
  if (isActive && !isAllowed) return redfishError(400, 'SetPoint is out of range.');
  bmc.powerLimit = { ...bmc.powerLimit, watts: Number(watts), isActive };
  return NO_CONTENT;
}

export const sensorResources: RedfishNoun = {
  find(bmc, path) {
    if (path === SENSORS)
      return collection(
        SENSORS,
        'SensorCollection',
        'Sensors',
        EMULATED_SENSORS.map(({ number }) => `${SENSORS}/${number}`),
      );
    if (path === THERMAL_PATH)
      return resource(THERMAL_PATH, 'Thermal.v1_7_0', 'Thermal', 'Thermal', {
        Temperatures: ofType('Temperature').map((sensor) => rowOf(bmc, sensor, THERMAL_PATH, 'Temperatures', 'ReadingCelsius')),
        Fans: ofType('Rotational').map((sensor) => ({ ...rowOf(bmc, sensor, THERMAL_PATH, 'Fans', 'Reading'), ReadingUnits: 'RPM' })),
      });
    if (path === ENVIRONMENT_PATH) return environmentBody(bmc);
    if (path === POWER_PATH) {
      const watts = wattsOf(bmc);
      return resource(POWER_PATH, 'Power.v1_6_0', 'Power', 'Power', {
        Voltages: ofType('Voltage').map((sensor) => rowOf(bmc, sensor, POWER_PATH, 'Voltages', 'ReadingVolts')),
        PowerControl: [
          {
            '@odata.id': `${POWER_PATH}#/PowerControl/0`,
            MemberId: '0',
            Name: 'System Power',
            PowerConsumedWatts: watts,
            PowerLimit: { LimitInWatts: bmc.powerLimit.isActive ? bmc.powerLimit.watts : null, LimitException: 'LogEventOnly' },
            PowerMetrics: { IntervalInMin: 1, MinConsumedWatts: watts, MaxConsumedWatts: watts, AverageConsumedWatts: watts },
          },
        ],
        PowerSupplies: [],
      });
    }
    const sensor = EMULATED_SENSORS.find(({ number }) => path === `${SENSORS}/${number}`);
    return sensor && sensorBody(bmc, sensor);
  },
  patch(bmc, path, body) {
    const sensor = EMULATED_SENSORS.find(({ number }) => path === `${SENSORS}/${number}`);
    if (sensor) return putThresholds(bmc, sensor, body);
    if (path === ENVIRONMENT_PATH) return putLimit(bmc, body['PowerLimitWatts']);
    if (path !== POWER_PATH) return undefined;
    const [control] = Array.isArray(body['PowerControl']) ? body['PowerControl'] : [];
    const limit = isObject(control) ? control['PowerLimit'] : undefined;
    const watts = isObject(limit) ? limit['LimitInWatts'] : undefined;
    if (watts !== null && (typeof watts !== 'number' || watts < 1)) return redfishError(400, 'LimitInWatts is no number of watts.');
    bmc.powerLimit = { ...bmc.powerLimit, watts: watts ?? 0, isActive: watts !== null };
    return NO_CONTENT;
  },
};
