import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { sql } from 'kysely';
import { seededRandom } from '../../core/base/random.ts';
import { silentLogger } from '../../core/base/logger.ts';
import { connectDatabase, type Database } from '../../core/database/connect-database.ts';
import { runCommand } from '../../deploy-agent/native-command.ts';
import { startEmulatedBmc, type EmulatedBmc } from '../../lab/bmc/emulated-bmc.ts';
import { makeGptImage } from '../agent/gpt-image.ts';
import { EMPTY_INVENTORY } from '../agent/machine.ts';
import { createFileDisk, fileDisk, fileDisks } from '../agent/file-disks.ts';
import { startServe, type ServeProcess } from '../serve/serve-process.ts';
import { nameOf, watchKillPoints, type KillPoint } from './kill-points.ts';
import { liveMachine, type Api, type LifeReport } from './machine-life.ts';
import { createNetworkMachine, type NetworkMachine } from './network-machine.ts';

/*
 * The kill loop: machines are discovered, enrolled, inspected, cleaned, deployed and given back, over and over, while the
 * control plane is killed with -9 at every step of every flow. Ends when that many kills are done and every machine is
 * active again, or when one is lost. Wants a network namespace of its own, with `lo` up (`kill-loop.test.ts` makes one).
 *
 *   node test/kill/kill-loop.ts --machines 4 --kills 40 --seed 1 --ramdisk .cache/ramdisk
 */
export interface KillLoopReport {
  readonly machines: number;
  readonly kills: number;
  readonly killedAt: Readonly<Record<string, number>>;
  readonly flowSteps: number;
  readonly flows: number;
  readonly deployments: number;
  readonly takeovers: number;
  /** Machines that did not reach their goal, with the reason. */
  readonly lost: readonly string[];
  /** Steps that committed twice, images that were written twice for one command, nodes or BMC users that doubled. */
  readonly twice: readonly string[];
  readonly seconds: number;
}

const { values: flags } = parseArgs({
  options: {
    machines: { type: 'string', default: '4' },
    kills: { type: 'string', default: '40' },
    seed: { type: 'string', default: '1' },
    ramdisk: { type: 'string', default: '.cache/ramdisk' },
    minutes: { type: 'string', default: '30' },
  },
});

const MIB = 2 ** 20;
/** Sparse; the least that a root disk has by default. */
const DISK_BYTES = 4096 * MIB;
/** The config drive's partition is at the disk's end. */
const DISK_END_BYTES = 128 * MIB;
const SERVER = '127.0.0.1';
const BOOT_PORT = 8080;
const random = seededRandom(Number(flags.seed));
const directory = mkdtempSync(join(tmpdir(), 'rw-kill-'));
const data = join(directory, 'data');
const image = makeGptImage();

interface RigMachine {
  readonly name: string;
  readonly mac: string;
  readonly machine: NetworkMachine;
  readonly bmc: EmulatedBmc;
  readonly diskPath: string;
}

async function makeMachine(index: number): Promise<RigMachine> {
  const name = `thin-${index + 1}`;
  const two = (index + 1).toString(16).padStart(2, '0');
  const mac = `02:6b:00:00:00:${two}`;
  const home = join(directory, name);
  mkdirSync(home);
  const disk = fileDisk(join(home, 'disk'), `DISK-${name}`, DISK_BYTES);
  await createFileDisk(disk, 0);
  const uuid = `00000000-0000-4000-8000-0000000000${two}`;
  const address = `127.7.0.${index + 1}`;
  const kcsSocketPath = join(home, 'kcs');
  const machine = createNetworkMachine({
    name,
    mac,
    disks: fileDisks([disk]),
    bootServer: `http://${SERVER}:${BOOT_PORT}`,
    directory: home,
    kcsSocketPath,
    inventory: {
      ...EMPTY_INVENTORY,
      system: { uuid, serial: name, manufacturer: 'Rackwright', product: 'Thin machine' },
      nics: [{ name: 'eth0', mac, hasCarrier: true }],
    },
  });
  const bmc = await startEmulatedBmc({
    name,
    address,
    protocols: index % 2 === 0 ? ['ipmi'] : ['ipmi', 'redfish'],
    username: 'admin',
    password: 'unknown-to-us',
    identity: { uuid, manufacturer: 'Rackwright', product: 'Thin machine', serial: name, macs: [mac] },
    machine,
  });
  return { name, mac, machine, bmc, diskPath: disk.path };
}

