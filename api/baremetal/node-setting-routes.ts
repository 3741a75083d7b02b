import { z } from 'zod';
import { sayOfConsole } from '../../inventory/console-seat-service.ts';
import { interfaceOf, unsupported } from '../../inventory/driver-table.ts';
import { isFake } from '../../inventory/fake-hardware.ts';
import { InventoryError } from '../../inventory/node-record.ts';
import { mustLock, startAskedFlow } from '../../inventory/node-service.ts';
import { updateNode } from '../../inventory/node-store.ts';
import { checkRaidConfig } from '../../inventory/raid-policy.ts';
import { STABLE_STATES } from '../../inventory/provision-machine.ts';
import { RequestRefused } from './baremetal-error.ts';
import { accepted, noContent, ok, type BaremetalRoute, type Call } from './baremetal-route.ts';
import { jsonObject, text, truth } from './body-shapes.ts';
import { whileLocked } from './locked-retry.ts';
import { nodeFor } from './node-access.ts';
import { short } from './query-values.ts';

/** Settings of a node that have a route each: console, RAID, boot mode, secure boot. */
const params = (call: Call) => ({ ...call.query, ...(call.body as object | undefined) });

const lacks = (node: { driver: string }, what: string, status = 400) => new RequestRefused(status, unsupported(node.driver, what));

async function showConsole(call: Call) {
  const node = await nodeFor(call, call.params['node']!, 'node:get_console');
  if (!node.console_enabled) return ok({ console_enabled: false, console_info: null });
  const url = `${call.base.replace(/^http/, 'ws')}/v1/nodes/${node.uuid}/console`;
  return ok({ console_enabled: true, console_info: isFake(node) ? {} : { type: 'websocket', url } });
}

/** Ours: what the recorder heard, as text; its own remarks stand between `---`. */
async function recordedConsole(call: Call) {
  const node = await nodeFor(call, call.params['node']!, 'node:get_console');
  const bytes = await call.context.consoleLogs.read(node.uuid);
  if (bytes === undefined) throw new InventoryError(404, `No console of node ${node.uuid} is recorded on this host.`);
  return ok({ node: node.uuid, console_enabled: node.console_enabled, text: bytes.toString('utf8') });
}

async function setConsole(call: Call) {
  const node = await nodeFor(call, call.params['node']!, 'node:set_console_state');
  const { enabled } = z.strictObject({ enabled: truth('enabled') }).parse(params(call));
  if (interfaceOf(node, 'console') === 'no-console') throw lacks(node, 'console');
  await call.context.database.db.transaction().execute(async (trx) => {
    await updateNode(trx, node.uuid, { console_enabled: enabled });
    await sayOfConsole(trx, 'changed');
  });
  return accepted(`${call.base}/v1/nodes/${call.params['node']!}/states/console`);
}

async function setRaid(call: Call) {
  const node = await nodeFor(call, call.params['node']!, 'node:set_raid_state');
  const config = jsonObject.parse(call.body);
  if (interfaceOf(node, 'raid') === 'no-raid') throw lacks(node, 'set_target_raid_config', 404);
  const problem = checkRaidConfig(config);
  if (problem !== undefined) throw new RequestRefused(400, `RAID config validation error: ${problem}`);
  await call.context.database.db.transaction().execute(async (trx) => {
    await mustLock(trx, node.uuid);
    await updateNode(trx, node.uuid, { target_raid_config: config });
  });
  return noContent();
}

const BOOT_MODES = ['bios', 'uefi'];

/** A real machine is told by a flow of its own; fake hardware is its row. */
async function setFirmware(call: Call, rule: string, read: () => { boot_mode: string } | { secure_boot: boolean }) {
  const node = await nodeFor(call, call.params['node']!, rule);
  const change = read();
  if (!STABLE_STATES.has(node.provision_state))
    throw new RequestRefused(
      409,
      `Node is in ${node.provision_state} state. Since node is transitioning, this will not be set as it may interfere with ongoing changes and result in erroneous modification. Try again later.`,
    );
  const { db } = call.context.database;
  const isRedfish = interfaceOf(node, 'management') === 'redfish';
  if (!isFake(node) && 'secure_boot' in change && !isRedfish) throw lacks(node, 'set_secure_boot_state');
  await whileLocked(() =>
    db.transaction().execute(async (trx) => {
      if (isFake(node)) await updateNode(trx, node.uuid, change);
      else await startAskedFlow(trx, node.uuid, 'node.firmware-setting', change);
    }),
  );
  return accepted(`${call.base}/v1/nodes/${call.params['node']!}/states`);
}

export const nodeSettingRoutes: readonly BaremetalRoute[] = [
  { method: 'GET', path: '/nodes/:node/states/console', handle: showConsole },
  { method: 'GET', path: '/nodes/:node/console/recorded', handle: recordedConsole },
  { method: 'PUT', path: '/nodes/:node/states/console', query: ['enabled'], handle: setConsole },
  { method: 'PUT', path: '/nodes/:node/states/raid', since: 12, before: 406, handle: setRaid },
  {
    method: 'PUT',
    path: '/nodes/:node/states/boot_mode',
    since: 76,
    query: ['target'],
    handle: (call) =>
      setFirmware(call, 'node:set_boot_mode', () => {
        const { target } = z.strictObject({ target: text() }).parse(params(call));
        if (!BOOT_MODES.includes(target))
          throw new RequestRefused(
            400,
            `Invalid boot mode ${short(target)} requested for node. Allowed boot modes are: ${BOOT_MODES.join(', ')}`,
          );
        return { boot_mode: target };
      }),
  },
  {
    method: 'PUT',
    path: '/nodes/:node/states/secure_boot',
    since: 76,
    query: ['target'],
    handle: (call) =>
      setFirmware(call, 'node:set_secure_boot', () => ({
        secure_boot: z.strictObject({ target: truth('target') }).parse(params(call)).target,
      })),
  },
];
