import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { silentLogger } from '../../core/base/logger.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../core/database/embedded-postgres.ts';
import { type ServeProcess, startServe } from '../serve/serve-process.ts';
import { until } from './boot-wire.ts';
import type { CrowdLease } from './crowd-lease.ts';

/**
 * Two `serve --role boot` on one wire, over IPv4 and IPv6: they share the work, one is killed in the middle, and the control plane is gone all the while. No client
 * changes its address, and no address is two clients'. Needs root.
 */
const run = promisify(execFile);
const ip = async (...args: string[]) => void (await run('ip', args));
const tag = String(process.pid);
const crowdSpace = `rwtwo-c-${tag}`;
const FAMILIES = [4, 6] as const;
type Family = (typeof FAMILIES)[number];
/** As clients see them: where answers come from. */
const SERVERS = { 4: ['10.77.0.1', '10.77.0.2'], 6: ['fe80::1', 'fe80::2'] } as const;
const spaces = SERVERS[4].map((_server, at) => `rwtwo-s${at}-${tag}`);
const directory = mkdtempSync(join(tmpdir(), 'rackwright-two-'));
const ramdiskCache = join(import.meta.dirname, '../../.cache/ramdisk');
const program = join(import.meta.dirname, '../../cli/rackwright.ts');
const key = randomBytes(32).toString('hex');
let postgres: EmbeddedPostgres;
let controlPlane: ServeProcess;
const servers: ServeProcess[] = [];
let crowd: ChildProcess;
const answers: { readonly family?: Family; readonly leases?: CrowdLease[]; readonly error?: string }[] = [];

async function makeWire(): Promise<void> {
  await ip('netns', 'add', crowdSpace);
  await ip('-n', crowdSpace, 'link', 'set', 'lo', 'up');
  await ip('-n', crowdSpace, 'link', 'add', 'br0', 'type', 'bridge');
  await ip('-n', crowdSpace, 'addr', 'add', '10.77.0.250/22', 'dev', 'br0');
  await ip('-n', crowdSpace, 'link', 'set', 'br0', 'addrgenmode', 'none');
  await ip('-n', crowdSpace, 'addr', 'add', 'fe80::250/64', 'dev', 'br0', 'nodad');
  await ip('-n', crowdSpace, 'link', 'set', 'br0', 'up');
  await ip('-n', crowdSpace, 'route', 'add', '255.255.255.255/32', 'dev', 'br0');
  for (const [at, space] of spaces.entries()) {
    await ip('netns', 'add', space);
    await ip('-n', space, 'link', 'set', 'lo', 'up');
    await ip('-n', space, 'link', 'add', 'boot0', 'type', 'veth', 'peer', 'name', `server${at}`, 'netns', crowdSpace);
    await ip('-n', space, 'link', 'set', 'boot0', 'addrgenmode', 'none');
    await ip('-n', space, 'addr', 'add', `${SERVERS[4][at]}/22`, 'dev', 'boot0');
    for (const address of [SERVERS[6][at]!, `fd00:77::${at + 1}`])
      await ip('-n', space, 'addr', 'add', `${address}/64`, 'dev', 'boot0', 'nodad');
    await ip('-n', space, 'link', 'set', 'boot0', 'up');
    await ip('-n', crowdSpace, 'link', 'set', `server${at}`, 'master', 'br0', 'up');
  }
}

const environment = () => {
  const { host, user, database } = postgres.connection;
  return { DATABASE_URL: `postgres:///${database}?host=${encodeURIComponent(host)}&user=${user}`, RACKWRIGHT_SECRET_KEY: key };
};

function startBoot(at: number): Promise<ServeProcess> {
  const path = join(directory, `boot-${at}.json`);
  const network = {
    name: 'boot',
    cidr: '10.77.0.0/22',
    interface: 'boot0',
    server_address: SERVERS[4][at],
    discovery_pool: '10.77.1.0-10.77.3.200',
    probe_addresses: false,
    lease_seconds: 3600,
    ipv6: { cidr: 'fd00:77::/64', server_address: `fd00:77::${at + 1}`, discovery_pool: 'fd00:77::1:0-fd00:77::1:2fff' },
  };
  writeFileSync(path, JSON.stringify({ roles: ['boot'], boot: { ramdisk_cache: ramdiskCache, networks: [network] } }));
  return startServe(join(directory, `boot-${at}`), {
    args: ['--config', path],
    env: environment(),
    within: ['ip', 'netns', 'exec', spaces[at]!],
  });
}

const tell = async (command: { readonly family: Family; readonly acquire?: readonly number[]; readonly renew?: readonly number[] }) => {
  crowd.stdin!.write(`${JSON.stringify(command)}\n`);
  const told = await until('the crowd', () => {
    const at = answers.findIndex(({ family }) => family === command.family);
    return at < 0 ? undefined : answers.splice(at, 1)[0];
  });
  return told.leases ?? assert.fail(told.error);
};

interface Seen {
  readonly address: string;
  readonly slots: number;
  readonly peers: Readonly<Record<string, { alive: boolean; untold: number }>>;
  readonly counters: Readonly<Record<string, number>>;
}
const seen = async (): Promise<readonly Seen[]> => {
  const { body } = await controlPlane.call('GET', '/baremetal/v1/boot_servers');
  return (body['networks'] as unknown as { servers: Seen[] }[])[0]?.servers ?? [];
};
const shareOfWork = (family: Family, leases: readonly CrowdLease[]) =>
  SERVERS[family].map((server) => leases.filter((lease) => lease.server === server).length);