/** What the machine itself says about its deployment. */
async function checkInstance({ machine, diskPath }: RigMachine): Promise<string | undefined> {
  if (machine.running() !== 'disk') return `it is active but runs ${machine.running()}`;
  const file = await open(diskPath);
  try {
    const root = Buffer.alloc(18 * MIB);
    await file.read(root, 0, root.length, MIB);
    if (!root.equals(image.subarray(MIB, MIB + root.length))) return 'its disk does not hold the image';
    const end = Buffer.alloc(DISK_END_BYTES);
    await file.read(end, 0, end.length, DISK_BYTES - end.length);
    if (end.indexOf('config-2') < 0) return 'its disk holds no config drive';
    return undefined;
  } finally {
    await file.close();
  }
}

const LATEST = { 'x-openstack-ironic-api-version': 'latest' };

/** Starts the control plane, kills it, starts it again. */
function createVictim() {
  let serve: ServeProcess | undefined;
  let starting: Promise<void> = Promise.resolve();
  let kills = 0;
  const start = async () => {
    serve = await startServe(data, { args: ['--config', join(directory, 'rackwright.json')] });
  };
  const api: Api = { call: async (method, path, body) => serve?.call(method, path, body, LATEST).catch(() => undefined) };
  return {
    api,
    start,
    serve: () => serve!,
    kills: () => kills,
    isUp: () => serve !== undefined,
    async kill(): Promise<void> {
      const victim = serve;
      if (victim === undefined) return;
      serve = undefined;
      kills += 1;
      await victim.kill('SIGKILL');
      starting = start();
      await starting;
    },
    async stop(): Promise<void> {
      await starting;
      await serve?.kill('SIGTERM');
    },
  };
}
type Victim = ReturnType<typeof createVictim>;

function writeConfiguration(): void {
  mkdirSync(join(directory, 'images'));
  writeFileSync(join(directory, 'images', 'thin.raw'), image);
  writeFileSync(
    join(directory, 'rackwright.json'),
    JSON.stringify({
      power_sync_seconds: 5,
      boot: {
        networks: [
          {
            name: 'thin',
            cidr: '127.0.0.0/24',
            server_address: SERVER,
            discovery_pool: '127.0.0.200-127.0.0.250',
            router_advertisements: false,
          },
        ],
        http_port: BOOT_PORT,
        image_directory: join(directory, 'images'),
        ramdisk_cache: flags.ramdisk,
      },
    }),
  );
}

/** The same disk as an image of the Image API that machines can not take as it is. */
async function storeQcow2({ endpoint, headers, call }: ServeProcess): Promise<string> {
  const [raw, qcow2] = [join(directory, 'images', 'thin.raw'), join(directory, 'thin.qcow2')];
  await runCommand('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', raw, qcow2]);
  const made = await call('POST', '/image/v2/images', { name: 'thin', disk_format: 'qcow2', container_format: 'bare' });
  const id = String(made.body['id']);
  const { status } = await fetch(`${endpoint}/image/v2/images/${id}/file`, {
    method: 'PUT',
    headers: { ...headers, 'content-type': 'application/octet-stream' },
    body: await readFile(qcow2),
  });
  if (status !== 204) throw new Error(`the image was not stored: ${status}`);
  return id;
}

const KILL_DELAY_MS_MAX = 60;

/** A machine is enrolled once, but deployed and given back in every round. */
const leastOfRecurring = (killedAt: ReadonlyMap<string, number>): number =>
  Math.min(...[...killedAt].filter(([name]) => /^node\.(un)?deploy /.test(name)).map(([, count]) => count));

/**
 * Kills at points where it was killed least: each once in the moment of its commit; when the first machine is given back
 * and all flows have been seen, again at seeded delays after it.
 */
function planKills(victim: Victim, killsWanted: number) {
  const killedAt = new Map<string, number>();
  let busy = false;
  let isSecondRound = false;
  const onPoint = (point: KillPoint) => {
    const name = nameOf(point);
    isSecondRound ||= point.flowKind === 'node.undeploy' && point.moment === 'ended';
    const before = killedAt.get(name) ?? 0;
    if (busy || !victim.isUp() || victim.kills() >= killsWanted) return;
    if (before > (isSecondRound ? leastOfRecurring(killedAt) : 0)) return;
    busy = true;
    killedAt.set(name, before + 1);
    const delayMs = before === 0 ? 0 : random.unit() * KILL_DELAY_MS_MAX;
    setTimeout(() => {
      process.stderr.write(`kill ${victim.kills() + 1}: ${name}${delayMs > 0 ? ` + ${delayMs.toFixed(0)} ms` : ''}\n`);
      void victim.kill().then(() => void (busy = false));
    }, delayMs);
  };
  return { onPoint, killedAt };
}

