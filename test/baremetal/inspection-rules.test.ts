import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { sql } from 'kysely';
import type { Database } from '../../core/database/connect-database.ts';
import type { InspectionReport } from '../../deploy-agent/protocol.ts';
import { inspectionRuleStore } from '../../inventory/baremetal-stores.ts';
import { acceptInspection } from '../../inventory/discovery-service.ts';
import { listTraits } from '../../inventory/trait-service.ts';
import { startDatabaseRig, type DatabaseRig } from '../core/database-rig.ts';
import { startRig, type Rig } from './baremetal-rig.ts';

/** Inspection rules: written over HTTP, and what they make of a machine that is inspected. */
let databases: DatabaseRig;
let database: Database;
before(async () => {
  databases = await startDatabaseRig();
  database = await databases.freshDatabase();
});
after(() => databases.close());

const report = (serial: string): InspectionReport =>
  ({
    protocol: 1,
    agentVersion: 'test',
    bootMac: '52:54:00:00:00:0a',
    steps: [],
    inventory: {
      system: { uuid: '4c4c4544-0000-1000-8000-000000000001', serial, manufacturer: 'Acme' },
      boot: { firmwareMode: 'uefi', order: [] },
      cpu: { model: 'x', architecture: 'x86_64', sockets: 1, cores: 4, threads: 8, flags: [] },
      numaNodes: [],
      memory: { totalBytes: 8 * 2 ** 30 },
      disks: [],
      nics: [{ name: 'eth0', mac: '52:54:00:00:00:0a', hasCarrier: true }],
    },
  }) as unknown as InspectionReport;

const inspect = (serial = 'S1') => database.db.transaction().execute((trx) => acceptInspection(trx, report(serial), undefined));
const write = (actions: object[], conditions: object[] = [], priority = 0) =>
  database.db.transaction().execute((trx) => inspectionRuleStore.insert(trx, { actions, conditions, priority }));
const node = (uuid: string) => database.db.selectFrom('node').selectAll().where('uuid', '=', uuid).executeTakeFirstOrThrow();

test('what people wrote into properties survives an inspection', async () => {
  const { node: first } = await inspect();
  await sql`update node set properties = properties || '{"root_device": {"serial": "D1"}, "capabilities": "gpu:yes,boot_mode:bios"}' where uuid = ${first.uuid}`.execute(
    database.db,
  );
  await inspect();
  const { properties } = await node(first.uuid);
  assert.deepEqual(properties, {
    cpus: 8,
    cpu_arch: 'x86_64',
    memory_mb: 8192,
    root_device: { serial: 'D1' },
    capabilities: 'gpu:yes,boot_mode:uefi',
  });
});

test('a rule whose conditions hold changes node, traits and ports; another does nothing', async () => {
  await write(
    [
      { op: 'set-attribute', args: { path: '/extra/vendor', value: '{inventory[system][manufacturer]}' } },
      { op: 'add-trait', args: { name: 'CUSTOM_ACME' } },
      { op: 'set-attribute', args: { path: '/resource_class', value: 'acme-{inventory[cpu][threads]}' } },
    ],
    [{ op: 'eq', args: { values: ['{inventory[system][manufacturer]}', 'Acme'] } }],
  );
  await write([{ op: 'fail', args: { msg: 'never' } }], [{ op: 'gt', args: { values: ['{inventory[cpu][threads]}', 100] } }]);
  const { node: inspected } = await inspect();
  const now = await node(inspected.uuid);
  assert.deepEqual(now.extra, { vendor: 'Acme' });
  assert.equal(now.resource_class, 'acme-8');
  assert.deepEqual(await listTraits(database.db, inspected.uuid), ['CUSTOM_ACME']);
});

test('a rule that refuses a machine leaves its reason, and the inspection itself', async () => {
  await write([{ op: 'fail', args: { msg: 'only {inventory[cpu][threads]} threads' } }], [], 100);
  const { node: refused, inspectionVersion } = await inspect('S2');
  assert.match(String((await node(refused.uuid)).last_error), /refused this machine: only 8 threads/);
  assert.ok(inspectionVersion > 1);
});

test('over HTTP: written, shown, hidden when sensitive, refused when senseless', async () => {
  const rig: Rig = await startRig();
  try {
    const action = { op: 'set-attribute', args: { path: '/extra/x', value: 1 } };
    const made = await rig.expect(201, 'POST', '/v1/inspection_rules', { actions: [action], description: 'd', priority: 5 });
    assert.deepEqual(made['actions'], [action]);
    const secret = await rig.expect(201, 'POST', '/v1/inspection_rules', { actions: [action], sensitive: true });
    assert.equal(secret['actions'], null);
    const path = `/v1/inspection_rules/${secret['uuid'] as string}`;
    await rig.expect(400, 'PATCH', path, [{ op: 'replace', path: '/sensitive', value: false }]);
    await rig.expect(400, 'POST', '/v1/inspection_rules', { actions: [] });
    await rig.expect(400, 'POST', '/v1/inspection_rules', { actions: [{ op: 'set-attribute', args: ['/provision_state', 'x'] }] });
    await rig.expect(404, 'GET', '/v1/inspection_rules', undefined, { version: 95 });
    assert.equal(((await rig.expect(200, 'GET', '/v1/inspection_rules?sort_key=priority'))['inspection_rules'] as unknown[]).length, 2);
    await rig.expect(204, 'DELETE', path);
  } finally {
    await rig.stop();
  }
});
