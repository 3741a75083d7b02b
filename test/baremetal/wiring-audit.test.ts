import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { sql } from 'kysely';
import type { Database } from '../../core/database/connect-database.ts';
import type { InspectionReport } from '../../deploy-agent/protocol.ts';
import { auditInstallation, type AuditContext } from '../../flows/audit-installation.ts';
import { takeInspection } from '../../inventory/agent-session-service.ts';
import { acceptInspection } from '../../inventory/discovery-service.ts';
import { readExplanation } from '../../inventory/explain-service.ts';
import { startDatabaseRig, type DatabaseRig } from '../core/database-rig.ts';

/** What LLDP told at the last inspection, against what the records of the network say. */
const LEAF = '28:99:3a:00:00:01';
const MAC = '52:54:00:00:00:0a';
let databases: DatabaseRig;
let database: Database;
before(async () => {
  databases = await startDatabaseRig();
  database = await databases.freshDatabase();
});
after(() => databases.close());

const report = (portId: string): InspectionReport =>
  ({
    protocol: 1,
    agentVersion: 'test',
    bootMac: MAC,
    steps: [],
    inventory: {
      system: { uuid: '4c4c4544-0000-1000-8000-000000000001', serial: 'wired-1' },
      boot: { firmwareMode: 'uefi', order: [] },
      cpu: { model: 'x', architecture: 'x86_64', sockets: 1, cores: 4, threads: 8, flags: [] },
      numaNodes: [],
      memory: { totalBytes: 8 * 2 ** 30 },
      disks: [],
      nics: [
        { name: 'eth0', mac: MAC, hasCarrier: true, lldp: { chassisId: LEAF, portId, systemName: 'leaf-1' } },
        { name: 'eth1', mac: '52:54:00:00:00:0b', hasCarrier: false },
      ],
    },
  }) as unknown as InspectionReport;
const inspect = (portId: string) => database.db.transaction().execute((trx) => acceptInspection(trx, report(portId), undefined));
const record = (link: object) =>
  sql`update port set local_link_connection = ${JSON.stringify(link)}::jsonb where address = ${MAC}`.execute(database.db);

async function audited(): Promise<readonly string[]> {
  const none = { id: 'none', list: async () => [], listIncomplete: async () => [] };
  const context = {
    db: database.db,
    stores: { all: [], near: none },
    settlingSeconds: 0,
    objectDirectory: '/nowhere',
  } as unknown as AuditContext;
  const check = (await auditInstallation(context)).find(({ check: name }) => name === 'NICs in other switch ports than recorded')!;
  assert.equal(check.error, null);
  return check.found;
}

test('a record that says another port than LLDP told is told with both, until one of them is put right', async () => {
  await inspect('Ethernet1/4');
  assert.deepEqual(await audited(), [], 'an inspection writes what LLDP tells');
  await record({ switch_id: LEAF.toUpperCase(), port_id: 'Ethernet1/9', switch_info: 'leaf-1' });
  const [found, ...others] = await audited();
  assert.match(
    found!,
    /^52:54:00:00:00:0a of wired-1 is recorded at Ethernet1\/9 of leaf-1 .*; LLDP told Ethernet1\/4 of leaf-1 \(28:99:3a:00:00:01\) at the inspection of 20/,
  );
  assert.deepEqual(others, []);
  await inspect('Ethernet1/4');
  assert.equal((await audited()).length, 1, 'the next inspection leaves the word of an operator');
  await record({});
  assert.deepEqual(await audited(), [], 'nothing is recorded');
  await record({ switch_id: LEAF, port_id: 'Ethernet1/9' });
  await inspect('Ethernet1/9');
  assert.deepEqual(await audited(), []);
});

test('what an operator wrote holds against LLDP, whose word is told in the timeline and by explain; what it wrote itself follows it', async () => {
  const { node } = await takeInspection(database.db, report('Ethernet1/1'), undefined, Date.now());
  const link = async () => {
    const row = await database.db.selectFrom('port').selectAll().where('address', '=', MAC).executeTakeFirstOrThrow();
    return (row.local_link_connection as { port_id?: string }).port_id;
  };
  await record({});
  await inspect('Ethernet1/2');
  await inspect('Ethernet1/3');
  assert.equal(await link(), 'Ethernet1/3', 'a cable that was moved');
  await record({ switch_id: LEAF, port_id: 'Ethernet1/7' });
  await takeInspection(database.db, report('Ethernet1/3'), undefined, Date.now());
  assert.equal(await link(), 'Ethernet1/7');
  const told = await readExplanation(database.db, node);
  const found = told.diagnosis.find(({ rule }) => rule === 'nic-wrong-port');
  assert.match(
    found!.evidence.join(),
    /LLDP tells that 52:54:00:00:00:0a is in Ethernet1\/3 of leaf-1 \(28:99:3a:00:00:01\); Ethernet1\/7 of 28/,
  );
});

test('what a machine says all the time does not push out what it said once', async () => {
  const uuid = (await database.db.selectFrom('port').select('node_uuid').where('address', '=', MAC).executeTakeFirstOrThrow()).node_uuid;
  await sql`insert into machine_event (at, node_uuid, source, kind, severity, message, evidence)
    select now(), ${uuid}, 'bmc', 'bmc.power-state', 'debug', 'a look at the power', '{}' from generate_series(1, 5000)`.execute(
    database.db,
  );
  const node = await database.db.selectFrom('node').selectAll().where('uuid', '=', uuid).executeTakeFirstOrThrow();
  const told = await readExplanation(database.db, node as never);
  assert.ok(told.diagnosis.some(({ rule }) => rule === 'nic-wrong-port'));
});
