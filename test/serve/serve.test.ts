import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { JsonObject } from '../../core/base/json.ts';
import { startBmcFleet } from '../../lab/bmc/bmc-fleet.ts';
import { startServe, type ServeProcess } from './serve-process.ts';

/** The control plane over its HTTP API, with real BMC protocols behind it: what an operator does before a machine boots. */
const data = mkdtempSync(join(tmpdir(), 'rackwright-serve-'));
let serve: ServeProcess;
let fleet: Awaited<ReturnType<typeof startBmcFleet>>;

const nodes = '/baremetal/v1/nodes';
const fault = (body: JsonObject) => (JSON.parse(String(body['error_message'])) as { faultstring: string }).faultstring;

async function until(id: string, wanted: (node: JsonObject) => boolean): Promise<JsonObject> {
  for (let tries = 0; tries < 600; tries += 1) {
    const { body } = await serve.call('GET', `${nodes}/${id}`);
    if (wanted(body)) return body;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`${id} did not get there: ${JSON.stringify((await serve.call('GET', `${nodes}/${id}/explain`)).body)}`);
}
const settled = (state: string) => (node: JsonObject) => node['provision_state'] === state && node['reservation'] === null;

const ipmiInfo = (index: number, password?: string): JsonObject => {
  const bmc = fleet.list()[index]!;
  return { ipmi_address: bmc.address, ipmi_port: bmc.ipmiPort!, ipmi_username: bmc.username, ipmi_password: password ?? bmc.password };
};

before(async () => {
  fleet = await startBmcFleet({
    count: 3,
    firstAddress: `127.41.${process.pid % 250}.1`,
    protocol: 'both',
    ipmiPort: 6230,
    redfishPort: 0,
  });
  serve = await startServe(data);
});
after(async () => {
  await serve?.kill('SIGTERM');
  await fleet?.stop();
  rmSync(data, { recursive: true, force: true });
});

test('health is open, the API wants a login, and versions are negotiated', async () => {
  assert.equal((await fetch(`${serve.endpoint}/healthz`)).status, 200);
  assert.match(await (await fetch(`${serve.endpoint}/metrics`)).text(), /rackwright_flow_running 0/);
  const stranger = await fetch(`${serve.endpoint}${nodes}`);
  assert.equal(stranger.status, 401);
  assert.match(stranger.headers.get('www-authenticate') ?? '', /^Basic/);
  const modern = await serve.call('GET', nodes, undefined, { 'x-openstack-ironic-api-version': '1.20' });
  assert.equal(modern.headers.get('x-openstack-ironic-api-version'), '1.20');
  const future = await serve.call('GET', nodes, undefined, { 'x-openstack-ironic-api-version': '1.999' });
  assert.equal(future.status, 406);
});

test('a node by hand: created, managed over IPMI, switched on, its password shown nowhere', async () => {
  const created = await serve.call('POST', nodes, { driver: 'ipmi', name: 'by-hand', driver_info: ipmiInfo(0) });
  assert.equal(created.status, 201);
  assert.equal((await serve.call('POST', nodes, { driver: 'ipmi', name: 'by-hand' })).status, 409);
  assert.equal((await serve.call('PUT', `${nodes}/by-hand/states/provision`, { target: 'manage' })).status, 202);
  const managed = await until('by-hand', settled('manageable'));
  assert.equal(managed['power_state'], 'power off');
  assert.equal((await serve.call('PUT', `${nodes}/by-hand/states/power`, { target: 'power on' })).status, 202);
  await until('by-hand', (node) => node['power_state'] === 'power on' && node['target_power_state'] === null);
  const everything = JSON.stringify([managed, (await serve.call('GET', `${nodes}/by-hand/timeline`)).body]);
  const firstBoot = async () => ((await serve.call('GET', `${nodes}/by-hand/boots`)).body['boots'] as { waits_for: string }[])[0];
  while ((await firstBoot()) === undefined) await new Promise((resolve) => setTimeout(resolve, 50));
  assert.match((await firstBoot())!.waits_for, /the firmware’s first DHCP packet/);
  assert.equal((await serve.call('GET', `${nodes}/by-hand/boots?limit=0`)).status, 400);
  assert.ok(!everything.includes(fleet.list()[0]!.password));
});

