import { createSealer, SEAL_KEY_BYTES } from '../../core/base/sealer-codec.ts';
import { seededRandom } from '../../core/base/random.ts';
import { bootMachine } from '../machine/boot.ts';
import { makeDisk } from '../machine/disk.ts';
import { createMachine, type Machine } from '../machine/machine.ts';
import { createWire, type Wire } from '../machine/network-client.ts';
import { connectSimulatedBmc } from '../machine/simulated-bmc.ts';
import { createProcesses, type Processes } from '../world/processes.ts';
import type { SimulatedServer } from '../world/simulated-database.ts';
import { createVirtualTime } from '../world/virtual-time.ts';
import type { World } from '../world/world.ts';
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
const DISK_BYTES = 8_000_000_000;
/** What is sealed and signed here opens nothing elsewhere. */
const KEY = Buffer.alloc(SEAL_KEY_BYTES, 7);
const BOOT_SECRET = Buffer.alloc(32, 9);

export async function runSeed(server: SimulatedServer, scenario: Scenario): Promise<SeedReport> {
  const random = seededRandom(scenario.seed);
  const time = createVirtualTime(START_MS, random);
  server.reset({ time, random });
  const trace: string[] = [];
  const broken: string[] = [];
  const processes: Processes = createProcesses(() => ({
    world,
    controlPlanes: scenario.controlPlanes,
    leaseMs: scenario.leaseMs,
    connectAddress: (address) =>
      connectSimulatedBmc(
        world,
        machines.find(({ bmcHost }) => bmcHost === address.host)!,
        address,
      ),
    onDhcpReply: wire.deliver,
  }));
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
    api: () => (server.isUp() ? processes.api() : undefined),
    deathOf: processes.deathOf,
    boot: processes.boot,
    note,
    broken(invariant) {
      note('BROKEN', invariant);
      broken.push(invariant);
    },
  };
  const wire = createWire(world);
  const machines = makeMachines(world, wire, scenario);
  const before = server.counters.statements;
  processes.start();
  const reports = await passTime(world, processes, operateAll(world, machines, scenario));
  await checkEnd(world, machines, scenario, reports);
  await processes.end();
  return {
    seed: scenario.seed,
    machines: reports,
    injected: Object.fromEntries(world.injected),
    broken,
    trace,
    traceHash: server.traceHash(),
    virtualMs: time.nowMs() - START_MS,
    statements: server.counters.statements - before,
  };
}

const makeMachines = (world: World, wire: Wire, { machines }: Scenario): Machine[] =>
  machines.map((plan, index) =>
    createMachine(
      world,
      { ...plan, name: `m${index}`, index, disk: makeDisk(`DISK${index}`, DISK_BYTES), password: `secret-of-m${index}` },
      (machine, plug) => bootMachine(world, wire, machine, plug),
    ),
  );

function operateAll(world: World, machines: readonly Machine[], scenario: Scenario): Promise<OperatorReport[]> {
  const onLeg = ({ verb }: Leg) => {
    const nowMs = world.time.nowMs();
    for (const { name, after, forMs } of scenario.later)
      if (after === verb) world.troubles.push({ name, fromMs: nowMs, untilMs: nowMs + forMs });
  };
  return Promise.all(
    machines.map((machine, index) => operate(world, machine, scenario.machines[index]!, { triesMax: scenario.triesMax, onLeg })),
  );
}

/** Until the operators are through: statement by statement, and from timer to timer when none waits. */
async function passTime(world: World, processes: Processes, stories: Promise<OperatorReport[]>): Promise<OperatorReport[]> {
  const { server, time } = world;
  let reports: OperatorReport[] | undefined;
  stories.then(
    (all) => (reports = all),
    (error: unknown) => {
      world.broken(`the operator fell over: ${(error as Error).stack}`);
      reports = [];
    },
  );
  for (;;) {
    // Whatever follows from the last statement or timer without waiting has followed when this resolves.
    await new Promise(setImmediate);
    if (reports !== undefined) return reports;
    await processes.perhapsStrike();
    if (server.hasWork()) server.work();
    else if (!time.advance()) return stuck(world, 'nothing happens any more');
    if (time.nowMs() - START_MS > SEED_MS_MAX) return stuck(world, 'the story does not end');
  }
}

function stuck(world: World, invariant: string): OperatorReport[] {
  world.broken(invariant);
  return [];
}
