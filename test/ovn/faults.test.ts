import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import type { Tenant } from '../identity/identity-rig.ts';
import type { Shown } from '../network/network-rig.ts';
import { startServe, type ServeProcess } from '../serve/serve-process.ts';
import { addressOf, eventually, startCloudOnHosts, type CloudRig } from './cloud-rig.ts';
import { PORTS } from './workload-order.ts';

/** What breaks is waited for, told, and put right: afterwards OVN is as the tables are, and nothing is left over. */
let rig: CloudRig;
let ann: Tenant;
let network: Shown;
let serve: ServeProcess;
before(async () => {
  rig = await startCloudOnHosts();
  serve = rig.cloud.serve;
  ann = await rig.tenant('ann');
  await rig.expect(200, rig.admin, 'PUT', `/v2.0/quotas/${ann.projectId}`, { quota: { port: -1 } });
  ({ network } = await rig.net(ann.token, '10.1.0.0/24'));
});
after(async () => {
  await serve?.kill('SIGTERM');
  await rig?.close();
});

interface Audit {
  readonly clean: boolean;
  readonly checks: readonly { readonly check: string; readonly count: number; readonly error: string | null; readonly found: string[] }[];
}
const audit = async () => (await serve.call('GET', '/baremetal/v1/audit')).body as unknown as Audit;
const waiting = async () =>
  ((await serve.call('GET', '/healthz')).body['waiting'] as unknown as { what: string }[]).map(({ what }) => what);
const call = (method: string, path: string, body?: unknown) =>
  serve.call(method, `/networking/v2.0${path}`, body, { authorization: '', 'x-auth-token': ann.token });
const port = () => call('POST', '/ports', { port: { network_id: network.id } });

async function untilClean(): Promise<number> {
  let last: Audit | undefined;
  const dirty = () => JSON.stringify(last?.checks.filter(({ count, error }) => count > 0 || error !== null));
  return eventually('a clean audit', async () => (last = await audit()).clean, 60_000).catch((error: Error) => {
    throw new Error(`${error.message}: ${dirty()}`);
  });
}

test('the northbound database is killed and comes back empty: calls succeed, the wait is told, everything is there again', async (t) => {
  assert.equal((await port()).status, 201);
  await untilClean();
  await rig.ovn.killNorthbound();
  assert.equal((await port()).status, 201);
  await eventually('the wait is told', async () => (await waiting()).includes('the northbound database of OVN'));
  const metrics = await (await fetch(`${serve.endpoint}/metrics`)).text();
  assert.match(metrics, /rackwright_network_waiting_seconds 0?\.?\d*[1-9]/);
  const blind = await audit();
  assert.match(blind.checks.find(({ check }) => check === 'OVN rows that differ')!.error ?? '', /OVN does not answer/);
  await rig.ovn.restartNorthbound({ isEmpty: true });
  t.diagnostic(`clean ${await untilClean()} ms after the northbound database came back empty`);
  await eventually('nothing is waited for', async () => (await waiting()).length === 0);
});

test('a controller is killed while rules change: frames flow, and by the new rules when it is back', async (t) => {
  const machine = async (name: string, host: string) => {
    const made = ((await port()).body as unknown as { port: Shown }).port;
    await rig.expect(200, rig.admin, 'PUT', `/v2.0/ports/${made.id}`, { port: { 'binding:host_id': host } });
    const one = await rig.hosts.machine(host, name, { id: made.id, mac: String(made['mac_address']), mtu: Number(network['mtu']) });
    await one.up();
    await one.ip('addr', 'add', `${addressOf(made)}/24`, 'dev', 'eth0');
    return { port: made, one, address: addressOf(made) };
  };
  const [f1, f2] = [await machine('f1', 'h1'), await machine('f2', 'h2')];
  const reach = async () => (await f1.one.connect(f2.address, PORTS.ssh, { timeoutMs: 200 })) !== null;
  await eventually('one reaches the other', reach);
  const killed = rig.hosts.restartController('h2');
  await rig.expect(200, ann.token, 'PUT', `/v2.0/ports/${f2.port.id}`, { port: { security_groups: [] } });
  await killed;
  t.diagnostic(`closed ${await eventually('no rule lets it in', async () => !(await reach()))} ms after the controller came back`);
  await untilClean();
});

test('PostgreSQL is ended, and started again by the control plane: whoever leads leads again, and what changes next is carried out', async (t) => {
  const pid = Number(readFileSync(join(rig.cloud.data, 'pg', 'postmaster.pid'), 'utf8').split('\n')[0]);
  process.kill(pid, 'SIGQUIT');
  await eventually('it is gone', async () => !existsSync(`/proc/${pid}`));
  await eventually('a port can be made', async () => (await port().catch(() => ({ status: 0 }))).status === 201, 60_000);
  t.diagnostic(`clean ${await untilClean()} ms after the first call that succeeded`);
});

test('the control plane is killed while a hundred ports come and go: none is left over', async (t) => {
  const kept = ((await call('GET', `/ports?network_id=${network.id}`)).body as unknown as { ports: Shown[] }).ports;
  const bulk = { ports: Array.from({ length: 100 }, () => ({ network_id: network.id })) };
  const first = (await call('POST', '/ports', bulk)).body as unknown as { ports: Shown[] };
  const work = [call('POST', '/ports', bulk), ...first.ports.map(({ id }) => call('DELETE', `/ports/${id}`))];
  await Promise.race(work);
  await serve.kill('SIGKILL');
  await Promise.allSettled(work);
  serve = await startServe(rig.cloud.data, { args: rig.args });
  t.diagnostic(`clean ${await untilClean()} ms after the start`);
  const now = ((await call('GET', `/ports?network_id=${network.id}`)).body as unknown as { ports: Shown[] }).ports;
  t.diagnostic(`${now.length} ports, ${kept.length} of them from before`);
  assert.ok(kept.every(({ id }) => now.some((one) => one.id === id)));
  assert.ok(now.every((one) => (one['fixed_ips'] as unknown[]).length === 1));
  const inOvn = (await rig.ovn.nbctl('lsp-list', `network-${network.id}`)).trim().split('\n');
  assert.equal(inOvn.length, now.length);
  await Promise.all(now.filter(({ id }) => !kept.some((one) => one.id === id)).map(({ id }) => call('DELETE', `/ports/${id}`)));
  await untilClean();
});

test('the command says what should not be, and ends with 1', async () => {
  const program = join(import.meta.dirname, '../../cli/rackwright.ts');
  const run = () => promisify(execFile)(process.execPath, [program, 'audit', '--json', '--settling', '0', '--data', rig.cloud.data]);
  assert.equal((JSON.parse((await run()).stdout) as Audit).clean, true);
  const sha512 = 'ab'.repeat(64);
  const folder = join(rig.cloud.data, 'images', 'ab');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, sha512), 'nobody’s');
  await assert.rejects(run, ({ code, stdout }: { code: number; stdout: string }) => {
    const { checks } = JSON.parse(stdout) as Audit;
    assert.deepEqual(
      checks.filter(({ count }) => count > 0).map(({ found }) => found),
      [[`local/${sha512}: a file without a row`]],
    );
    return code === 1;
  });
});
