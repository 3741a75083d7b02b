import { DRIVERS, INTERFACE_KINDS, type Driver, type InterfaceKind, unsupported } from '../../inventory/driver-table.ts';
import { InventoryError } from '../../inventory/node-record.ts';
import { RAID_PROPERTIES } from '../../inventory/raid-policy.ts';
import { conductorName } from './api-context.ts';
import { RequestRefused } from './baremetal-error.ts';
import { notAcceptable, ok, type BaremetalRoute, type Call } from './baremetal-route.ts';
import { links, type Shown } from './field-table.ts';
import { short, toBoolean, toList } from './query-values.ts';

/** Drivers: the hardware types that this installation can work with. */
const INTERFACE_SINCE: Partial<Record<InterfaceKind, number>> = { storage: 33, rescue: 38, bios: 40, firmware: 86 };

function showDriver(call: Call, driver: Driver, isDetail: boolean, only: readonly string[] | undefined): Shown {
  const { name } = driver;
  const shown: Shown = { name, hosts: [conductorName], links: links(call.base, `drivers/${name}`) };
  if (call.minor >= 14) shown['properties'] = links(call.base, `drivers/${name}/properties`);
  if (call.minor >= 30) {
    shown['type'] = 'dynamic';
    for (const kind of isDetail ? INTERFACE_KINDS : []) {
      if ((INTERFACE_SINCE[kind] ?? 1) > call.minor) continue;
      shown[`default_${kind}_interface`] = driver.interfaces[kind][0];
      shown[`enabled_${kind}_interfaces`] = driver.interfaces[kind];
    }
  }
  if (only === undefined) return shown;
  const wrong = only.filter((field) => !(field in shown));
  if (wrong.length > 0) throw new RequestRefused(400, `Field(s) "${short(wrong.join(', '))}" are not valid`);
  return Object.fromEntries(Object.entries(shown).filter(([field]) => field === 'links' || only.includes(field)));
}

function requireFieldsVersion(call: Call): readonly string[] | undefined {
  const fields = toList(call.query['fields']);
  if (fields !== undefined && call.minor < 77) throw new RequestRefused(406, notAcceptable(77));
  return fields;
}

async function list(call: Call) {
  const isDetail = toBoolean('detail', call.query['detail']);
  const { type } = call.query;
  if (call.query['fields'] !== undefined && isDetail === true)
    throw new RequestRefused(400, 'Can not specify ?detail=True and fields in the same request.');
  call.require('driver:get');
  if ((isDetail ?? type) !== undefined && call.minor < 30) throw new RequestRefused(406, notAcceptable(30));
  const fields = requireFieldsVersion(call);
  if (type !== undefined && type !== 'classic' && type !== 'dynamic')
    throw new RequestRefused(400, '"type" filter must be one of "classic" or "dynamic", if specified.');
  const shown = type === 'classic' ? [] : [...DRIVERS.values()];
  return ok({ drivers: shown.map((driver) => showDriver(call, driver, isDetail === true, fields)) });
}

function driverOf(call: Call, rule: string): Driver {
  call.require(rule);
  const name = call.params['driver']!;
  const driver = DRIVERS.get(name);
  if (driver === undefined) throw new InventoryError(404, `Could not find the following driver(s) or hardware type(s): ${short(name)}.`);
  return driver;
}

export const driverRoutes: readonly BaremetalRoute[] = [
  { method: 'GET', path: '/drivers', query: ['type', 'detail', 'fields'], handle: list },
  {
    method: 'GET',
    path: '/drivers/:driver',
    query: ['fields'],
    handle: async (call) => ok(showDriver(call, driverOf(call, 'driver:get'), true, requireFieldsVersion(call))),
  },
  {
    method: 'GET',
    path: '/drivers/:driver/properties',
    handle: async (call) => ok(driverOf(call, 'driver:get_properties').properties),
  },
  {
    method: 'GET',
    path: '/drivers/:driver/raid/logical_disk_properties',
    since: 12,
    before: 406,
    async handle(call) {
      const driver = driverOf(call, 'driver:get_raid_logical_disk_properties');
      if (driver.interfaces.raid.every((name) => name === 'no-raid'))
        throw new InventoryError(404, unsupported(driver.name, 'get_raid_logical_disk_properties'));
      return ok(RAID_PROPERTIES);
    },
  },
  {
    method: 'GET',
    path: '/drivers/:driver/vendor_passthru/methods',
    async handle(call) {
      driverOf(call, 'driver:vendor_passthru');
      return ok({});
    },
  },
  ...(['GET', 'POST', 'PUT', 'DELETE'] as const).map((method): BaremetalRoute => ({
    method,
    path: '/drivers/:driver/vendor_passthru',
    query: ['method'],
    async handle(call) {
      const driver = driverOf(call, 'driver:vendor_passthru');
      const wanted = call.query['method'];
      if (wanted === undefined || wanted === '') throw new RequestRefused(400, 'Method not specified');
      throw new RequestRefused(400, unsupported(driver.name, `vendor passthru method ${short(wanted)}`));
    },
  })),
];
