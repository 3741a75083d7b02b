import type { JsonObject } from '../../core/base/json.ts';
import { BmcError } from '../capability.ts';
import type { SensorCalls } from '../sensor.ts';
import { numberAt, objectAt, objectsAt, optional, pathAt, textAt } from './json-codec.ts';
import type { RedfishTree } from './redfish-tree.ts';

/**
 * What the machine draws and may draw: PowerControl of the older Power resource where a chassis has that, else EnvironmentMetrics, which took its
 * place (DSP2046: PowerWatts, PowerLimitWatts).
 */
interface PowerUse {
  readonly path: string;
  readonly from: 'control' | 'metrics';
  readonly body: JsonObject;
}

export function redfishPowerUse(tree: RedfishTree): Pick<SensorCalls, 'powerReading' | 'powerLimit' | 'setPowerLimit'> {
  /** Of the first chassis that has `property` of either kind. */
  const find = async (names: { control: string; metrics: string }, what: string, signal: AbortSignal): Promise<PowerUse> => {
    for (const chassis of await tree.chassis(signal)) {
      const [power, environment] = [pathAt(chassis, 'Power'), pathAt(chassis, 'EnvironmentMetrics')];
      const [control] = power === undefined ? [] : objectsAt(await tree.http.get(power, signal), 'PowerControl');
      if (control?.[names.control] !== undefined) return { path: power!, from: 'control', body: control };
      const metrics = environment === undefined ? {} : await tree.http.get(environment, signal);
      if (metrics[names.metrics] !== undefined) return { path: environment!, from: 'metrics', body: metrics };
    }
    throw tree.missing(what);
  };
  const findLimit = (signal: AbortSignal) => find({ control: 'PowerLimit', metrics: 'PowerLimitWatts' }, 'power limit', signal);
  return {
    async powerReading(signal) {
      const { from, body } = await find({ control: 'PowerConsumedWatts', metrics: 'PowerWatts' }, 'power reading', signal);
      const watts = from === 'control' ? numberAt(body, 'PowerConsumedWatts') : numberAt(objectAt(body, 'PowerWatts'), 'Reading');
      if (watts === undefined) throw tree.missing('power reading');
      const metrics = objectAt(body, 'PowerMetrics');
      return {
        watts,
        ...optional('minimumWatts', numberAt(metrics, 'MinConsumedWatts')),
        ...optional('maximumWatts', numberAt(metrics, 'MaxConsumedWatts')),
        ...optional('averageWatts', numberAt(metrics, 'AverageConsumedWatts')),
      };
    },
    async powerLimit(signal) {
      const { from, body } = await findLimit(signal);
      if (from === 'control') return numberAt(objectAt(body, 'PowerLimit'), 'LimitInWatts');
      const limit = objectAt(body, 'PowerLimitWatts');
      return textAt(limit, 'ControlMode') === 'Disabled' ? undefined : numberAt(limit, 'SetPoint');
    },
    async setPowerLimit(watts, signal) {
      const { path, from, body } = await findLimit(signal);
      if (from === 'metrics') requireAllowed(tree.host, objectAt(body, 'PowerLimitWatts'), watts);
      const change: JsonObject =
        from === 'control'
          ? { PowerControl: [{ PowerLimit: { LimitInWatts: watts ?? null } }] }
          : { PowerLimitWatts: watts === undefined ? { ControlMode: 'Disabled' } : { ControlMode: 'Automatic', SetPoint: watts } };
      await tree.http.patch(path, change, signal);
    },
  };
}

/** The range is told: a BMC's own refusal tells none. @throws BmcError `refused` */
function requireAllowed(host: string, limit: JsonObject, watts: number | undefined): void {
  const [least, most] = [numberAt(limit, 'AllowableMin') ?? 1, numberAt(limit, 'AllowableMax') ?? Infinity];
  if (watts === undefined || (watts >= least && watts <= most)) return;
  const range = most === Infinity ? `from ${least} W on` : `from ${least} to ${most} W`;
  throw new BmcError('refused', `${host}: ${watts} W is no limit that this machine can keep`, `Choose one ${range}.`);
}
