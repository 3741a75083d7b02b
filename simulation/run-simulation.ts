import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import { silentLogger } from '../core/base/logger.ts';
import { seededRandom } from '../core/base/random.ts';
import { connectDatabase } from '../core/database/connect-database.ts';
import { startEmbeddedPostgres, type EmbeddedPostgres } from '../core/database/embedded-postgres.ts';
import { migrateDatabase } from '../core/database/migrate.ts';
import { runSeed, type SeedReport } from './run/run-seed.ts';
import { START_MS, type Scenario } from './run/scenario.ts';
import { createSimulatedServer, type SimulatedServer } from './world/simulated-database.ts';
import { SEARCH_PATH, SIMULATION_SCHEMA } from './world/simulation-schema.ts';
import { createVirtualTime } from './world/virtual-time.ts';

/** A PostgreSQL of its own in virtual time, on which seeds run. */
export interface Simulation {
  run(scenario: Scenario): Promise<SeedReport>;
  close(): Promise<void>;
}

type Lane = Simulation;

/** What nobody keeps needs no care: a crash of the real server loses the seed that runs. */
const CARELESS = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  autovacuum: 'off',
  wal_level: 'minimal',
  max_wal_senders: '0',
};
/** What seeds write; the rest is as the migrations left it. */
const WRITTEN = ['agent_command', 'machine_event', 'flow_step', 'flow_event', 'flow', 'lease', 'inspection', 'port', 'node'];
/** Rows of seeds before are dead weight: after so many, the tables begin anew. */
const SEEDS_PER_TRUNCATION = 100;

/** @param lanes how many seeds at once: each has a database of its own, so one does not see another. */
export async function startSimulation(lanes = 1): Promise<Simulation> {
  const dataDirectory = await mkdtemp(join(tmpdir(), 'rw-sim-'));
  const postgres = await startEmbeddedPostgres({ dataDirectory, logger: silentLogger, settings: CARELESS });
  const stop = async () => {
    await postgres.stop();
    await rm(dataDirectory, { recursive: true, force: true });
  };
  try {
    const databases = await makeDatabases(postgres.connection, lanes);
    const free = databases.map((database) => openLane({ ...postgres.connection, database }));
    const all = [...free];
    const waiting: ((lane: Lane) => void)[] = [];
    const enter = async (): Promise<Lane> => free.pop() ?? new Promise((resolve) => waiting.push(resolve));
    const leave = (lane: Lane): void => {
      const next = waiting.shift();
      if (next === undefined) free.push(lane);
      else next(lane);
    };
    return {
      async run(scenario) {
        const lane = await enter();
        try {
          return await lane.run(scenario);
        } finally {
          leave(lane);
        }
      },
      async close() {
        await Promise.all(all.map((lane) => lane.close()));
        await stop();
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function openLane(connection: EmbeddedPostgres['connection']): Lane {
  const random = seededRandom(0);
  const server = createSimulatedServer(connection, { time: createVirtualTime(START_MS, random), random });
  let seeds = 0;
  return {
    async run(scenario) {
      clean(server, seeds % SEEDS_PER_TRUNCATION === 0);
      seeds += 1;
      return runSeed(server, scenario);
    },
    async close() {
      server.close();
    },
  };
}

/** One is migrated, the others are its copies. */
async function makeDatabases(connection: EmbeddedPostgres['connection'], count: number): Promise<readonly string[]> {
  // Waits until a server that is starting takes sessions.
  await (await connectDatabase({ connection, logger: silentLogger })).close();
  const administrator = new pg.Client(connection);
  await administrator.connect();
  try {
    await administrator.query('create database lane_0');
    await makeSchema({ ...connection, database: 'lane_0' });
    for (let lane = 1; lane < count; lane += 1) await administrator.query(`create database lane_${lane} template lane_0`);
  } finally {
    await administrator.end();
  }
  return Array.from({ length: count }, (_each, lane) => `lane_${lane}`);
}

async function makeSchema(connection: pg.ClientConfig): Promise<void> {
  const options = `-c simulation.now=${new Date(START_MS).toISOString()} -c search_path=${SEARCH_PATH.replaceAll(' ', '')}`;
  const pool = new pg.Pool({ ...connection, max: 1, options });
  try {
    for (const statement of SIMULATION_SCHEMA) await pool.query(statement);
    await migrateDatabase(new Kysely({ dialect: new PostgresDialect({ pool }) }));
  } finally {
    await pool.end();
  }
}

function clean(server: SimulatedServer, isWhole: boolean): void {
  server.administer(
    isWhole ? `truncate ${WRITTEN.join(', ')} restart identity cascade` : WRITTEN.map((table) => `delete from ${table}`).join('; '),
  );
  server.administer(`select setval('simulation.uuids', 1, false)`);
}
