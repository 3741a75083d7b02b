import type { Sealer } from '../../core/base/sealer-codec.ts';
import type { Random } from '../../core/base/random.ts';
import type { BootDesk } from '../../pxe/boot-desk.ts';
import type { Database } from '../../core/database/connect-database.ts';
import type { SimulatedServer } from './simulated-database.ts';
import type { Life, VirtualTime } from './virtual-time.ts';

/** What goes wrong, and when. */
export interface Trouble {
  readonly name: string;
  readonly fromMs: number;
  readonly untilMs: number;
}

/** Everything that one seed is made of, as its parts see each other. */
export interface World {
  readonly time: VirtualTime;
  readonly random: Random;
  readonly server: SimulatedServer;
  readonly sealer: Sealer;
  readonly bootSecret: Buffer;
  readonly troubles: Trouble[];
  /** How often each has happened. */
  readonly injected: Map<string, number>;
  /** The database by way of a control plane that answers now; undefined: none does. */
  api(): Database | undefined;
  /** Resolves when the process behind it has died and its connections have broken. */
  deathOf(database: Database): Promise<void>;
  /** Undefined while the boot server is down. */
  boot(): BootDesk | undefined;
  note(who: string, what: string): void;
  /** A thing that must never happen has happened. */
  broken(invariant: string): void;
}

export const makeLife = (): Life => ({ alive: true });

export function isTroubled(world: World, name: string): boolean {
  const nowMs = world.time.nowMs();
  return world.troubles.some((trouble) => trouble.name === name && trouble.fromMs <= nowMs && nowMs < trouble.untilMs);
}

/** Whether the trouble happens at this very moment: then it is counted. */
export function meets(world: World, name: string, chance = 1): boolean {
  if (!isTroubled(world, name) || (chance < 1 && world.random.unit() >= chance)) return false;
  count(world, name);
  return true;
}

/** It has happened. */
export const count = (world: World, name: string): void => void world.injected.set(name, (world.injected.get(name) ?? 0) + 1);

export const between = (random: Random, from: number, to: number): number => from + random.unit() * (to - from);
export const whole = (random: Random, from: number, to: number): number => Math.floor(between(random, from, to + 1));
export const pick = <Value>(random: Random, list: readonly Value[]): Value => list[Math.floor(random.unit() * list.length)]!;
