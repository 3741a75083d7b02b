import { z } from 'zod';
import type { Json, JsonObject } from '../../core/base/json.ts';
import { requestPower, requestVerb, setMaintenance, type PowerRequest } from '../../inventory/node-service.ts';
import { updateNode } from '../../inventory/node-store.ts';
import { VERB_OF_TARGET, verbsFrom } from '../../inventory/provision-machine.ts';
import { RequestRefused } from './baremetal-error.ts';
import { accepted, notAcceptable, ok, type BaremetalRoute, type Call } from './baremetal-route.ts';
import { text } from './body-shapes.ts';
import { toConfigDrive } from './config-drive.ts';
import { isoTime } from './field-table.ts';
import { whileLocked } from './locked-retry.ts';
import { nodeBriefFor, nodeFor } from './node-access.ts';
import { provisionStateFor } from './node-view.ts';
import { flowInput, parseProvision, type ProvisionBody } from './provision-body.ts';
import { useRunbook } from './runbook-routes.ts';
import { short, toInteger } from './query-values.ts';

/** What changes a node's life: provision, power and maintenance. Each answers 202 once state and flow are committed together. */
export const stateRoutes: readonly BaremetalRoute[] = [
  { method: 'GET', path: '/nodes/:node/states', query: ['also'], handle: showStates },
  {
    method: 'PUT',
    path: '/nodes/:node/states/provision',
    query: ['target', 'configdrive', 'rescue_password', 'disable_ramdisk'],
    handle: provision,
  },
  { method: 'PUT', path: '/nodes/:node/states/power', query: ['target', 'timeout'], handle: power },
  { method: 'PUT', path: '/nodes/:node/maintenance', query: ['reason'], handle: (call) => maintain(call, true) },
  { method: 'DELETE', path: '/nodes/:node/maintenance', handle: (call) => maintain(call, false) },
];

async function showStates(call: Call) {
  const node = await nodeFor(call, call.params['node']!, 'node:get_states');
  return ok({
    console_enabled: node.console_enabled,
    last_error: node.last_error,
    power_state: node.power_state,
    provision_state: provisionStateFor(node.provision_state, call.minor),
    target_power_state: node.target_power_state,
    target_provision_state: node.target_provision_state,
    provision_updated_at: isoTime(node.provision_updated_at),
    ...(call.minor >= 12 ? { raid_config: node.raid_config, target_raid_config: node.target_raid_config } : {}),
    ...(call.minor >= 75 ? { boot_mode: node.boot_mode, secure_boot: node.secure_boot } : {}),
    ...(call.query['also']?.includes('waiting_for') ? { waiting_for: node.waiting_for, verbs: verbsFrom(node.provision_state) } : {}),
  });
}

const statesUrl = (call: Call) => `${call.base}/v1/nodes/${call.params['node']!}/states`;

async function provision(call: Call) {
  const node = await nodeBriefFor(call, call.params['node']!, 'node:set_provision_state');
  const body = parseProvision(call);
  const verb = Object.hasOwn(VERB_OF_TARGET, body.target) ? VERB_OF_TARGET[body.target] : undefined;
  if (verb === undefined)
    throw new RequestRefused(
      400,
      `The requested action "${short(body.target)}" could not be understood. Known: ${Object.keys(VERB_OF_TARGET).join(', ')}.`,
    );
  if (verb === 'abort' && node.provision_state === 'inspect wait' && call.minor < 41) throw new RequestRefused(406, notAcceptable(41));
  const { database, sealer } = call.context;
  const configDrive = toConfigDrive(call, body.target, body.configdrive);
  const input = { ...flowInput(body, sealer.seal), ...(body.runbook == null ? {} : await runbookInput(call, body)) };
  await whileLocked(() =>
    database.db.transaction().execute(async (trx) => {
      await requestVerb(trx, node.uuid, verb, input);
      if (configDrive !== undefined) await updateNode(trx, node.uuid, { configdrive: sealer.seal(configDrive) });
    }),
  );
  return accepted(statesUrl(call));
}

/** The runbook's steps in the place of steps of one's own. @throws 400 with both */
async function runbookInput(call: Call, body: ProvisionBody): Promise<JsonObject> {
  const node = await nodeFor(call, call.params['node']!);
  if ((body.clean_steps ?? body.service_steps) != null) throw new RequestRefused(400, 'Give either steps or a runbook, not both.');
  const { steps, disableRamdisk } = await useRunbook(call, body.runbook!, node);
  return { [`${body.target}_steps`]: steps as unknown as Json, ...(disableRamdisk ? { disable_ramdisk: true } : {}) };
}

const POWER_REQUEST: Readonly<Record<string, PowerRequest>> = {
  'power on': 'on',
  'power off': 'off',
  rebooting: 'cycle',
  'soft power off': 'soft-off',
  'soft rebooting': 'soft-reboot',
};
/** The power flow's step ends with it. */
const POWER_TIMEOUT_SECONDS_MAX = 600;
const powerBody = z.strictObject({ target: text(), timeout: z.union([z.number(), z.string()]).nullish() });

async function power(call: Call) {
  const node = await nodeBriefFor(call, call.params['node']!, 'node:set_power_state');
  const { target, timeout: given } = powerBody.parse({ ...call.query, ...(call.body as object | undefined) });
  const timeout = toInteger('timeout', given);
  if ((target.startsWith('soft ') || timeout !== undefined) && call.minor < 27) throw new RequestRefused(406, notAcceptable(27));
  if (timeout !== undefined && timeout < 1) throw new RequestRefused(400, 'timeout has to be positive integer');
  if (timeout !== undefined && timeout > POWER_TIMEOUT_SECONDS_MAX)
    throw new RequestRefused(400, `timeout can be at most ${POWER_TIMEOUT_SECONDS_MAX} seconds`);
  const action = Object.hasOwn(POWER_REQUEST, target) ? POWER_REQUEST[target] : undefined;
  const isCleaning = node.provision_state === 'cleaning' || node.provision_state === 'clean wait';
  if (action === undefined || isCleaning)
    throw new RequestRefused(
      400,
      `The requested action "${short(target)}" can not be performed on node "${node.uuid}" while it is in state "${isCleaning ? node.provision_state : node.power_state}".`,
    );
  const { db } = call.context.database;
  await whileLocked(() => db.transaction().execute((trx) => requestPower(trx, node.uuid, action, timeout)));
  return accepted(statesUrl(call));
}

const REASON_LENGTH_MAX = 4096;

async function maintain(call: Call, wanted: boolean) {
  const node = await nodeBriefFor(call, call.params['node']!, wanted ? 'node:set_maintenance' : 'node:clear_maintenance');
  const { reason } = z
    .strictObject({ reason: text(REASON_LENGTH_MAX).nullish() })
    .parse({ ...call.query, ...(call.body as object | undefined) });
  await call.context.database.db
    .transaction()
    .execute((trx) => setMaintenance(trx, node.uuid, wanted, wanted ? (reason ?? null) : null, null));
  return accepted();
}