const addressesOf = (leases: readonly CrowdLease[]) => leases.map(({ client, address }) => `${client} ${address}`);

before(async () => {
  await makeWire();
  // Where the servers run there is no way to Debian's packages.
  await run(process.execPath, [program, 'ramdisk', 'build', '--cache', ramdiskCache, '--json']);
  postgres = await startEmbeddedPostgres({ dataDirectory: join(directory, 'database'), logger: silentLogger });
  controlPlane = await startServe(join(directory, 'control-plane'), { args: ['--role', 'api,worker'], env: environment() });
  crowd = spawn('ip', ['netns', 'exec', crowdSpace, process.execPath, join(import.meta.dirname, 'crowd-process.ts')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  createInterface({ input: crowd.stdout! }).on('line', (line) => answers.push(JSON.parse(line) as (typeof answers)[number]));
  await until('the crowd to be ready', () => answers.shift());
});

after(async () => {
  crowd?.kill('SIGKILL');
  for (const server of [...servers, controlPlane]) await server?.kill('SIGKILL');
  await postgres?.stop();
  for (const space of [crowdSpace, ...spaces]) await ip('netns', 'del', space).catch(() => {});
  rmSync(directory, { recursive: true, force: true });
});

test('two boot servers share a network, and survive each other and the control plane', async (story) => {
  servers.push(await startBoot(0), await startBoot(1));
  await story.test('the control plane divides the addresses, and each sees the other', async () => {
    await until('both to have half of the addresses and to see the other', async () => {
      const told = await seen();
      return (
        told.length === 2 && told.every(({ slots, peers }) => slots === 30 && Object.values(peers).every(({ alive }) => alive)) && told
      );
    });
  });
  // For the rest of the story the control plane and its database are away.
  await controlPlane.kill('SIGKILL');
  await postgres.stop();

  const first: Record<Family, CrowdLease[]> = { 4: [], 6: [] };
  const forEach = (what: string, work: (family: Family) => Promise<void>) =>
    story.test(what, { concurrency: true }, async (step) => {
      await Promise.all(FAMILIES.map((family) => step.test(`over IPv${family}`, () => work(family))));
    });
  await forEach('200 machines get an address each, and each server does its part', async (family) => {
    const leases = (first[family] = await tell({ family, acquire: [0, 200] }));
    assert.equal(new Set(leases.map(({ address }) => address)).size, 200);
    const done = shareOfWork(family, leases);
    story.diagnostic(
      `IPv${family}: leases by server: ${done.join(' and ')}; slowest ${Math.max(...leases.map(({ ms }) => ms)).toFixed(0)} ms`,
    );
    for (const count of done) assert.ok(count >= 60 && count <= 140, done.join(' and '));
  });
  await servers[1]!.kill('SIGKILL');
  await forEach('one was killed: machines that come then are answered by the other within 4 s', async (family) => {
    const later = await tell({ family, acquire: [1000, 60] });
    assert.deepEqual(shareOfWork(family, later), [60, 0]);
    const slowestMs = Math.max(...later.map(({ ms }) => ms));
    story.diagnostic(`IPv${family}: slowest stranger after the kill: ${slowestMs.toFixed(0)} ms`);
    assert.ok(slowestMs < 4000, `${slowestMs} ms`);
    assert.equal(new Set([...first[family], ...later].map(({ address }) => address)).size, 260);
  });
  await forEach('all machines go on with their addresses, those of the dead server with the other', async (family) => {
    const renewed = await tell({ family, renew: [0, 200] });
    assert.deepEqual(addressesOf(renewed), addressesOf(first[family]));
    assert.deepEqual(shareOfWork(family, renewed), [200, 0]);
  });
  servers[1] = await startBoot(1);
  await forEach('the dead one is back without the control plane, learns what happened, and does its part again', async (family) => {
    const again = await tell({ family, acquire: [2000, 100] });
    const renewed = await tell({ family, renew: [0, 200] });
    assert.deepEqual(addressesOf(renewed), addressesOf(first[family]));
    assert.equal(new Set([...renewed, ...again].map(({ address }) => address)).size, 300);
    story.diagnostic(`IPv${family}: leases by server after its return: ${shareOfWork(family, again).join(' and ')}`);
  });
  await story.test('the control plane comes back and has every lease once, and knows who was left to whom', async () => {
    postgres = await startEmbeddedPostgres({ dataDirectory: join(directory, 'database'), logger: silentLogger });
    controlPlane = await startServe(join(directory, 'control-plane'), { args: ['--role', 'api,worker'], env: environment() });
    const told = await until('both to report with nothing untold', async () => {
      const now = await seen();
      const isFresh = now.every(
        ({ counters, peers }) => counters['dhcp.sent.offer'] && Object.values(peers).every(({ untold }) => untold === 0),
      );
      return now.length === 2 && isFresh && now;
    });
    assert.ok((told[0]!.counters['dhcp.silence.left-to-peer'] ?? 0) > 0, JSON.stringify(told));
    const status = await run(process.execPath, [program, 'boot', 'status', '--data', join(directory, 'control-plane')]);
    story.diagnostic(status.stdout);
    assert.match(status.stdout, /10\.77\.0\.1 {2}reports; may give 50 % of the addresses\n {4}sees 10\.77\.0\.2/);
  });
});