test('PostgreSQL is killed: it is started again, and what was known is known', async () => {
  const pid = Number(readFileSync(join(data, 'pg', 'postmaster.pid'), 'utf8').split('\n')[0]);
  process.kill(pid, 'SIGKILL');
  while (existsSync(`/proc/${pid}`)) await new Promise((resolve) => setTimeout(resolve, 20));
  const shown = await until('by-hand', (node) => node['name'] === 'by-hand');
  assert.equal(shown['power_state'], 'power on');
  assert.notEqual(Number(readFileSync(join(data, 'pg', 'postmaster.pid'), 'utf8').split('\n')[0]), pid);
  assert.equal((await fetch(`${serve.endpoint}/healthz`)).status, 200);
});

test('a wrong BMC password ends in enroll, with the cause and what to do', async () => {
  await serve.call('POST', nodes, { driver: 'ipmi', name: 'wrong', driver_info: ipmiInfo(1, 'not-this') });
  await serve.call('PUT', `${nodes}/wrong/states/provision`, { target: 'manage' });
  const node = await until('wrong', (shown) => settled('enroll')(shown) && shown['last_error'] !== null);
  assert.match(String(node['last_error']), /password|lock/i);
  const explained = (await serve.call('GET', `${nodes}/wrong/explain`)).body;
  assert.deepEqual(explained['possible'], ['manage']);
});

test('what cannot be done is refused with a reason and changes nothing', async () => {
  const wrongState = await serve.call('PUT', `${nodes}/by-hand/states/provision`, { target: 'active' });
  assert.equal(wrongState.status, 400);
  assert.match(fault(wrongState.body), /can not be performed .* "manageable"\. Possible from here: .*provide/);
  const cases: readonly [string, string, unknown, number][] = [
    ['PUT', `${nodes}/by-hand/states/provision`, { target: 'fly' }, 400],
    ['PUT', `${nodes}/by-hand/states/power`, { target: 'half on' }, 400],
    ['PUT', `${nodes}/nobody/states/power`, { target: 'power on' }, 404],
    ['PATCH', `${nodes}/by-hand`, [{ op: 'replace', path: '/provision_state', value: 'active' }], 400],
    ['PATCH', `${nodes}/by-hand`, [{ op: 'add', path: '/extra/__proto__', value: {} }], 400],
    ['PATCH', `${nodes}/by-hand`, { op: 'add' }, 400],
    ['POST', nodes, { driver: 'ipmi', colour: 'red' }, 400],
    ['POST', '/baremetal/v1/ports', { node_uuid: 'by-hand', address: 'no-mac' }, 400],
    ['GET', '/baremetal/v1/nothing', undefined, 404],
  ];
  for (const [method, path, body, status] of cases) {
    const answer = await serve.call(method, path, body);
    assert.equal(answer.status, status, `${method} ${path} ${JSON.stringify(body)}`);
    assert.ok(fault(answer.body).length > 5);
  }
  assert.equal((await serve.call('GET', `${nodes}/by-hand`)).body['provision_state'], 'manageable');
});

test('kill -9 in the middle of a verb: the next process finishes it', async () => {
  await serve.call('POST', nodes, { driver: 'ipmi', name: 'survivor', driver_info: ipmiInfo(2) });
  await serve.call('PUT', `${nodes}/survivor/states/provision`, { target: 'manage' });
  await serve.kill('SIGKILL');
  serve = await startServe(data);
  await until('survivor', settled('manageable'));
});

test('SIGTERM ends it within five seconds, and it leaves no database behind', async () => {
  const startedMs = Date.now();
  assert.equal(await serve.kill('SIGTERM'), 0);
  assert.ok(Date.now() - startedMs < 5000);
  assert.throws(() => readFileSync(join(data, 'pg/postmaster.pid')), /ENOENT/);
});
