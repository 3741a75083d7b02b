import { sql, type Selectable } from 'kysely';
import { parse } from 'yaml';
import type { Json, JsonObject } from '../core/base/json.ts';
import { isMalformed } from '../core/base/malformed.ts';
import type { ScriptResultTable } from '../core/database/baremetal-tables.ts';
import type { ScriptOutcome } from '../deploy-agent/protocol.ts';
import { DEFAULT_SCRIPTS } from './default-scripts.ts';
import { decodeScript, type MachineScript } from './machine-script-codec.ts';
import { InventoryError, type Db, type Trx } from './node-record.ts';
import { requestVerb } from './node-service.ts';
import { batchScripts } from './script-batch-policy.ts';

/** Scripts that are run on machines: ours and the operator's, by name; and what came out of each run. */
export type ScriptResult = Selectable<ScriptResultTable>;
const isBuiltIn = (name: string) => DEFAULT_SCRIPTS.some((script) => script.name === name);

export async function listScripts(db: Db): Promise<MachineScript[]> {
  const rows = await db.selectFrom('machine_script').select('content').execute();
  const own = rows.map(({ content }) => decodeScript(content)).filter((script): script is MachineScript => !isMalformed(script));
  return [...DEFAULT_SCRIPTS, ...own].toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** @throws InventoryError 404 */
export async function findScript(db: Db, name: string): Promise<MachineScript> {
  const found = (await listScripts(db)).find((script) => script.name === name);
  if (found === undefined) throw new InventoryError(404, `Script ${name} could not be found.`);
  return found;
}

/** @throws InventoryError 400 what is wrong with it, 409 when one of this name is there. */
export async function putScript(trx: Trx, content: string, replaces?: string): Promise<MachineScript> {
  const script = decodeScript(content);
  if (isMalformed(script)) throw new InventoryError(400, `Invalid script: ${script.reason}.`);
  if (replaces !== undefined && replaces !== script.name)
    throw new InventoryError(400, `The script calls itself ${script.name}, not ${replaces}.`);
  if (isBuiltIn(script.name)) throw new InventoryError(409, `The script ${script.name} belongs to Rackwright: give yours another name.`);
  const row = {
    name: script.name,
    type: script.type,
    title: script.title,
    hardware: script.hardware,
    parallel: script.parallel,
    may_reboot: script.mayReboot,
    by_default: script.byDefault,
    timeout_seconds: script.timeoutSeconds,
    content,
  };
  const insert = trx.insertInto('machine_script').values(row);
  const made = await insert
    .onConflict((conflict) =>
      replaces === undefined
        ? conflict.column('name').doNothing()
        : conflict.column('name').doUpdateSet({ ...row, updated_at: sql`now()` as never }),
    )
    .returning('uuid')
    .executeTakeFirst();
  if (made === undefined) throw new InventoryError(409, `A script with name ${script.name} already exists.`);
  return script;
}

/** @throws InventoryError 404, 409 for one of ours */
export async function removeScript(trx: Trx, name: string): Promise<void> {
  if (isBuiltIn(name)) throw new InventoryError(409, `The script ${name} belongs to Rackwright: it can not be removed.`);
  const gone = await trx.deleteFrom('machine_script').where('name', '=', name).returning('uuid').executeTakeFirst();
  if (gone === undefined) throw new InventoryError(404, `Script ${name} could not be found.`);
}

/** By name, or those that run by default; in the order of their run. @throws InventoryError 400 */
export async function chooseScripts(db: Db, names: readonly string[] | undefined): Promise<MachineScript[][]> {
  const known = await listScripts(db);
  const unknown = (names ?? []).filter((name) => !known.some((script) => script.name === name));
  if (unknown.length > 0)
    throw new InventoryError(400, `There is no script ${unknown.join(', ')}. Known: ${known.map(({ name }) => name).join(', ')}.`);
  return batchScripts(known.filter((script) => (names === undefined ? script.byDefault : names.includes(script.name))));
}

/** Runs scripts on a machine by its agent: a cleaning by hand whose steps they are. @throws as `requestVerb` */
export async function commission(trx: Trx, nodeUuid: string, names: readonly string[] | undefined): Promise<void> {
  const batches = await chooseScripts(trx, names);
  if (batches.length === 0) throw new InventoryError(400, 'There is no script to run.');
  const steps = batches.map((batch) => ({ interface: 'deploy', step: 'run_scripts', args: { names: batch.map(({ name }) => name) } }));
  await requestVerb(trx, nodeUuid, 'clean', { target: 'clean', clean_steps: steps as unknown as JsonObject[] });
}

/** A machine's story is its last runs. */
const RUNS_KEPT = 10;

/** What of a run is there already stays as it is: a crash repeats the call. */
export async function storeOutcomes(trx: Trx, nodeUuid: string, run: string, outcomes: readonly ScriptOutcome[]): Promise<void> {
  for (const outcome of outcomes)
    await trx
      .insertInto('script_result')
      .values({
        node_uuid: nodeUuid,
        run,
        script: outcome.script,
        type: outcome.type,
        instance: outcome.instance,
        status: outcome.status,
        exit_status: outcome.exitStatus,
        output: outcome.output,
        error_output: outcome.errorOutput,
        result: outcome.result === undefined ? null : JSON.stringify(readResult(outcome.result)),
        started_at: new Date(outcome.startedAtMs),
        ended_at: new Date(outcome.endedAtMs),
      } as never)
      .onConflict((conflict) => conflict.constraint('script_result_once').doNothing())
      .execute();
  await sql`
    delete from script_result where node_uuid = ${nodeUuid} and run not in (
      select run from script_result where node_uuid = ${nodeUuid} group by run order by max(seq) desc limit ${RUNS_KEPT})`.execute(trx);
}

/** A text is YAML, as MAAS's scripts leave it; what is none stays a text. */
function readResult(result: Json): Json {
  if (typeof result !== 'string') return result;
  try {
    return (parse(result) ?? null) as Json;
  } catch {
    return result;
  }
}

export interface ResultFilter {
  readonly run?: string | undefined;
  readonly script?: string | undefined;
  readonly status?: string | undefined;
}

/** The newest run first, within it in the order of their end. */
export async function listResults(db: Db, nodeUuid: string, filter: ResultFilter): Promise<ScriptResult[]> {
  let query = db.selectFrom('script_result').selectAll().where('node_uuid', '=', nodeUuid);
  if (filter.run !== undefined) query = query.where('run', '=', filter.run);
  if (filter.script !== undefined) query = query.where('script', '=', filter.script);
  if (filter.status !== undefined) query = query.where('status', '=', filter.status as ScriptResult['status']);
  return query.orderBy('seq', 'desc').execute();
}
