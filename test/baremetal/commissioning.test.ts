import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { JsonObject } from '../../core/base/json.ts';
import type { Database } from '../../core/database/connect-database.ts';
import type { InspectionReport, ScriptOutcome } from '../../deploy-agent/protocol.ts';
import { machineTagStore } from '../../inventory/baremetal-stores.ts';
import { readBootHost } from '../../inventory/boot-model-service.ts';
import { acceptInspection } from '../../inventory/discovery-service.ts';
import { listResults, storeOutcomes } from '../../inventory/machine-script-service.ts';
import { retagAll, tagByHand } from '../../inventory/machine-tag-service.ts';
import { startDatabaseRig, type DatabaseRig } from '../core/database-rig.ts';
import { faultOf, startRig, type Rig } from './baremetal-rig.ts';

/** Scripts, tags by rule, pools and zones: over HTTP, and what an inspection makes of them. */
let rig: Rig;
let databases: DatabaseRig;
let database: Database;
before(async () => {
  rig = await startRig();
  databases = await startDatabaseRig();
  database = await databases.freshDatabase();
});
after(async () => {
  await rig.stop();
  await databases.close();
});

const text = (name: string, more = '') =>
  `#!/bin/sh\n# --- Start RACKWRIGHT 1.0 script metadata ---\n# name: ${name}\n${more}# --- End RACKWRIGHT 1.0 script metadata ---\ntrue\n`;
const namesOf = (list: unknown) => (list as JsonObject[]).map(({ name }) => name);

test('scripts: uploaded, shown, replaced, removed; ours stay', async () => {
  const made = await rig.expect(201, 'POST', '/v1/scripts', { content: text('mine', '# timeout: 00:02:00\n') });
  assert.deepEqual([made['name'], made['timeout'], made['type']], ['mine', 120, 'testing']);
  assert.match(faultOf(await rig.expect(409, 'POST', '/v1/scripts', { content: text('mine') })), /already exists/);
  assert.match(faultOf(await rig.expect(409, 'POST', '/v1/scripts', { content: text('10-facts') })), /belongs to Rackwright/);
  assert.match(faultOf(await rig.expect(400, 'POST', '/v1/scripts', { content: 'echo' })), /no metadata/);
  assert.equal((await rig.expect(200, 'PUT', '/v1/scripts/mine', { content: text('mine', '# timeout: 7\n') }))['timeout'], 7);
  await rig.expect(400, 'PUT', '/v1/scripts/mine', { content: text('other') });
  const { scripts } = await rig.expect(200, 'GET', '/v1/scripts');
  assert.ok(['10-facts', '50-memory', 'mine'].every((name) => namesOf(scripts).includes(name)));
  assert.match(String((await rig.expect(200, 'GET', '/v1/scripts/mine'))['content']), /timeout: 7/);
  await rig.expect(204, 'DELETE', '/v1/scripts/mine');
  await rig.expect(404, 'DELETE', '/v1/scripts/mine');
  await rig.expect(409, 'DELETE', '/v1/scripts/10-facts');
});

test('a run: only of scripts that are there, on a machine that is free for it', async () => {
  const node = await rig.node('manageable');
  assert.match(faultOf(await rig.expect(400, 'POST', `/v1/nodes/${node}/commission`, { scripts: ['none'] })), /Known: 10-facts/);
  await rig.expect(202, 'POST', `/v1/nodes/${node}/commission`, {});
  // A machine that is only its row has no agent that declares the step.
  const failed = await rig.until(node, (shown) => shown['provision_state'] === 'clean failed');
  assert.match(String(failed['last_error']), /no clean step deploy\.run_scripts/);
  assert.deepEqual(await rig.expect(200, 'GET', `/v1/nodes/${node}/script_results`), { script_results: [] });
  const other = await rig.node('available');
  await rig.expect(400, 'POST', `/v1/nodes/${other}/commission`, {});
});

test('pools and zones: nodes and allocations are in one of each', async () => {
  await rig.expect(201, 'POST', '/v1/pools', { name: 'gpu', description: 'd' });
  await rig.expect(201, 'POST', '/v1/zones', { name: 'rack-2' });
  await rig.expect(409, 'POST', '/v1/pools', { name: 'gpu' });
  const [here, there] = [
    await rig.node('available', { resource_class: 'pooled' }),
    await rig.node('available', { resource_class: 'pooled' }),
  ];
  await rig.expect(204, 'PUT', `/v1/nodes/${there}/pool`, { name: 'gpu' });
  await rig.expect(204, 'PUT', `/v1/nodes/${there}/zone`, { name: 'rack-2' });
  await rig.expect(400, 'PUT', `/v1/nodes/${there}/zone`, { name: 'nowhere' });
  const shown = await rig.expect(200, 'GET', `/v1/nodes/${there}?also=pool,zone,tags`);
  assert.deepEqual([shown['pool'], shown['zone'], shown['tags']], ['gpu', 'rack-2', []]);
  assert.equal('pool' in (await rig.expect(200, 'GET', `/v1/nodes/${there}`)), false);
  const uuidsOf = async (query: string) =>
    ((await rig.expect(200, 'GET', `/v1/nodes?${query}`))['nodes'] as JsonObject[]).map(({ uuid }) => uuid);
  assert.deepEqual(await uuidsOf('pool=gpu'), [there]);
  assert.deepEqual(await uuidsOf('resource_class=pooled&zone=default'), [here]);
  const allocate = async (where: object) => {
    const { uuid } = await rig.expect(201, 'POST', '/v1/allocations', { resource_class: 'pooled', ...where });
    return rig.expect(200, 'GET', `/v1/allocations/${uuid as string}`);
  };
  assert.equal((await allocate({ pool: 'gpu', zone: 'default' }))['state'], 'error');
  assert.equal((await allocate({ pool: 'gpu', zone: 'rack-2' }))['node_uuid'], there);
  await rig.expect(400, 'POST', '/v1/allocations', { resource_class: 'pooled', pool: 'none' });
  assert.match(faultOf(await rig.expect(400, 'DELETE', '/v1/pools/gpu')), /nodes are in it/);
  await rig.expect(409, 'DELETE', '/v1/pools/default');
  await rig.expect(400, 'PATCH', '/v1/zones/default', [{ op: 'replace', path: '/name', value: 'x' }]);
});

