import { createSealer, SEAL_KEY_BYTES } from '../../core/base/sealer-codec.ts';
import { seededRandom } from '../../core/base/random.ts';
import type { Database } from '../../core/database/connect-database.ts';
import { bootMachine } from '../machine/boot.ts';
import { makeDisk } from '../machine/disk.ts';
import { createMachine, type Machine } from '../machine/machine.ts';
import { createWire } from '../machine/network-client.ts';
import { connectSimulatedBmc } from '../machine/simulated-bmc.ts';
import { startBootServer, type BootDisk, type BootServer } from '../world/boot-server.ts';
import { startControlPlane, type ControlPlane } from '../world/control-plane.ts';
import type { SimulatedServer } from '../world/simulated-database.ts';
import { createVirtualTime } from '../world/virtual-time.ts';
import { count, isTroubled, makeLife, whole, type World } from '../world/world.ts';
import { checkEnd } from './end-checks.ts';
import { operate, type OperatorReport } from './operator.ts';
import { START_MS, type Leg, type Scenario } from './scenario.ts';

export interface SeedReport {
  readonly seed: number;
  readonly machines: readonly OperatorReport[];
  /** Names of faults that happened, and how often. */
  readonly injected: Readonly<Record<string, number>>;
  /** Invariants that did not hold. */
  readonly broken: readonly string[];
  readonly trace: readonly string[];
  readonly traceHash: string;
  readonly virtualMs: number;
  readonly statements: number;
}

/** More than any story has; a loop would fill the memory. */
const TRACE_LINES_MAX = 5000;
/** Four tries of each leg, twelve hours each. */
const SEED_MS_MAX = 20 * 86_400_000;
/** A killed process is started again by its supervisor. */
const RESTART_MS = [1_000, 30_000] as const;
const KEY = Buffer.alloc(SEAL_KEY_BYTES, 7);
const BOOT_SECRET = Buffer.alloc(32, 9);

