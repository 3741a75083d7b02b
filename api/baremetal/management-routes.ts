import { z } from 'zod';
import type { BootDevice } from '../../bmc/capability.ts';
import type { IndicatorState } from '../../bmc/front-panel.ts';
import { isFake } from '../../inventory/fake-hardware.ts';
import { indicatorsOf, mustFindIndicator, readIndicator, requireState, setIndicator } from '../../inventory/indicator-store.ts';
import { RequestRefused } from './baremetal-error.ts';
import { noContent, ok, type BaremetalRoute, type Call } from './baremetal-route.ts';
import { text, truthOr } from './body-shapes.ts';
import { links } from './field-table.ts';
import { nodeFor } from './node-access.ts';
import { withBmc, withRealBmc } from './node-bmc.ts';
import { short } from './query-values.ts';

/** What is asked of a node's BMC at once, and answered in the same call: boot device, NMI, indicators. */
const DEVICE_OF_WORD: Readonly<Record<string, BootDevice>> = {
  pxe: 'network',
  disk: 'disk',
  cdrom: 'cdrom',
  bios: 'firmware-setup',
  safe: 'safe',
};
const wordOfDevice = (device: BootDevice): string | null => Object.entries(DEVICE_OF_WORD).find(([, each]) => each === device)?.[0] ?? null;
const bootDeviceBody = z.strictObject({ boot_device: text(), persistent: truthOr('persistent', false) });

async function setBootDevice(call: Call) {
  const { boot_device: word, persistent } = bootDeviceBody.parse({ ...call.query, ...(call.body as object | undefined) });
  const device = Object.hasOwn(DEVICE_OF_WORD, word) ? DEVICE_OF_WORD[word] : undefined;
  await withBmc(call, 'node:set_boot_device', async (bmc, signal) => {
    if (device === undefined) throw new RequestRefused(400, `Invalid boot device ${short(word)} specified.`);
    await bmc.setBoot({ device, persistent }, signal);
  });
  return noContent();
}

async function injectNmi(call: Call) {
  await withRealBmc(call, 'node:inject_nmi', 'inject_nmi', (bmc, signal) => bmc.injectNmi(signal));
  return noContent();
}

const splitIndicator = (word: string): [name: string, component: string] => {
  const at = word.indexOf('@');
  if (at < 1) throw new RequestRefused(400, `Malformed indicator name "${short(word)}"`);
  return [word.slice(0, at), word.slice(at + 1)];
};

async function listIndicators(call: Call) {
  const node = await nodeFor(call, call.params['node']!, 'node:get_indicator_state');
  const indicators = indicatorsOf(node).map(({ component, name, ...rest }) => ({
    name: `${name}@${component}`,
    component,
    ...rest,
    links: links(call.base, `nodes/${call.params['node']!}/management/indicators/${name}@${component}`),
  }));
  return ok({ indicators });
}

async function showIndicator(call: Call) {
  const node = await nodeFor(call, call.params['node']!, 'node:get_indicator_state');
  const [name, component] = splitIndicator(call.params['indicator']!);
  if (isFake(node)) return ok({ state: readIndicator(node, component, name) });
  mustFindIndicator(node, component, name);
  return ok({ state: (await withBmc(call, 'node:get_indicator_state', (bmc, signal) => bmc.indicator(signal))).toUpperCase() });
}

async function putIndicator(call: Call) {
  const node = await nodeFor(call, call.params['node']!, 'node:set_indicator_state');
  const { state } = z.strictObject({ state: text() }).parse({ ...call.query, ...(call.body as object | undefined) });
  const [name, component] = splitIndicator(call.params['indicator']!);
  if (isFake(node)) {
    await setIndicator(call.context.database.db, node, component, name, state);
    return noContent();
  }
  requireState(mustFindIndicator(node, component, name), state);
  await withBmc(call, 'node:set_indicator_state', (bmc, signal) => bmc.setIndicator(state.toLowerCase() as IndicatorState, signal));
  return noContent();
}

export const managementRoutes: readonly BaremetalRoute[] = [
  {
    method: 'GET',
    path: '/nodes/:node/management/boot_device',
    async handle(call) {
      const setting = await withBmc(call, 'node:get_boot_device', (bmc, signal) => bmc.bootSetting(signal));
      return ok({ boot_device: wordOfDevice(setting.device), persistent: setting.persistent });
    },
  },
  {
    method: 'GET',
    path: '/nodes/:node/management/boot_device/supported',
    async handle(call) {
      await nodeFor(call, call.params['node']!, 'node:get_boot_device');
      return ok({ supported_boot_devices: Object.keys(DEVICE_OF_WORD) });
    },
  },
  { method: 'PUT', path: '/nodes/:node/management/boot_device', query: ['boot_device', 'persistent'], handle: setBootDevice },
  { method: 'PUT', path: '/nodes/:node/management/inject_nmi', since: 29, handle: injectNmi },
  { method: 'GET', path: '/nodes/:node/management/indicators', handle: listIndicators },
  { method: 'GET', path: '/nodes/:node/management/indicators/:indicator', handle: showIndicator },
  { method: 'PUT', path: '/nodes/:node/management/indicators/:indicator', query: ['state'], handle: putIndicator },
];