async function findDoubles(database: Database, machines: readonly RigMachine[]): Promise<string[]> {
  const { rows } = await sql<{ found: string }>`
    select kind || ' ' || fs.step || ' committed ' || count(*) || ' times' as found
    from flow_step fs join flow on flow.id = fs.flow_id
    where fs.outcome = 'done' and fs.direction = 'do' group by flow_id, kind, fs.step, fs.attempt_epoch having count(*) > 1`.execute(
    database.db,
  );
  const { rows: nodes } = await sql<{ nodes: number }>`select count(*) as nodes from node`.execute(database.db);
  const { rows: commands } = await sql<{ uuid: string; count: number }>`
    select p.address as uuid, count(*) as count from agent_command c join port p on p.node_uuid = c.node_uuid where step = 'write_image' group by 1`.execute(
    database.db,
  );
  const writes = machines.map(({ name, mac, machine }) => ({
    name,
    done: machine.printed.filter((line) => line.includes('doing write_image')).length,
    asked: commands.find(({ uuid }) => uuid === mac)?.count ?? 0,
  }));
  return [
    ...rows.map(({ found }) => found),
    ...(nodes[0]!.nodes === machines.length ? [] : [`${nodes[0]!.nodes} nodes for ${machines.length} machines`]),
    ...writes
      .filter(({ done, asked }) => done > asked)
      .map(({ name, done, asked }) => `${name} wrote ${done} images for ${asked} commands`),
    ...machines.flatMap(({ name, bmc }) => {
      const ours = bmc.state.accounts.filter((account) => account?.name === 'rackwright').length;
      return ours === 1 ? [] : [`${name} has ${ours} users of ours`];
    }),
  ];
}

async function countWork(database: Database) {
  const { rows } = await sql<{ flow_steps: number; flows: number; takeovers: number }>`
    select (select count(*) from flow_step where outcome = 'done') as flow_steps, (select count(*) from flow) as flows,
           (select count(*) from flow_step where outcome = 'takeover') as takeovers`.execute(database.db);
  return rows[0]!;
}

async function run(): Promise<KillLoopReport> {
  const startedMs = Date.now();
  const giveUpAtMs = startedMs + Number(flags.minutes) * 60_000;
  const killsWanted = Number(flags.kills);
  writeConfiguration();
  const machines: RigMachine[] = [];
  for (let index = 0; index < Number(flags.machines); index += 1) machines.push(await makeMachine(index));
  const victim = createVictim();
  await victim.start();
  const database = await connectDatabase({
    connection: { host: join(data, 'pg-run'), user: 'rackwright', database: 'postgres' },
    logger: silentLogger,
    poolSize: 2,
  });
  const stored = { image_source: await storeQcow2(victim.serve()) };
  const plan = planKills(victim, killsWanted);
  await watchKillPoints(database, plan.onPoint);
  const file = {
    image_source: 'thin.raw',
    image_os_hash_algo: 'sha256',
    image_os_hash_value: createHash('sha256').update(image).digest('hex'),
  };
  for (const { bmc } of machines) bmc.state.control('on');
  const lives: LifeReport[] = await Promise.all(
    machines.map((each, index) =>
      liveMachine({
        api: victim.api,
        mac: each.mac,
        name: each.name,
        instanceInfo: index % 2 === 0 ? stored : file,
        check: () => checkInstance(each),
        isEnough: () => victim.kills() >= killsWanted,
        giveUpAtMs,
      }),
    ),
  );
  const lost = lives.flatMap(({ lost: reason }) => (reason === undefined ? [] : [reason]));
  const twice = await findDoubles(database, machines);
  const work = await countWork(database);
  await database.close();
  await victim.stop();
  for (const { machine, bmc } of machines) {
    machine.close();
    await bmc.stop();
  }
  return {
    machines: machines.length,
    kills: victim.kills(),
    killedAt: Object.fromEntries([...plan.killedAt].sort()),
    flowSteps: work.flow_steps,
    flows: work.flows,
    takeovers: work.takeovers,
    deployments: lives.reduce((sum, { deployments }) => sum + deployments, 0),
    lost,
    twice,
    seconds: Math.round((Date.now() - startedMs) / 1000),
  };
}

const report = await run();
process.stdout.write(`${JSON.stringify(report, undefined, 2)}\n`);
if (report.lost.length === 0 && report.twice.length === 0) rmSync(directory, { recursive: true, force: true });
else process.stderr.write(`left for looking: ${directory}\n${await readFile(join(directory, 'rackwright.json'), 'utf8')}\n`);
process.exit(report.lost.length + report.twice.length > 0 ? 1 : 0);