export async function runSeed(server: SimulatedServer, scenario: Scenario): Promise<SeedReport> {
  const random = seededRandom(scenario.seed);
  const time = createVirtualTime(START_MS, random);
  await server.reset({ time, random });
  const trace: string[] = [];
  const broken: string[] = [];
  const controlPlanes: ControlPlane[] = [];
  const deaths = new Map<Database, PromiseWithResolvers<void>>();
  let bootServer: BootServer | undefined;
  const bootDisk: BootDisk = { leases: [], model: undefined };
  const note = (who: string, what: string) => {
    if (trace.length < TRACE_LINES_MAX) trace.push(`${new Date(time.nowMs()).toISOString().slice(5, 23)} ${who}: ${what}`);
  };
  const world: World = {
    time,
    random,
    server,
    sealer: createSealer(KEY),
    bootSecret: BOOT_SECRET,
    troubles: [...scenario.troubles],
    injected: new Map(),
    api: () => (server.isUp() ? controlPlanes.find((each) => each.isAlive())?.database : undefined),
    deathOf: (database) => deaths.get(database)?.promise ?? Promise.resolve(),
    boot: () => bootServer?.desk,
    note,
    broken(invariant) {
      note('BROKEN', invariant);
      broken.push(invariant);
    },
  };
  const wire = createWire(world);
  const machines = scenario.machines.map((plan, index): Machine => {
    const disk = makeDisk(`DISK${index}`, 8_000_000_000);
    const settings = { ...plan, name: `m${index}`, index, disk, password: `secret-of-m${index}` };
    return createMachine(world, settings, (machine, plug) => bootMachine(world, wire, machine, plug));
  });
  const byHost = new Map(machines.map((machine) => [machine.bmcHost, machine]));

  let started = 0;
  const addControlPlane = async () => {
    started += 1;
    const plane = await startControlPlane(world, {
      name: `control-plane-${started}`,
      leaseMs: scenario.leaseMs,
      connectAddress: (address) => connectSimulatedBmc(world, byHost.get(address.host)!, address),
    });
    deaths.set(plane.database, Promise.withResolvers());
    controlPlanes.push(plane);
  };
  const addBootServer = async () => {
    bootServer = await startBootServer(world, bootDisk, wire.deliver);
  };
  const chaos = createChaos(world, {
    async killControlPlane() {
      const alive = controlPlanes.filter((plane) => plane.isAlive());
      const victim = alive[Math.floor(random.unit() * alive.length)];
      if (victim === undefined) return;
      await victim.kill();
      deaths.get(victim.database)!.resolve();
      later(whole(random, ...RESTART_MS), addControlPlane);
    },
    async killDatabase() {
      if (!server.isUp()) return;
      note('database', 'is killed');
      await server.stop();
      later(whole(random, 500, 60_000), async () => {
        note('database', 'is there again');
        server.start();
      });
    },
    async killBootServer() {
      if (bootServer === undefined) return;
      const victim = bootServer;
      bootServer = undefined;
      await victim.kill();
      later(whole(random, 2_000, 150_000), addBootServer);
    },
  });
  const beginLater = ({ verb }: Leg) => {
    const nowMs = time.nowMs();
    for (const { name, after, forMs } of scenario.later)
      if (after === verb) world.troubles.push({ name, fromMs: nowMs, untilMs: nowMs + forMs });
  };
  const clock = time.clockOf(makeLife());
  const later = (ms: number, work: () => Promise<void>) => void clock.sleep(ms).then(work);

  void addBootServer();
  for (let count = 0; count < scenario.controlPlanes; count += 1) void addControlPlane();
  let reports: OperatorReport[] | undefined;
  void Promise.all(
    machines.map((machine, index) =>
      operate(world, machine, scenario.machines[index]!, { triesMax: scenario.triesMax, onLeg: beginLater }),
    ),
  ).then(
    (all) => (reports = all),
    (error: unknown) => {
      world.broken(`the operator fell over: ${(error as Error).stack}`);
      reports = [];
    },
  );

  const before = server.counters.statements;
  while (reports === undefined) {
    await server.settled();
    await new Promise(setImmediate);
    await chaos.perhaps();
    if (server.hasWork()) await server.work();
    else if (!time.advance()) {
      world.broken('nothing happens any more');
      break;
    }
    if (time.nowMs() - START_MS > SEED_MS_MAX) {
      world.broken('the story does not end');
      break;
    }
  }
  await checkEnd(world, machines, scenario, reports ?? []);
  for (const plane of controlPlanes) await plane.kill();
  await bootServer?.kill();
  return {
    seed: scenario.seed,
    machines: reports ?? [],
    injected: Object.fromEntries(world.injected),
    broken,
    trace,
    traceHash: server.traceHash(),
    virtualMs: time.nowMs() - START_MS,
    statements: server.counters.statements - before,
  };
}

interface Blows {
  killControlPlane(): Promise<void>;
  killDatabase(): Promise<void>;
  killBootServer(): Promise<void>;
}

/** Looks between any two statements whether it is time to strike, and strikes at a statement that the seed chose. */
function createChaos(world: World, blows: Blows): { perhaps(): Promise<void> } {
  const { server, random } = world;
  const strikes = (
    [
      ['kill-control-plane', 120, () => blows.killControlPlane()],
      ['kill-database', 90, () => blows.killDatabase()],
      ['kill-boot-server', 60, () => blows.killBootServer()],
    ] as const
  ).map(([name, every, strike]) => ({ name, every, strike, at: server.counters.statements + whole(random, 1, every) }));
  return {
    async perhaps() {
      for (const one of strikes) {
        if (!isTroubled(world, one.name) || server.counters.statements < one.at) continue;
        one.at = server.counters.statements + whole(random, 1, one.every);
        count(world, one.name);
        await one.strike();
      }
    },
  };
}