test('tags by hand; the conditions of others decide for themselves', async () => {
  await rig.expect(201, 'POST', '/v1/tags', { name: 'loud', kernel_options: 'nomodeset' });
  const threads = { op: 'gt', args: { values: ['{inventory[cpu][threads]}', 4] } };
  await rig.expect(201, 'POST', '/v1/tags', { name: 'big', conditions: [threads] });
  await rig.expect(400, 'POST', '/v1/tags', { name: 'odd', conditions: [{ op: 'near', args: [] }] });
  await rig.expect(400, 'POST', '/v1/tags', { name: 'odd', kernel_options: 'a\nb' });
  const node = await rig.node('manageable');
  await rig.expect(204, 'PUT', `/v1/nodes/${node}/tags/loud`);
  await rig.expect(204, 'PUT', `/v1/nodes/${node}/tags/loud`);
  await rig.expect(409, 'PUT', `/v1/nodes/${node}/tags/big`);
  await rig.expect(404, 'PUT', `/v1/nodes/${node}/tags/none`);
  assert.deepEqual(await rig.expect(200, 'GET', `/v1/nodes/${node}/tags`), { tags: ['loud'] });
  assert.equal(((await rig.expect(200, 'GET', '/v1/nodes?tags=loud'))['nodes'] as unknown[]).length, 1);
  await rig.expect(204, 'DELETE', `/v1/nodes/${node}/tags/loud`);
  assert.deepEqual(await rig.expect(200, 'GET', `/v1/nodes/${node}/tags`), { tags: [] });
  await rig.expect(204, 'DELETE', '/v1/tags/big');
});

const MAC = '52:54:00:00:00:0b';
const report = (threads: number): InspectionReport =>
  ({
    protocol: 1,
    agentVersion: 'test',
    bootMac: MAC,
    steps: [],
    inventory: {
      system: { uuid: '4c4c4544-0000-1000-8000-000000000002', serial: 'T1' },
      boot: { firmwareMode: 'bios', order: [] },
      cpu: { model: 'x', architecture: 'x86_64', sockets: 1, cores: 4, threads, flags: [] },
      numaNodes: [],
      memory: { totalBytes: 2 ** 30 },
      disks: [],
      nics: [{ name: 'eth0', mac: MAC, hasCarrier: true }],
    },
  }) as unknown as InspectionReport;
const inTransaction = <Value>(work: Parameters<ReturnType<Database['db']['transaction']>['execute']>[0]) =>
  database.db.transaction().execute(work) as Promise<Value>;

test('an inspection gives and takes tags; their kernel options come to the agent', async () => {
  const tag = (name: string, more: object) => inTransaction((trx) => machineTagStore.insert(trx, { name, ...more }));
  const condition = { op: 'gt', args: { values: ['{inventory[cpu][threads]}', 4] } };
  await tag('big', { conditions: [condition], kernel_options: 'mitigations=off' });
  await tag('hand', { kernel_options: 'console=ttyS1' });
  const { node } = await inTransaction<Awaited<ReturnType<typeof acceptInspection>>>((trx) => acceptInspection(trx, report(8), undefined));
  const optionsOf = async () => (await readBootHost(database.db, MAC))!.kernelArguments;
  assert.equal(await optionsOf(), 'mitigations=off');
  await inTransaction((trx) => tagByHand(trx, node.uuid, 'hand', true));
  assert.equal(await optionsOf(), 'mitigations=off console=ttyS1');
  await inTransaction((trx) => acceptInspection(trx, report(2), undefined));
  assert.equal(await optionsOf(), 'console=ttyS1');
  const { uuid } = (await machineTagStore.find(database.db, { name: 'big' }))!;
  const any = [{ op: 'eq', args: { values: [1, 1] } }];
  await inTransaction(async (trx) => retagAll(trx, await machineTagStore.update(trx, uuid, { conditions: any })));
  assert.equal(await optionsOf(), 'mitigations=off console=ttyS1');
});

test('results of the last ten runs are kept, each outcome once', async () => {
  const { uuid } = await database.db.selectFrom('node').select('uuid').executeTakeFirstOrThrow();
  const outcome = (script: string, result: string): ScriptOutcome => ({
    script,
    type: 'testing',
    instance: '',
    status: 'passed',
    exitStatus: 0,
    output: 'o',
    errorOutput: '',
    result,
    startedAtMs: 1,
    endedAtMs: 2,
  });
  for (let run = 1; run <= 12; run += 1)
    for (let again = 0; again < 2; again += 1)
      await inTransaction((trx) => storeOutcomes(trx, uuid, `run-${run}`, [outcome('a', 'x: {y: 1}'), outcome('b', '{{ no yaml')]));
  const results = await listResults(database.db, uuid, {});
  assert.equal(results.length, 20);
  assert.deepEqual(new Set(results.map(({ run }) => run)).has('run-2'), false);
  const [a] = await listResults(database.db, uuid, { run: 'run-12', script: 'a' });
  assert.deepEqual(a!.result, { x: { y: 1 } });
});
