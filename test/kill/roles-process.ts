import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { silentLogger } from '../../core/base/logger.ts';
import type { JsonObject } from '../../core/base/json.ts';
import { startEmbeddedPostgres } from '../../core/database/embedded-postgres.ts';
import { startServe, type ServeProcess } from '../serve/serve-process.ts';

/*
 * Several processes on one database, in a network namespace of their own (`roles.test.ts` makes it): two control planes
 * that share the work, and a boot role apart from them that goes on when the database has gone. Prints what it saw.
 */
export interface RolesReport {
  readonly managedBy: readonly string[];
  readonly takenOver: string;
  readonly scriptBefore: string;
  readonly scriptWithoutDatabase: string;
  readonly scriptAfterRestartWithoutDatabase: string;
  readonly strangerToTheDisk: string;
}

const { values: flags } = parseArgs({ options: { ramdisk: { type: 'string', default: '.cache/ramdisk' } } });
const directory = mkdtempSync(join(tmpdir(), 'rw-roles-'));
const key = 'ab'.repeat(32);
const BOOT_PORT = 8080;
const MAC = '02:00:00:00:00:07';
const LATEST = { 'x-openstack-ironic-api-version': 'latest' };
const NODES = '/baremetal/v1/nodes';

const configuration = (name: string, more: object): string[] => {
  const path = join(directory, `${name}.json`);
  writeFileSync(path, JSON.stringify(more));
  return ['--config', path];
};
const boot = {
  networks: [{ name: 'rack', cidr: '127.0.0.0/24', server_address: '127.0.0.1', router_advertisements: false }],
  http_port: BOOT_PORT,
  ramdisk_cache: flags.ramdisk,
};

async function until<Value>(what: string, look: () => Promise<Value | undefined>): Promise<Value> {
  for (let tries = 0; tries < 300; tries += 1) {
    const value = await look();
    if (value !== undefined) return value;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`waited for ${what}`);
}

const BURSTS_MAX = 10;

const script = () =>
  until('the boot role', () =>
    fetch(`http://127.0.0.1:${BOOT_PORT}/boot/ipxe?mac=${MAC}&platform=pcbios`).then(
      (answer) => answer.text(),
      () => undefined,
    ),
  );

const provisionState = async (serve: ServeProcess, name: string) => {
  const { body } = await serve.call('GET', `${NODES}/${name}`, undefined, LATEST);
  return body['reservation'] === null ? String(body['provision_state']) : undefined;
};
const settled = (serve: ServeProcess, name: string, state: string) =>
  until(`${name} to be ${state}`, async () => ((await provisionState(serve, name)) === state ? state : undefined));

const working = async (serve: ServeProcess) =>
  /rackwright_flow_succeeded (\d+)/.exec(await (await fetch(`${serve.endpoint}/metrics`)).text())?.[1] ?? '0';

/** Whoever wakes first may take a whole burst of work: burst after burst, until each has done some. */
async function shareWork(one: ServeProcess, two: ServeProcess): Promise<string[]> {
  for (let burst = 1; ; burst += 1) {
    const names = Array.from({ length: 20 }, (_each, index) => `shared-${burst}-${index}`);
    for (const name of names)
      await one.call('POST', NODES, { driver: 'fake-hardware', name, driver_info: { fake_power_delay: '0.2' } }, LATEST);
    await Promise.all(
      names.map((name, index) =>
        (index % 2 === 0 ? one : two).call('PUT', `${NODES}/${name}/states/provision`, { target: 'manage' }, LATEST),
      ),
    );
    for (const name of names) await settled(two, name, 'manageable');
    const managedBy = [await working(one), await working(two)];
    if (burst === BURSTS_MAX || managedBy.every((done) => done !== '0')) return managedBy;
  }
}

async function run(): Promise<RolesReport> {
  const postgres = await startEmbeddedPostgres({ dataDirectory: join(directory, 'database'), logger: silentLogger });
  const { host, user, database } = postgres.connection;
  const env = { DATABASE_URL: `postgres:///${database}?host=${encodeURIComponent(host)}&user=${user}`, RACKWRIGHT_SECRET_KEY: key };
  const start = (name: string, role: string, more: object = {}) =>
    startServe(join(directory, name), { args: [...configuration(name, more), '--role', role], env });
  const one = await start('one', 'api,worker');
  const two = await start('two', 'api,worker');
  const managedBy = await shareWork(one, two);

  // One dies in the middle of a verb; the other finishes it.
  await one.call('POST', NODES, { driver: 'fake-hardware', name: 'orphan', driver_info: { fake_power_delay: '1' } }, LATEST);
  await one.call('PUT', `${NODES}/orphan/states/provision`, { target: 'manage' }, LATEST);
  await one.kill('SIGKILL');
  const takenOver = await settled(two, 'orphan', 'manageable');

  const { body: known } = await two.call('POST', NODES, { driver: 'fake-hardware', name: 'bootable' }, LATEST);
  await two.call('POST', '/baremetal/v1/ports', { node_uuid: known['uuid'], address: MAC }, LATEST);
  const rack = await startServe(join(directory, 'rack'), {
    args: [...configuration('rack', { boot }), '--role', 'boot'],
    env,
  });
  const scriptBefore = await until('the boot role to know the machine', async () =>
    (await script()).includes('bootable') ? script() : undefined,
  );
  await two.kill('SIGTERM');
  await postgres.stop();
  const scriptWithoutDatabase = await script();
  await rack.kill('SIGKILL');
  const again = await startServe(join(directory, 'rack'), {
    args: [...configuration('rack', { boot }), '--role', 'boot'],
    env,
  });
  const scriptAfterRestartWithoutDatabase = await script();
  await again.kill('SIGTERM');
  const strangerToTheDisk = await startServe(join(directory, 'new-rack'), {
    args: [...configuration('new-rack', { boot }), '--role', 'boot'],
    env,
  }).then(
    () => 'it started',
    (error: Error) => error.message,
  );
  return {
    managedBy,
    takenOver,
    scriptBefore,
    scriptWithoutDatabase,
    scriptAfterRestartWithoutDatabase,
    strangerToTheDisk,
  };
}

process.stdout.write(JSON.stringify((await run()) satisfies RolesReport as unknown as JsonObject));
rmSync(directory, { recursive: true, force: true });
process.exit(0);
