import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { connect } from 'node:tls';
import type { JsonObject } from '../../core/base/json.ts';
import { startBmcFleet } from '../../lab/bmc/bmc-fleet.ts';
import { run } from '../bmc/bmc-rig.ts';
import { nodeAtRest, showNode } from './node-at-rest.ts';
import { startServe, type ServeProcess } from './serve-process.ts';

/** A BMC's certificate is replaced: the control plane gets in again, and trusts nothing else. */
const start = () => startServe(data, { args: ['--config', join(data, 'config.json')] });
const data = mkdtempSync(join(tmpdir(), 'rackwright-serve-'));
const nodes = '/baremetal/v1/nodes';
let serve: ServeProcess;
let fleet: Awaited<ReturnType<typeof startBmcFleet>>;
before(async () => {
  fleet = await startBmcFleet({ count: 3, firstAddress: `127.48.${process.pid % 250}.1`, protocol: 'redfish', redfishPort: 0 });
  const authority = { certificate_file: join(data, 'ca.pem'), key_file: join(data, 'ca.key') };
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-384', '-nodes'];
  await run('openssl', [
    'req',
    '-x509',
    ...curve,
    '-keyout',
    authority.key_file,
    '-out',
    authority.certificate_file,
    '-days',
    '30',
    '-subj',
    '/CN=Operator',
  ]);
  writeFileSync(join(data, 'config.json'), JSON.stringify({ bmc_certificates: { authority, days: 7 } }));
  serve = await start();
});
after(async () => {
  await serve?.kill('SIGTERM');
  await fleet?.stop();
  rmSync(data, { recursive: true, force: true });
});

const show = (name: string) => showNode(serve, name);
const rest = (name: string) => nodeAtRest(serve, name);
const certificate = async (name: string) => (await serve.call('GET', `${nodes}/${name}/management/bmc_certificate`)).body;
const replace = async (name: string, body: JsonObject = {}) =>
  (await serve.call('PUT', `${nodes}/${name}/management/bmc_certificate`, body)).status;

/** As somebody who just connects sees it. */
const shownBy = (index: number): Promise<string> => {
  const { hostname: host, port } = new URL(fleet.list()[index]!.redfish!);
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port: Number(port), rejectUnauthorized: false }, () => {
      resolve(socket.getPeerCertificate().fingerprint256);
      socket.destroy();
    }).on('error', reject);
  });
};

async function enroll(name: string, index: number, verify: unknown): Promise<void> {
  const { redfish: url, username, password } = fleet.list()[index]!;
  const info = { redfish_address: url, redfish_username: username, redfish_password: password, redfish_verify_ca: verify };
  assert.equal((await serve.call('POST', nodes, { name, driver: 'redfish', driver_info: info })).status, 201);
  await serve.call('PUT', `${nodes}/${name}/states/provision`, { target: 'manage' });
  assert.equal((await rest(name))['provision_state'], 'manageable');
}

test('one that was accepted as it came is known by its own certificate afterwards', async () => {
  await enroll('open', 0, false);
  const before = await certificate('open');
  assert.equal(before['pinned'], false);
  assert.equal(before['sha256'], await shownBy(0));
  assert.equal(await replace('open'), 202);
  assert.equal((await rest('open'))['last_error'], null);
  const now = await certificate('open');
  assert.equal(now['pinned'], true);
  assert.notEqual(now['sha256'], before['sha256']);
  assert.equal(now['sha256'], await shownBy(0));
  assert.ok(!JSON.stringify(await show('open')).includes('PRIVATE KEY'));

  // Who puts another BMC in its place is not believed.
  const stranger = fleet.members[1]!.bmc.state.tls.now();
  const { tls } = fleet.members[0]!.bmc.state;
  const own = tls.now();
  tls.replace(stranger);
  assert.equal(await replace('open'), 202);
  assert.match(String((await rest('open'))['last_error']), /certificate is not trusted/);
  tls.replace(own);
});

test('kill -9 in the middle, again and again: the BMC is let in, whichever certificate it shows', async () => {
  await enroll('killed', 1, fleet.members[1]!.bmc.state.tls.now().certificatePem);
  const seen = new Set([await shownBy(1)]);
  for (const delay of [0, 40, 150]) {
    assert.equal(await replace('killed'), 202);
    await pause(delay);
    await serve.kill('SIGKILL');
    serve = await start();
    assert.equal((await rest('killed'))['last_error'], null);
    seen.add(await shownBy(1));
  }
  assert.equal(seen.size, 4);
  assert.equal((await certificate('killed'))['pinned'], true);
  assert.equal(
    String((await show('killed'))['driver_info'] && ((await show('killed'))['driver_info'] as JsonObject)['redfish_verify_ca']).match(
      /BEGIN/g,
    )?.length,
    1,
  );
});

test('the BMC makes its own key, which never leaves it, and the operator’s authority signs; kill -9 does not lock it out', async () => {
  const { tls } = fleet.members[2]!.bmc.state;
  const sent: string[] = [];
  const { replace: takeWithKey } = tls;
  Object.assign(tls, { replace: (identity: { keyPem: string }) => (sent.push(identity.keyPem), takeWithKey(identity as never)) });
  await enroll('own-key', 2, tls.now().certificatePem);
  const seen = new Set([await shownBy(2)]);
  for (const delay of [0, 40, 150, undefined]) {
    assert.equal(await replace('own-key', { key: 'bmc' }), 202);
    if (delay !== undefined) {
      await pause(delay);
      await serve.kill('SIGKILL');
      serve = await start();
    }
    assert.equal((await rest('own-key'))['last_error'], null);
    seen.add(await shownBy(2));
  }
  assert.equal(seen.size, 5);
  assert.deepEqual(sent, []);
  const told = await certificate('own-key');
  assert.equal(told['pinned'], true);
  assert.match(String(told['issuer']), /CN=Operator/);
  assert.ok(Date.parse(String(told['valid_until'])) < Date.now() + 8 * 86_400_000);
  writeFileSync(join(data, 'shown.pem'), String(told['certificate']));
  const { hostname } = new URL(fleet.list()[2]!.redfish!);
  const verified = await run('openssl', ['verify', '-CAfile', join(data, 'ca.pem'), '-verify_ip', hostname, join(data, 'shown.pem')]);
  assert.match(verified, /OK/);

  // One whose key was forgotten between request and certificate, as by a restart of the BMC, is asked again.
  const { install } = tls;
  Object.assign(tls, { install: () => false });
  assert.equal(await replace('own-key', { key: 'bmc' }), 202);
  assert.match(String((await rest('own-key'))['last_error']), /for no key of this BMC/);
  Object.assign(tls, { install });
  assert.equal(await replace('own-key', { key: 'bmc' }), 202);
  const after = await rest('own-key');
  assert.notEqual((await certificate('own-key'))['sha256'], told['sha256']);
  assert.equal(String((after['driver_info'] as JsonObject)['redfish_verify_ca']).match(/BEGIN/g)?.length, 1);
  assert.equal(await replace('own-key'), 202, 'and a key of ours again');
  await rest('own-key');
  assert.equal(sent.length, 1);
  assert.equal(await replace('own-key', { key: 'somebody' }), 400);
  assert.equal(await replace('own-key', { kee: 'bmc' }), 400);
});

test('fake hardware, and BMCs without Redfish, have none', async () => {
  await serve.call('POST', nodes, { name: 'fake', driver: 'fake-hardware' });
  assert.equal(await replace('fake'), 400);
});
