import assert from 'node:assert/strict';
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { connectNorthbound } from '../../network/ovn/ovn-northbound.ts';
import type { NetworkState } from '../../network/ovn/network-state.ts';

/** A northbound database of three servers (RAFT) that speaks TLS with certificates of ovs-pki: whom it lets in, whom we believe, and what happens when its leader dies. */
const run = promisify(execFile);
const SCHEMA = '/usr/share/ovn/ovn-nb.ovsschema';
const READY_MS_MAX = 120_000;
const MEMBERS = ['n1', 'n2', 'n3'];
const folder = mkdtempSync(join(tmpdir(), 'rackwright-tls-'));
const children = new Map<string, ChildProcess>();
const remotes = new Map<string, string>();

interface Pki {
  readonly key: string;
  readonly cert: string;
  readonly ca: string;
}

async function makePki(name: string, of: string): Promise<Pki> {
  const cwd = join(folder, name);
  mkdirSync(cwd, { recursive: true });
  const pki = (...args: string[]) => run('ovs-pki', ['--force', `--dir=${cwd}/pki`, `--log=${cwd}/log`, ...args], { cwd });
  await pki('init');
  await pki('req+sign', of, 'switch');
  return { key: join(cwd, `${of}-privkey.pem`), cert: join(cwd, `${of}-cert.pem`), ca: join(cwd, 'pki/switchca/cacert.pem') };
}

const pemOf = ({ key, cert, ca }: Pki) => ({
  key: readFileSync(key, 'utf8'),
  cert: readFileSync(cert, 'utf8'),
  ca: readFileSync(ca, 'utf8'),
});
const optionsOf = ({ key, cert, ca }: Pki) => [`--private-key=${key}`, `--certificate=${cert}`, `--ca-cert=${ca}`];

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function eventually<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
  for (const giveUpAt = Date.now() + READY_MS_MAX; ;) {
    const found = await look().catch(() => undefined);
    if (found !== undefined) return found;
    if (Date.now() > giveUpAt) throw new Error(`${what}: not within ${READY_MS_MAX} ms`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const statusOf = async (name: string) =>
  (await run('ovs-appctl', ['-t', join(folder, `${name}.ctl`), 'cluster/status', 'OVN_Northbound'])).stdout;
const findLeader = () =>
  eventually('a leader', async () => {
    for (const name of MEMBERS) if (/^Role: leader/m.test(await statusOf(name).catch(() => ''))) return name;
    return undefined;
  });

async function startMember(name: string, pki: Pki, first: string | undefined): Promise<string> {
  const file = join(folder, `${name}.db`);
  const raft = `ssl:127.0.0.1:${await freePort()}`;
  if (first === undefined) await run('ovsdb-tool', ['create-cluster', file, SCHEMA, raft]);
  else await run('ovsdb-tool', ['join-cluster', file, 'OVN_Northbound', raft, first]);
  const port = await freePort();
  const control = join(folder, `${name}.ctl`);
  const args = [file, `--remote=pssl:${port}:127.0.0.1`, `--unixctl=${control}`, `--log-file=${join(folder, `${name}.log`)}`];
  children.set(name, spawn('ovsdb-server', [...args, ...optionsOf(pki)], { stdio: 'ignore' }));
  await eventually(`${name} takes part`, async () => (/^Status: cluster member/m.test(await statusOf(name)) ? true : undefined));
  remotes.set(name, `ssl:127.0.0.1:${port}`);
  return raft;
}

const end = async (name: string) => {
  const child = children.get(name)!;
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
};

let ours: Pki;
let strangers: Pki;
before(async () => {
  ours = await makePki('ours', 'cloud');
  strangers = await makePki('strangers', 'stranger');
  const first = await startMember(MEMBERS[0]!, ours, undefined);
  for (const name of MEMBERS.slice(1)) await startMember(name, ours, first);
  await nbctl('init');
});
after(async () => {
  for (const name of children.keys()) await end(name);
  rmSync(folder, { recursive: true, force: true });
});

const alive = () => MEMBERS.filter((name) => children.get(name)?.exitCode === null && children.get(name)?.signalCode === null);
const nbctl = async (...args: string[]) => {
  const db = alive().map((name) => remotes.get(name)!);
  return (await run('ovn-nbctl', [`--db=${db.join(',')}`, ...optionsOf(ours), '--no-leader-only', '--timeout=20', ...args])).stdout;
};

const stateOf = (...names: string[]): NetworkState => ({
  networks: names.map((name) => ({
    id: name,
    name,
    mtu: 1442,
    provider: null,
    moreProviders: [],
    isExternal: false,
    dhcp: { isServed: true, notAt: [] },
  })),
  subnets: [],
  ports: [],
  routers: [],
  floatingIps: [],
  securityGroups: [],
  addressGroups: [],
  qosPolicies: [],
});

/** Resolves with what was wrong first. */
function refusal(tls: ReturnType<typeof pemOf>): Promise<string> {
  return new Promise((resolve) => {
    const northbound = connectNorthbound(
      {
        remotes: [remotes.get('n1')!],
        tls,
        onWarning(fields) {
          assert.equal(northbound.isReady(), false);
          northbound.close();
          resolve((fields as { why: string }).why);
        },
      },
      () => ({ chassis: [] }),
    );
    void northbound.ready().then(() => resolve('let in'));
  });
}

test('a server that another authority vouches for is not believed', async () => {
  assert.match(await refusal({ ...pemOf(ours), ca: pemOf(strangers).ca }), /certificate/);
});

test('a client that another authority vouches for is not let in', async () => {
  assert.match(await refusal({ ...pemOf(strangers), ca: pemOf(ours).ca }), /alert|closed|ECONNRESET/);
});

for (const [who, isLeaderFirst] of [
  ['the server that we are connected to is the leader', true],
  ['we are connected to a follower', false],
] as const) {
  test(`the leader is killed, ${who}: what changes next is written`, async (t) => {
    const leader = await findLeader();
    const order = isLeaderFirst ? [leader, ...alive().filter((name) => name !== leader)] : alive().toSorted((a) => (a === leader ? 1 : -1));
    const northbound = connectNorthbound(
      { remotes: order.map((name) => remotes.get(name)!), tls: pemOf(ours), onWarning: () => undefined },
      () => ({ chassis: [] }),
    );
    await northbound.apply(stateOf('before'));
    assert.match(await nbctl('ls-list'), /network-before/);
    await end(leader);
    const killedAt = performance.now();
    await eventually('it is written', async () => {
      await northbound.ready();
      return northbound.apply(stateOf('before', `after-${leader}`));
    });
    t.diagnostic(`written ${Math.round(performance.now() - killedAt)} ms after the leader was killed`);
    assert.match(await nbctl('ls-list'), new RegExp(`network-after-${leader}`));
    northbound.close();
    const again = spawn('ovsdb-server', children.get(leader)!.spawnargs.slice(1), { stdio: 'ignore' });
    children.set(leader, again);
    await eventually('it takes part again', async () => (/^Status: cluster member/m.test(await statusOf(leader)) ? true : undefined));
  });
}
