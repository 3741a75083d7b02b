import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { JsonObject } from '../../core/base/json.ts';
import { startBmcFleet, type BmcFleet } from '../../lab/bmc/bmc-fleet.ts';
import { startServe, type ServeProcess } from './serve-process.ts';

/** A BMC that goes away takes its node out of service, with the cause; when it comes back, so does the node. */
const data = mkdtempSync(join(tmpdir(), 'rackwright-power-'));
const LATEST = { 'x-openstack-ironic-api-version': 'latest' };
const fleetSettings = {
  count: 1,
  firstAddress: `127.44.${process.pid % 250}.1`,
  protocol: 'ipmi',
  ipmiPort: 6234,
  username: 'admin',
  password: 'power-sync',
} as const;
let serve: ServeProcess;
let fleet: BmcFleet;

async function until(what: string, wanted: (node: JsonObject) => boolean): Promise<JsonObject> {
  for (let tries = 0; tries < 900; tries += 1) {
    const { body } = await serve.call('GET', '/baremetal/v1/nodes/faulty', undefined, LATEST);
    if (wanted(body)) return body;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`waited for ${what}`);
}

before(async () => {
  fleet = await startBmcFleet(fleetSettings);
  writeFileSync(join(data, 'config.json'), JSON.stringify({ power_sync_seconds: 1 }));
  serve = await startServe(data, { args: ['--config', join(data, 'config.json')] });
});
after(async () => {
  await serve?.kill('SIGTERM');
  await fleet?.stop();
  rmSync(data, { recursive: true, force: true });
});

test('maintenance with a fault comes and goes with the BMC; maintenance of an operator stays', async () => {
  const [bmc] = fleet.list();
  const info = { ipmi_address: bmc!.address, ipmi_port: bmc!.ipmiPort, ipmi_username: bmc!.username, ipmi_password: bmc!.password };
  await serve.call('POST', '/baremetal/v1/nodes', { driver: 'ipmi', name: 'faulty', driver_info: info }, LATEST);
  await serve.call('PUT', '/baremetal/v1/nodes/faulty/states/provision', { target: 'manage' }, LATEST);
  await until('manageable', (node) => node['provision_state'] === 'manageable');

  // The power changes behind our back.
  fleet.members[0]!.bmc.state.control('on');
  await until('the new power state', (node) => node['power_state'] === 'power on');

  await fleet.stop();
  const faulty = await until('the fault', (node) => node['fault'] === 'power failure');
  assert.equal(faulty['maintenance'], true);
  assert.match(String(faulty['maintenance_reason']), /BMC does not answer: .*127\.44\./);

  fleet = await startBmcFleet(fleetSettings);
  const mended = await until('the recovery', (node) => node['fault'] === null);
  assert.equal(mended['maintenance'], false);
  assert.equal(mended['power_state'], 'power off', 'the BMC that came back is believed');

  await serve.call('PUT', '/baremetal/v1/nodes/faulty/maintenance', { reason: 'a new fan' }, LATEST);
  fleet.members[0]!.bmc.state.control('on');
  const kept = await until('the power state in maintenance', (node) => node['power_state'] === 'power on');
  assert.equal(kept['maintenance'], true, 'what an operator decided stays');
});
