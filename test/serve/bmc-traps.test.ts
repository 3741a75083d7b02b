import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { encodePlatformTrap, type TrapToSend } from '../../bmc/platform-trap-codec.ts';
import type { JsonObject } from '../../core/base/json.ts';
import type { MachineEvent } from '../../core/base/machine-event.ts';
import { startBmcFleet, type BmcFleet } from '../../lab/bmc/bmc-fleet.ts';
import { run } from '../bmc/bmc-rig.ts';
import { startServe, type ServeProcess } from './serve-process.ts';

/** An IPMI BMC tells by platform event traps: the poll of this installation comes once an hour. */
const data = mkdtempSync(join(tmpdir(), 'rackwright-traps-'));
const LATEST = { 'x-openstack-ironic-api-version': 'latest' };
const network = process.pid % 250;
const BMC = `127.46.${network}.1`;
const RECEIVER = `127.46.${network}.100`;
const PORT = 1162;
const events: MachineEvent[] = [];
let serve: ServeProcess;
let fleet: BmcFleet;

async function until<Result>(what: string, look: () => Promise<Result | undefined | false>): Promise<Result> {
  for (let tries = 0; tries < 600; tries += 1) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`waited for ${what}`);
}
const node = async (path = '') => (await serve.call('GET', `/baremetal/v1/nodes/teller${path}`, undefined, LATEST)).body;
const timeline = async () => (await node('/timeline?limit=5000'))['events'] as JsonObject[];
const told = async (kind: string, words = /./) =>
  (await timeline()).filter((event) => event['kind'] === kind && words.test(`${event['message']} ${JSON.stringify(event['evidence'])}`));
const untilTold = (kind: string, words?: RegExp) => until(`${kind} ${words ?? ''}`, async () => (await told(kind, words))[0]);
const powerIs = (power: string) => until(power, async () => (await node())['power_state'] === power);
const counter = async (name: string) =>
  Number(new RegExp(`^rackwright_bmc_${name} (\\d+)$`, 'm').exec(await (await fetch(`${serve.endpoint}/metrics`)).text())?.[1]);

before(async () => {
  fleet = await startBmcFleet({
    count: 1,
    firstAddress: BMC,
    protocol: 'ipmi',
    ipmiPort: 623,
    trapPort: PORT,
    username: 'admin',
    password: 'tells-by-traps',
    recordEvent: (event) => void events.push(event),
  });
  const traps = { listen: `${RECEIVER}:${PORT}`, community: 'racks' };
  writeFileSync(join(data, 'config.json'), JSON.stringify({ power_sync_seconds: 3600, bmc_events: { traps } }));
  serve = await startServe(data, { args: ['--config', join(data, 'config.json')] });
  const info = { ipmi_address: BMC, ipmi_username: 'admin', ipmi_password: 'tells-by-traps' };
  await serve.call('POST', '/baremetal/v1/nodes', { driver: 'ipmi', name: 'teller', driver_info: info }, LATEST);
  await serve.call('PUT', '/baremetal/v1/nodes/teller/states/provision', { target: 'manage' }, LATEST);
});
after(async () => {
  await serve?.kill('SIGTERM');
  await fleet?.stop();
  rmSync(data, { recursive: true, force: true });
});

test('a BMC is set up to tell, and what it tells is in the timeline, acknowledged, and looked after', async () => {
  const { state } = fleet.members[0]!.bmc;
  await untilTold('bmc.traps-enrolled', new RegExp(RECEIVER));
  assert.ok(!JSON.stringify(await timeline()).includes('racks'), 'the community is nobody’s business');
  state.control('on');
  await powerIs('power on');
  const on = await untilTold('bmc.trap', /Power Unit: power off\/down is over/);
  assert.equal((on['evidence'] as JsonObject)['guid'], '5261636b-0000-4000-8000-000000000001');
  state.putReading('Fan 1', 201);
  const critical = await untilTold('bmc.trap', /Fan: upper critical going high/);
  assert.equal(critical['severity'], 'error');
  assert.ok(!events.some(({ kind }) => kind === 'bmc.trap-unanswered'));
});

test('strangers are not heard, and a lie in the name of a BMC is told but not believed', async () => {
  const lie: TrapToSend = {
    community: 'racks',
    agentAddress: BMC,
    uptimeMs: 0,
    guid: '5261636b-0000-4000-8000-000000000001',
    sequence: 4711,
    atSeconds: 1_700_000_000,
    severity: 0x10,
    entity: 0x13,
    entityInstance: 1,
    manufacturerId: 0,
    systemId: 1,
    event: { device: 0x20, sensorType: 0x09, sensor: 0x10, trigger: 0x6f, data: Buffer.from([0, 0xff, 0xff]) },
    text: '',
  };
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, BMC, resolve));
  const send = (bytes: Buffer) => new Promise<void>((resolve) => socket.send(bytes, PORT, RECEIVER, () => resolve()));
  const { bytes } = encodePlatformTrap(lie);
  try {
    const before = await counter('trap_strangers');
    const pet = '1.3.6.1.4.1.3183.1.1';
    await run('snmptrap', ['-v', '1', '-c', 'racks', `${RECEIVER}:${PORT}`, pet, BMC, '6', '1', '0', `${pet}.1`, 's', 'x']);
    await send(encodePlatformTrap({ ...lie, community: 'public' }).bytes);
    await send(bytes.subarray(0, 40));
    await send(Buffer.concat([bytes, Buffer.alloc(2000)]));
    await send(bytes);
    await send(bytes);
    await untilTold('bmc.trap', /"sequence":4711/);
    await until('the second of them', async () => (await counter('traps')) >= 4);
    assert.equal((await told('bmc.trap', /"sequence":4711/)).length, 1, 'sent twice, told once');
    assert.equal((await counter('trap_strangers')) - before, 2, 'another address, and another community');
    assert.equal(await counter('trap_malformed'), 2);
    assert.equal((await node())['power_state'], 'power on');
    for (let count = 0; count < 60; count += 1) await send(encodePlatformTrap({ ...lie, sequence: 5000 + count }).bytes);
    await until('some held back', async () => (await counter('traps_held_back')) > 0);
  } finally {
    socket.close();
  }
});

test('one that forgot us is set up again by the next process', async () => {
  await serve.kill('SIGKILL');
  fleet.members[0]!.bmc.state.parameters.clear();
  serve = await startServe(data, { args: ['--config', join(data, 'config.json')] });
  await until('enrolled again', async () => (await told('bmc.traps-enrolled')).length === 2);
  fleet.members[0]!.bmc.state.control('off');
  await powerIs('power off');
});
