import { BmcError } from '../../bmc/capability.ts';
import type { Sensor } from '../../bmc/sensor.ts';
import { noContent, ok, type BaremetalRoute, type Call } from './baremetal-route.ts';
import { withRealBmc } from './node-bmc.ts';

/** Ours, not Ironic's: what the BMC measures now, and its log of the hardware. Asked of the BMC in the call, not stored. */
/** Over IPMI every sensor is some requests of its own. */
const READ_MS_MAX = 120_000;

const showSensor = ({ name, kind, value, unit, health, thresholds, states }: Sensor) => ({
  name,
  kind,
  value: value ?? null,
  unit: unit ?? null,
  health,
  thresholds: {
    lower_fatal: thresholds.lowerFatal ?? null,
    lower_critical: thresholds.lowerCritical ?? null,
    lower_caution: thresholds.lowerCaution ?? null,
    upper_caution: thresholds.upperCaution ?? null,
    upper_critical: thresholds.upperCritical ?? null,
    upper_fatal: thresholds.upperFatal ?? null,
  },
  ...(states === undefined ? {} : { states }),
});

const orNull = (error: unknown): null => {
  if (error instanceof BmcError && error.code === 'unsupported') return null;
  throw error;
};

async function sensors(call: Call) {
  return withRealBmc(
    call,
    'node:sensors:get',
    'sensors',
    async (bmc, signal) => {
      const read = await bmc.sensors(signal);
      const power = await bmc.powerReading(signal).catch(orNull);
      return ok({
        sensors: read.map(showSensor),
        power: power && {
          watts: power.watts,
          minimum_watts: power.minimumWatts ?? null,
          maximum_watts: power.maximumWatts ?? null,
          average_watts: power.averageWatts ?? null,
        },
      });
    },
    READ_MS_MAX,
  );
}

async function hardwareLog(call: Call) {
  const entries = await withRealBmc(call, 'node:hardware_log:get', 'hardware_log', (bmc, signal) => bmc.hardwareLog(signal), READ_MS_MAX);
  return ok({
    entries: entries.map(({ id, atMs, severity, message, sensor }) => ({
      id,
      at: atMs === undefined ? null : new Date(atMs).toISOString(),
      severity,
      message,
      sensor: sensor ?? null,
    })),
  });
}

async function clearHardwareLog(call: Call) {
  await withRealBmc(call, 'node:hardware_log:clear', 'hardware_log', (bmc, signal) => bmc.clearHardwareLog(signal));
  return noContent();
}

export const hardwareRoutes: readonly BaremetalRoute[] = [
  { method: 'GET', path: '/nodes/:node/sensors', handle: sensors },
  { method: 'GET', path: '/nodes/:node/hardware_log', handle: hardwareLog },
  { method: 'DELETE', path: '/nodes/:node/hardware_log', handle: clearHardwareLog },
];
