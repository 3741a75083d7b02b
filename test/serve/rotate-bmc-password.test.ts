import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { JsonObject } from '../../core/base/json.ts';
import { startBmcFleet } from '../../lab/bmc/bmc-fleet.ts';
import { nodeAtRest, showNode } from './node-at-rest.ts';
import { startServe, type ServeProcess } from './serve-process.ts';

/** A BMC's password is changed while the control plane is killed at whatever moment: it always gets in again, and nobody else does. */
const data = mkdtempSync(join(tmpdir(), 'rackwright-serve-'));
const nodes = '/baremetal/v1/nodes';
let serve: ServeProcess;
let fleet: Awaited<ReturnType<typeof startBmcFleet>>;

before(async () => {
  fleet = await startBmcFleet({
    count: 3,
    firstAddress: `127.43.${process.pid % 250}.1`,
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

const show = (name: string) => showNode(serve, name);
const rest = (name: string) => nodeAtRest(serve, name);

/** With the password of its beginnings, as a stranger who once wrote it down would. */
const oldLogin = (index: number): Promise<boolean> => {
  const { address, ipmiPort, username, password } = fleet.list()[index]!;
  const login = ['-I', 'lanplus', '-C', '17', '-N', '1', '-R', '1', '-H', address, '-p', String(ipmiPort), '-U', username, '-P', password];
  return new Promise((resolve) => execFile('ipmitool', [...login, 'power', 'status'], (error) => resolve(error === null)));
};

async function enroll(name: string, driver: 'ipmi' | 'redfish', info: JsonObject): Promise<void> {
  assert.equal((await serve.call('POST', nodes, { name, driver, driver_info: info })).status, 201);
  await serve.call('PUT', `${nodes}/${name}/states/provision`, { target: 'manage' });
  assert.equal((await rest(name))['provision_state'], 'manageable');
}

async function stillObeys(name: string): Promise<void> {
  const before = (await show(name))['power_state'];
  const target = before === 'power on' ? 'power off' : 'power on';
  await serve.call('PUT', `${nodes}/${name}/states/power`, { target });
  const node = await rest(name);
  assert.equal(node['last_error'], null);
  assert.equal(node['power_state'], target);
}

const ipmi = (index: number): JsonObject => {
  const { address, ipmiPort, username, password } = fleet.list()[index]!;
  return { ipmi_address: address, ipmi_port: ipmiPort!, ipmi_username: username, ipmi_password: password };
};
const redfish = (index: number): JsonObject => {
  const { redfish: url, username, password } = fleet.list()[index]!;
  return { redfish_address: url!, redfish_username: username, redfish_password: password, redfish_verify_ca: false };
};

test('over IPMI, over Redfish, and over both at once: the old password opens nothing any more', async () => {
  await enroll('by-ipmi', 'ipmi', ipmi(0));
  await enroll('by-redfish', 'redfish', { ...redfish(1), ...ipmi(1) });
  for (const [index, name] of ['by-ipmi', 'by-redfish'].entries()) {
    assert.ok(await oldLogin(index));
    assert.equal((await serve.call('PUT', `${nodes}/${name}/management/bmc_password`, {})).status, 202);
    assert.equal((await rest(name))['last_error'], null);
    assert.ok(!(await oldLogin(index)), `${name}: the old password is gone`);
    await stillObeys(name);
  }
});

test('kill -9 in the middle, again and again: no BMC is lost', async () => {
  await enroll('killed', 'redfish', { ...redfish(2), ...ipmi(2) });
  for (const delay of [0, 5, 10, 20, 30, 45, 60, 80, 120]) {
    assert.equal((await serve.call('PUT', `${nodes}/killed/management/bmc_password`, {})).status, 202);
    await pause(delay);
    await serve.kill('SIGKILL');
    serve = await startServe(data);
    assert.equal((await rest('killed'))['last_error'], null);
  }
  assert.ok(!(await oldLogin(2)));
  await stillObeys('killed');
});

test('fake hardware has no account', async () => {
  await serve.call('POST', nodes, { name: 'fake', driver: 'fake-hardware' });
  assert.equal((await serve.call('PUT', `${nodes}/fake/management/bmc_password`, {})).status, 400);
});
