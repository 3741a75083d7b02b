import { z } from 'zod';
import type { MachineScript } from '../../inventory/machine-script-codec.ts';
import {
  commission,
  findScript,
  listResults,
  listScripts,
  putScript,
  removeScript,
  type ScriptResult,
} from '../../inventory/machine-script-service.ts';
import { InventoryError } from '../../inventory/node-record.ts';
import { accepted, created, noContent, ok, type BaremetalRoute, type Call } from './baremetal-route.ts';
import { text } from './body-shapes.ts';
import { isoTime } from './field-table.ts';
import { whileLocked } from './locked-retry.ts';
import { nodeFor } from './node-access.ts';

/** Commissioning and test scripts, ours: what there is, runs on a machine, and what came out. */
const inTransaction = (call: Call) => call.context.database.db.transaction();

const showScript = ({ mayReboot, byDefault, timeoutSeconds, perDisk, step, content, ...script }: MachineScript, isWhole: boolean) => ({
  ...script,
  may_reboot: mayReboot,
  default: byDefault,
  timeout: timeoutSeconds,
  per_disk: perDisk,
  step: step?.name ?? null,
  ...(isWhole ? { content } : {}),
});

const showResult = (result: ScriptResult, isWhole: boolean) => ({
  uuid: result.uuid,
  run: result.run,
  script: result.script,
  type: result.type,
  instance: result.instance,
  status: result.status,
  exit_status: result.exit_status,
  started_at: isoTime(result.started_at),
  ended_at: isoTime(result.ended_at),
  result: result.result,
  ...(isWhole ? { output: result.output, error_output: result.error_output } : {}),
});

const scriptBody = z.strictObject({ content: z.string() });
const scriptName = (call: Call) => call.params['script']!;

const scriptRoutes: readonly BaremetalRoute[] = [
  {
    method: 'GET',
    path: '/scripts',
    async handle(call) {
      call.require('script:get');
      return ok({ scripts: (await listScripts(call.context.database.db)).map((script) => showScript(script, false)) });
    },
  },
  {
    method: 'POST',
    path: '/scripts',
    async handle(call) {
      call.require('script:create');
      const { content } = scriptBody.parse(call.body ?? {});
      const script = await inTransaction(call).execute((trx) => putScript(trx, content));
      return created(showScript(script, true), `${call.base}/v1/scripts/${script.name}`);
    },
  },
  {
    method: 'GET',
    path: '/scripts/:script',
    async handle(call) {
      call.require('script:get');
      return ok(showScript(await findScript(call.context.database.db, scriptName(call)), true));
    },
  },
  {
    method: 'PUT',
    path: '/scripts/:script',
    async handle(call) {
      call.require('script:update');
      const { content } = scriptBody.parse(call.body ?? {});
      return ok(showScript(await inTransaction(call).execute((trx) => putScript(trx, content, scriptName(call))), true));
    },
  },
  {
    method: 'DELETE',
    path: '/scripts/:script',
    async handle(call) {
      call.require('script:delete');
      await inTransaction(call).execute((trx) => removeScript(trx, scriptName(call)));
      return noContent();
    },
  },
];

const SCRIPTS_MAX = 255;
const commissionBody = z.strictObject({ scripts: z.array(text()).min(1).max(SCRIPTS_MAX).nullish() });

async function begin(call: Call) {
  const node = await nodeFor(call, call.params['node']!, 'node:commission');
  const { scripts } = commissionBody.parse(call.body ?? {});
  await whileLocked(() => inTransaction(call).execute((trx) => commission(trx, node.uuid, scripts ?? undefined)));
  return accepted(`${call.base}/v1/nodes/${node.uuid}/script_results`);
}

async function results(call: Call) {
  const node = await nodeFor(call, call.params['node']!, 'node:script_results:get');
  const { run, script, status } = call.query;
  const found = await listResults(call.context.database.db, node.uuid, { run, script, status });
  return ok({ script_results: found.map((result) => showResult(result, false)) });
}

async function oneResult(call: Call) {
  const node = await nodeFor(call, call.params['node']!, 'node:script_results:get');
  const wanted = call.params['result']!;
  const found = (await listResults(call.context.database.db, node.uuid, {})).find(({ uuid }) => uuid === wanted);
  if (found === undefined) throw new InventoryError(404, `Script result ${wanted} could not be found.`);
  return ok(showResult(found, true));
}

export const commissionRoutes: readonly BaremetalRoute[] = [
  ...scriptRoutes,
  { method: 'POST', path: '/nodes/:node/commission', handle: begin },
  { method: 'GET', path: '/nodes/:node/script_results', query: ['run', 'script', 'status'], handle: results },
  { method: 'GET', path: '/nodes/:node/script_results/:result', handle: oneResult },
];
