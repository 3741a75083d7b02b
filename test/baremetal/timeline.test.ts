import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { sql } from 'kysely';
import { systemClock } from '../../core/base/clock.ts';
import { silentLogger } from '../../core/base/logger.ts';
import { systemRandom } from '../../core/base/random.ts';
import type { MachineEvent } from '../../core/base/machine-event.ts';
import { Secret } from '../../core/base/secret.ts';
import type { Database } from '../../core/database/connect-database.ts';
import { createBmcConnector } from '../../bmc/connect-bmc.ts';
import { createEventRecorder } from '../../inventory/event-recorder.ts';
import { insertEvents, readTimeline } from '../../inventory/timeline-store.ts';
import { startDatabaseRig, type DatabaseRig } from '../core/database-rig.ts';

/** Whose history an event of a BMC belongs to. */
let rig: DatabaseRig;
let database: Database;
before(async () => {
  rig = await startDatabaseRig();
  database = await rig.freshDatabase();
});
after(() => rig?.close());

async function node(driverInfo: Record<string, string>): Promise<string> {
  const { rows } = await sql<{ uuid: string }>`
    insert into node (driver, driver_info) values ('redfish', ${JSON.stringify(driverInfo)}) returning uuid`.execute(database.db);
  return rows[0]!.uuid;
}
const of = (machine: MachineEvent['machine']): MachineEvent => ({
  atMs: Date.now(),
  source: 'bmc',
  kind: 'bmc.power',
  severity: 'info',
  message: JSON.stringify(machine),
  machine,
});
const historyOf = async (uuid: string) => (await readTimeline(database.db, uuid, { limit: 10 })).map(({ message }) => message);

test('a BMC’s events go to the node with that address, not to one whose address begins alike', async () => {
  const addresses = [
    'https://10.0.0.12',
    'https://10.0.0.1',
    'https://10.0.1.1:8443/',
    '10.0.2.1',
    'https://[fd00::1]:443',
    'http://bmc-7.rack',
  ];
  const nodes = await Promise.all(addresses.map((address) => node({ redfish_address: address })));
  const byIpmi = await node({ ipmi_address: '10.0.0.123' });
  const hosts = ['10.0.0.12', '10.0.0.1', '10.0.1.1', '10.0.2.1', '[fd00::1]', 'bmc-7.rack'];
  await insertEvents(
    database.db,
    [...hosts, '10.0.0.123', '10.0.0'].map((bmcAddress) => of({ bmcAddress })),
  );
  for (const [index, uuid] of nodes.entries())
    assert.deepEqual(await historyOf(uuid), [JSON.stringify({ bmcAddress: hosts[index] })], addresses[index]!);
  assert.deepEqual(await historyOf(byIpmi), [JSON.stringify({ bmcAddress: '10.0.0.123' })]);
});

test('of several BMCs behind one host each call is told in its own node’s history', async () => {
  const [one, two] = [await node({ redfish_address: 'http://127.0.0.1:9' }), await node({ redfish_address: 'http://127.0.0.1:1' })];
  const events: MachineEvent[] = [];
  const bmcs = createBmcConnector({
    logger: silentLogger,
    clock: systemClock,
    random: systemRandom,
    recordEvent: (event) => events.push(event),
  });
  for (const [nodeId, port] of [
    [one, 9],
    [two, 1],
  ] as const) {
    const address = {
      protocol: 'redfish',
      host: '127.0.0.1',
      port,
      scheme: 'http',
      username: 'u',
      password: new Secret('p'),
      nodeId,
    } as const;
    await assert.rejects(bmcs.connect([address]).powerState(AbortSignal.timeout(60_000)));
  }
  await bmcs.close();
  await insertEvents(database.db, events);
  for (const uuid of [one, two]) assert.equal((await historyOf(uuid)).length, 1);
});

test('what a stranger wrote that no text of PostgreSQL can hold is kept, made visible, and keeps nothing else out', async () => {
  const one = await node({ redfish_address: 'https://10.0.9.1' });
  const hostile: MachineEvent = {
    ...of({ nodeId: one }),
    message: 'asked for a\0b and \ud800',
    evidence: { 'key\0': ['x\0', { deep: '\udfff' }], clean: 'ß' },
  };
  await insertEvents(database.db, [of({ nodeId: one }), hostile, of({ nodeId: one })]);
  const told = await readTimeline(database.db, one, { limit: 10 });
  assert.equal(told.length, 3);
  assert.equal(told[1]!.message, 'asked for a\ufffdb and \ufffd');
  assert.deepEqual(told[1]!.evidence, { 'key\ufffd': ['x\ufffd', { deep: '\ufffd' }], clean: 'ß' });
});

test('an event that cannot be stored is dropped alone, and what comes after it is kept', async () => {
  const one = await node({ redfish_address: 'https://10.0.9.2' });
  const recorder = createEventRecorder(database, systemClock, silentLogger);
  recorder.record(of({ nodeId: one }));
  recorder.record({ ...of({ nodeId: one }), atMs: Number.NaN });
  recorder.record(of({ nodeId: one }));
  await recorder.stop();
  assert.equal((await historyOf(one)).length, 2);
  assert.equal(recorder.dropped(), 1);
});
