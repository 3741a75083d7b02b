import { unsupported } from '../../inventory/driver-table.ts';
import { z } from 'zod';
import type { BootDevice } from '../../bmc/capability.ts';
import type { JsonObject } from '../../core/base/json.ts';
import { connectTo } from '../../flows/node-flow-services.ts';
import { checkDriverInfo } from '../../inventory/driver-info-codec.ts';
import { indicatorsOf, readIndicator, setIndicator } from '../../inventory/indicator-store.ts';
import type { BmcConnection } from '../../bmc/capability.ts';
import { mustFindNode } from './api-context.ts';
import { RequestRefused } from './baremetal-error.ts';
import { noContent, ok, type BaremetalRoute, type Call } from './baremetal-route.ts';
import { text, truthOr } from './body-shapes.ts';
import { links } from './field-table.ts';
import { nodeFor } from './node-access.ts';
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
/** A BMC that does not answer by then is told to the client, who waits on the same line. */
const BMC_CALL_MS = 30_000;

/** @throws RequestRefused 400 when driver_info lacks something; BmcError from the work. */
async function withBmc<Value>(call: Call, rule: string, work: (bmc: BmcConnection, signal: AbortSignal) => Promise<Value>): Promise<Value> {
  const shown = await nodeFor(call, call.params['node']!, rule);
  const { context } = call;
  const node = await mustFindNode(context, shown.uuid);
  const problems = checkDriverInfo(node.driver, node.driver_info as JsonObject);
  if (problems.length > 0) throw new RequestRefused(400, problems.join('; '));
  const bmc = connectTo({ db: context.database.db, sealer: context.sealer, connectBmc: context.connectBmc }, node);
  try {
    return await work(bmc, AbortSignal.timeout(BMC_CALL_MS));
  } finally {
    await bmc.close();
  }
}

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

async function injectNmi(call: Call): Promise<never> {
  const node = await nodeFor(call, call.params['node']!, 'node:inject_nmi');
  throw new RequestRefused(400, unsupported(node.driver, 'inject_nmi'));
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
  {
    method: 'GET',
    path: '/nodes/:node/management/indicators/:indicator',
    async handle(call) {
      const node = await nodeFor(call, call.params['node']!, 'node:get_indicator_state');
      const [name, component] = splitIndicator(call.params['indicator']!);
      return ok({ state: readIndicator(node, component, name) });
    },
  },
  {
    method: 'PUT',
    path: '/nodes/:node/management/indicators/:indicator',
    query: ['state'],
    async handle(call) {
      const node = await nodeFor(call, call.params['node']!, 'node:set_indicator_state');
      const { state } = z.strictObject({ state: text() }).parse({ ...call.query, ...(call.body as object | undefined) });
      const [name, component] = splitIndicator(call.params['indicator']!);
      await setIndicator(call.context.database.db, node, component, name, state);
      return noContent();
    },
  },
];
