import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { JsonObject } from '../../core/base/json.ts';
import { silentLogger } from '../../core/base/logger.ts';
import type { MachineEvent } from '../../core/base/machine-event.ts';
import { startEmbeddedPostgres, type EmbeddedPostgres } from '../../core/database/embedded-postgres.ts';
import { decodeDestinationAddress } from '../../bmc/ipmi/alert-destination-codec.ts';
import { startBmcFleet, type BmcFleet } from '../../lab/bmc/bmc-fleet.ts';
import { startServe, type ServeProcess } from './serve-process.ts';

/** A BMC that reaches only the rack's process of the boot role tells that one; and BMCs are told to stop when nobody wants to hear them any more. */
const directory = mkdtempSync(join(tmpdir(), 'rackwright-racks-'));
const ramdiskCache = join(import.meta.dirname, '../../.cache/ramdisk');
const program = join(import.meta.dirname, '../../cli/rackwright.ts');
const LATEST = { 'x-openstack-ironic-api-version': 'latest' };
const network = process.pid % 250;
const NEAR = `127.46.${network}.1`;
const FAR = `127.45.${network}.1`;
const RECEIVER = `127.46.${network}.100`;
const RACK = `127.45.${network}.100`;
const PORT = 1163;
const key = randomBytes(32).toString('hex');
const events: MachineEvent[] = [];
let postgres: EmbeddedPostgres;
let serve: ServeProcess;
let rack: ServeProcess;
const fleets: BmcFleet[] = [];

async function until(what: string, look: () => Promise<boolean> | boolean): Promise<void> {
  for (let tries = 0; tries < 600; tries += 1) {
    if (await look()) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`waited for ${what}`);
}
const call = (method: string, path: string, body?: unknown) => serve.call(method, `/baremetal/v1/nodes${path}`, body, LATEST);
const told = async (node: string, kind: string, words: RegExp) =>
  ((await call('GET', `/${node}/timeline?limit=5000`)).body['events'] as JsonObject[]).some(
    (event) => event['kind'] === kind && words.test(`${event['message']} ${JSON.stringify(event['evidence'])}`),
  );
/** Whom the first destination of a BMC is. */
const destination = (fleet: BmcFleet) => {
  const bytes = fleet.members[0]!.bmc.state.parameters.get('lan 19 1');
  return bytes && decodeDestinationAddress(bytes);
};
const environment = () => {
  const { host, user, database } = postgres.connection;
  return { DATABASE_URL: `postgres:///${database}?host=${encodeURIComponent(host)}&user=${user}`, RACKWRIGHT_SECRET_KEY: key };
};
function startWith(name: string, configuration: object, role: string): Promise<ServeProcess> {
  const path = join(directory, `${name}.json`);
  writeFileSync(path, JSON.stringify({ power_sync_seconds: 3600, ...configuration }));
  return startServe(join(directory, name), { args: ['--config', path, '--role', role], env: environment() });
}

before(async () => {
  execFileSync(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', program, 'ramdisk', 'build', '--cache', ramdiskCache, '--json'],
    {
      stdio: 'ignore',
    },
  );
  for (const firstAddress of [NEAR, FAR])
    fleets.push(
      await startBmcFleet({
        count: 1,
        firstAddress,
        protocol: 'ipmi',
        ipmiPort: 623,
        trapPort: PORT,
        username: 'admin',
        password: 'tells-by-traps',
        recordEvent: (event) => void events.push(event),
      }),
    );
  postgres = await startEmbeddedPostgres({ dataDirectory: join(directory, 'database'), logger: silentLogger });
  const racks = [{ address: RACK, bmcs: [`127.45.${network}.0/24`] }];
  serve = await startWith('control', { bmc_events: { traps: { listen: `${RECEIVER}:${PORT}`, racks } } }, 'api,worker');
  for (const [name, address] of [
    ['near', NEAR],
    ['far', FAR],
  ]) {
    const info = { ipmi_address: address, ipmi_username: 'admin', ipmi_password: 'tells-by-traps' };
    await call('POST', '', { driver: 'ipmi', name, driver_info: info });
    await call('PUT', `/${name}/states/provision`, { target: 'manage' });
  }
  await until('both manageable', async () =>
    (await Promise.all(['near', 'far'].map((name) => call('GET', `/${name}`)))).every(
      ({ body }) => body['provision_state'] === 'manageable',
    ),
  );
  const boot = { ramdisk_cache: ramdiskCache, networks: [{ name: 'rack', cidr: `127.45.${network}.0/24`, server_address: RACK }] };
  rack = await startWith('rack', { boot, bmc_events: { traps: { listen: `${RACK}:${PORT}` } } }, 'boot');
});
after(async () => {
  await serve?.kill('SIGTERM');
  await rack?.kill('SIGTERM');
  for (const fleet of fleets) await fleet.stop();
  await postgres?.stop();
  rmSync(directory, { recursive: true, force: true });
});

test('each BMC tells who is near it, and what the rack hears is told and looked after as any other', async () => {
  const [near, far] = fleets;
  await until('both set up', () => destination(near!) === RECEIVER && destination(far!) === RACK);
  for (const [name, fleet] of [
    ['near', near!],
    ['far', far!],
  ] as const) {
    fleet.members[0]!.bmc.state.control('on');
    await until(`${name} on`, async () => (await call('GET', `/${name}`)).body['power_state'] === 'power on');
    await until(`${name} told`, () => told(name, 'bmc.trap', /power off\/down is over/));
  }
  assert.ok(!events.some(({ kind }) => kind === 'bmc.trap-unanswered'), 'all are acknowledged');
});

test('the BMC of a node that is deleted is told to stop', async () => {
  await call('DELETE', '/far');
  await until('it has stopped', () => destination(fleets[1]!) === '0.0.0.0');
  assert.equal(destination(fleets[0]!), RECEIVER);
});

test('a configuration without traps takes back what the one before has set up', async () => {
  await serve.kill('SIGTERM');
  serve = await startWith('control', {}, 'api,worker');
  await until('it has stopped', () => destination(fleets[0]!) === '0.0.0.0');
});
