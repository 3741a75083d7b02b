import type { BmcAddress, BmcConnection } from '../../bmc/capability.ts';
import type { Database } from '../../core/database/connect-database.ts';
import type { BootDesk } from '../../pxe/boot-desk.ts';
import { startBootServer, type BootDisk, type BootServer } from './boot-server.ts';
import { startControlPlane, type ControlPlane } from './control-plane.ts';
import { count, isTroubled, makeLife, whole, type World } from './world.ts';

/** The product's processes of a seed: they start, are killed between two statements that the seed chose, and start again. */
export interface Processes {
  /** The database by way of a control plane that lives. */
  api(): Database | undefined;
  deathOf(database: Database): Promise<void>;
  boot(): BootDesk | undefined;
  start(): void;
  /** Strikes when its time has come. */
  perhapsStrike(): Promise<void>;
  end(): Promise<void>;
}

/** A killed process is started again by its supervisor; a database and a boot server take longer, so that somebody misses them. */
const RESTART_MS = [1_000, 30_000] as const;
const DATABASE_AWAY_MS = [500, 60_000] as const;
const BOOT_SERVER_AWAY_MS = [2_000, 150_000] as const;

interface Settings {
  readonly world: World;
  readonly controlPlanes: number;
  readonly leaseMs: number;
  readonly connectAddress: (address: BmcAddress) => BmcConnection;
  readonly onDhcpReply: (packet: Buffer) => void;
}

export function createProcesses(settingsOf: () => Settings): Processes {
  const planes: ControlPlane[] = [];
  const deaths = new Map<Database, PromiseWithResolvers<void>>();
  const disk: BootDisk = { leases: [], model: undefined };
  let bootServer: BootServer | undefined;
  let started = 0;
  let strikes: Strike[] = [];

  const addControlPlane = async () => {
    const { world, leaseMs, connectAddress } = settingsOf();
    started += 1;
    const plane = await startControlPlane(world, { name: `control-plane-${started}`, leaseMs, connectAddress });
    deaths.set(plane.database, Promise.withResolvers());
    planes.push(plane);
  };
  const addBootServer = async () => {
    const { world, onDhcpReply } = settingsOf();
    bootServer = await startBootServer(world, disk, onDhcpReply);
  };
  const later = ([from, to]: readonly [number, number], work: () => Promise<void>) => {
    const { world } = settingsOf();
    void world.time
      .clockOf(makeLife())
      .sleep(whole(world.random, from, to))
      .then(work);
  };
  const blows = {
    async controlPlane() {
      const alive = planes.filter((plane) => plane.isAlive());
      const victim = alive[Math.floor(settingsOf().world.random.unit() * alive.length)];
      if (victim === undefined) return;
      await victim.kill();
      deaths.get(victim.database)!.resolve();
      later(RESTART_MS, addControlPlane);
    },
    async database() {
      const { server, note } = settingsOf().world;
      if (!server.isUp()) return;
      note('database', 'is killed');
      server.stop();
      later(DATABASE_AWAY_MS, async () => {
        note('database', 'is there again');
        server.start();
      });
    },
    async bootServer() {
      const victim = bootServer;
      if (victim === undefined) return;
      bootServer = undefined;
      await victim.kill();
      later(BOOT_SERVER_AWAY_MS, addBootServer);
    },
  };

  return {
    api: () => planes.find((each) => each.isAlive())?.database,
    deathOf: (database) => deaths.get(database)?.promise ?? Promise.resolve(),
    boot: () => bootServer?.desk,
    start() {
      const { world, controlPlanes } = settingsOf();
      strikes = [
        makeStrike(world, 'kill-control-plane', 120, blows.controlPlane),
        makeStrike(world, 'kill-database', 90, blows.database),
        makeStrike(world, 'kill-boot-server', 60, blows.bootServer),
      ];
      void addBootServer();
      for (let index = 0; index < controlPlanes; index += 1) void addControlPlane();
    },
    async perhapsStrike() {
      for (const strike of strikes) await strike();
    },
    async end() {
      for (const plane of planes) await plane.kill();
      await bootServer?.kill();
    },
  };
}

type Strike = () => Promise<void>;

/** @param every at most so many statements from one blow to the next */
function makeStrike(world: World, name: string, every: number, blow: () => Promise<void>): Strike {
  const { server, random } = world;
  let at = server.counters.statements + whole(random, 1, every);
  return async () => {
    if (!isTroubled(world, name) || server.counters.statements < at) return;
    at = server.counters.statements + whole(random, 1, every);
    count(world, name);
    await blow();
  };
}
