import { z } from 'zod';
import { BmcError } from '../../bmc/capability.ts';
import type { WatchdogSetting } from '../../bmc/front-panel.ts';
import type { Sensor, SensorThresholds } from '../../bmc/sensor.ts';
import { noContent, ok, type BaremetalRoute, type Call } from './baremetal-route.ts';
import { withRealBmc } from './node-bmc.ts';

/** Ours, not Ironic's: what the BMC measures now, its log of the hardware, and what it watches over. Asked of the BMC in the call, not stored. */
/** Over IPMI every sensor is some requests of its own. */
const READ_MS_MAX = 120_000;

const showThresholds = (thresholds: SensorThresholds) => ({
  lower_fatal: thresholds.lowerFatal ?? null,
  lower_critical: thresholds.lowerCritical ?? null,
  lower_caution: thresholds.lowerCaution ?? null,
  upper_caution: thresholds.upperCaution ?? null,
  upper_critical: thresholds.upperCritical ?? null,
  upper_fatal: thresholds.upperFatal ?? null,
});

const showSensor = ({ name, kind, entity, value, unit, health, thresholds, states }: Sensor) => ({
  name,
  kind,
  entity: entity ?? null,
  value: value ?? null,
  unit: unit ?? null,
  health,
  thresholds: showThresholds(thresholds),
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
      const limit = power && (await bmc.powerLimit(signal).catch(orNull));
      return ok({
        sensors: read.map(showSensor),
        power: power && {
          watts: power.watts,
          minimum_watts: power.minimumWatts ?? null,
          maximum_watts: power.maximumWatts ?? null,
          average_watts: power.averageWatts ?? null,
          limit_watts: limit ?? null,
        },
      });
    },
    READ_MS_MAX,
  );
}

const level = z.number().optional();
/** In the sensor's own unit. */
const thresholdsShape = z
  .strictObject({
    sensor: z.string().min(1).max(255),
    lower_fatal: level,
    lower_critical: level,
    lower_caution: level,
    upper_caution: level,
    upper_critical: level,
    upper_fatal: level,
  })
  .refine((body) => Object.values(body).filter((each) => typeof each === 'number').length > 0, 'no threshold is given');

async function setThresholds(call: Call) {
  const { sensor, ...levels } = thresholdsShape.parse(call.body ?? {});
  const wanted = Object.fromEntries(
    Object.entries(levels).map(([name, value]) => [name.replace(/_(.)/, (_all, letter: string) => letter.toUpperCase()), value]),
  ) as SensorThresholds;
  const told = await withRealBmc(
    call,
    'node:sensors:set',
    'sensors',
    (bmc, signal) => bmc.setThresholds(sensor, wanted, signal),
    READ_MS_MAX,
  );
  return ok({ sensor, thresholds: showThresholds(told) });
}

async function parts(call: Call) {
  const told = await withRealBmc(call, 'node:sensors:get', 'parts', (bmc, signal) => bmc.parts(signal), READ_MS_MAX);
  return ok({
    parts: told.map(({ kind, name, entity, detail, contains }) => ({
      kind,
      name,
      entity: entity ?? null,
      detail: detail ?? null,
      contains: contains ?? [],
    })),
  });
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

/** Watts: DCMI's field is 16 bits. */
const powerLimitShape = z.strictObject({ watts: z.number().int().min(1).max(65_535) });

const setPowerLimit = async (call: Call, watts: number | undefined) => {
  await withRealBmc(call, 'node:power_limit:set', 'power_limit', (bmc, signal) => bmc.setPowerLimit(watts, signal));
  return noContent();
};

/** Seconds: IPMI counts 16 bits of 100 ms. */
const watchdogShape = z.strictObject({
  seconds: z.number().int().min(1).max(6553),
  action: z.enum(['none', 'reset', 'power_off', 'power_cycle']).default('reset'),
});

async function watchdog(call: Call) {
  const state = await withRealBmc(call, 'node:watchdog:get', 'watchdog', (bmc, signal) => bmc.watchdog(signal));
  return ok({ running: state.running, action: state.action.replace('-', '_'), use: state.use, seconds_left: state.secondsLeft });
}

async function setWatchdog(call: Call) {
  const { seconds, action } = watchdogShape.parse(call.body ?? {});
  const setting = { seconds, action: action.replace('_', '-') as WatchdogSetting['action'] };
  await withRealBmc(call, 'node:watchdog:set', 'watchdog', (bmc, signal) => bmc.setWatchdog(setting, signal));
  return noContent();
}

async function stopWatchdog(call: Call) {
  await withRealBmc(call, 'node:watchdog:set', 'watchdog', (bmc, signal) => bmc.setWatchdog(undefined, signal));
  return noContent();
}

async function graphicalConsole(call: Call) {
  const what = 'graphical_console';
  const told = await withRealBmc(call, 'node:graphical_console:get', what, (bmc, signal) => bmc.graphicalConsole(signal));
  return ok({ enabled: told.isEnabled, page: told.page, kinds: told.kinds, sessions_max: told.sessionsMax ?? null });
}

export const hardwareRoutes: readonly BaremetalRoute[] = [
  { method: 'GET', path: '/nodes/:node/sensors', handle: sensors },
  { method: 'PUT', path: '/nodes/:node/sensor_thresholds', handle: setThresholds },
  { method: 'GET', path: '/nodes/:node/parts', handle: parts },
  { method: 'GET', path: '/nodes/:node/hardware_log', handle: hardwareLog },
  { method: 'DELETE', path: '/nodes/:node/hardware_log', handle: clearHardwareLog },
  {
    method: 'PUT',
    path: '/nodes/:node/power_limit',
    handle: (call) => setPowerLimit(call, powerLimitShape.parse(call.body ?? {}).watts),
  },
  { method: 'DELETE', path: '/nodes/:node/power_limit', handle: (call) => setPowerLimit(call, undefined) },
  { method: 'GET', path: '/nodes/:node/watchdog', handle: watchdog },
  { method: 'PUT', path: '/nodes/:node/watchdog', handle: setWatchdog },
  { method: 'DELETE', path: '/nodes/:node/watchdog', handle: stopWatchdog },
  { method: 'GET', path: '/nodes/:node/graphical_console', handle: graphicalConsole },
];
