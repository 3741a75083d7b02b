import { holds, type ChunkSource, type SpreadAnswer, type SpreadReport } from '../../core/base/image-spread.ts';

/*
 * Who fetches which chunk from whom. A chunk that no machine has is sent by the server to one machine, and all others wait for that one to have it; a chunk that
 * machines have comes from the one that gives least. Machines that fail others are left alone: by the one that they failed at once, by all when several say so.
 */
export interface Swarm {
  readonly chunks: number;
  readonly machines: Map<string, SwarmMachine>;
}

export interface SwarmMachine {
  readonly name: string;
  readonly host: string;
  report: SpreadReport;
  held: Buffer;
  /** The chunk that it writes next, as far as its reports tell. */
  position: number;
  seenMs: number;
  /** What it was told to fetch and has not told the end of. */
  readonly granted: Map<number, Grant>;
  /** Who says that it fails. */
  readonly accusedBy: Set<string>;
}

interface Grant {
  /** The name of a machine; undefined: the server. */
  readonly from: string | undefined;
  readonly atMs: number;
}

/** Chunks under way from one machine: its link is shared with its own download. */
const GIVEN_AT_ONCE = 4;
/** Chunks under way from the server: enough to fill its link, few enough that each arrives soon and can be passed on. */
const SERVED_AT_ONCE = 12;
/** The machine that got a chunk from the server has this long until another gets it too: a slow one must not hold up all. */
const SERVER_PATIENCE_MS = 8_000;
/** So far ahead of the others the server sends nothing: a machine of a gibibyte keeps about a hundred chunks for them. */
const LEAD = 48;
/** Who is farther behind finds nothing there any more, and is not waited for. */
const REACH = 96;
/** As many of the slowest are not waited for either. */
const STRAGGLERS = 0.15;
/** A machine that has not reported for this long is off. */
const SILENT_MS = 30_000;
/** So many different machines are not all wrong about one. */
const ACCUSERS_MAX = 3;
const RETRY_MS = 150;
const AHEAD_RETRY_MS = 500;

export const createSwarm = (chunks: number): Swarm => ({ chunks, machines: new Map() });

/** Takes a machine's report, and tells it what to fetch. */
export function answerReport(
  swarm: Swarm,
  sender: { readonly name: string; readonly host: string },
  report: SpreadReport,
  nowMs: number,
): SpreadAnswer {
  for (const [name, { seenMs }] of swarm.machines) if (nowMs - seenMs > SILENT_MS) swarm.machines.delete(name);
  const machine = enter(swarm, sender, report, nowMs);
  for (const { source } of report.failed) swarm.machines.get(source)?.accusedBy.add(machine.name);
  for (const index of machine.granted.keys()) if (!report.fetching.includes(index)) machine.granted.delete(index);
  const load = loadOf(swarm);
  const fetch: SpreadAnswer['fetch'][number][] = [];
  let isAhead = false;
  for (const index of byPlace(machine, report.wants)) {
    const from = sourceOf(swarm, machine, index, load, nowMs);
    if (from === 'ahead' && index === report.wants[0]) isAhead = true;
    if (from === undefined || from === 'ahead') continue;
    machine.granted.set(index, { from: from === 'server' ? undefined : from.source, atMs: nowMs });
    load.add(from === 'server' ? undefined : from.source);
    fetch.push({ index, from });
  }
  return { fetch, retryMs: isAhead ? AHEAD_RETRY_MS : RETRY_MS, ...(isAhead ? { isAhead } : {}) };
}

function enter(swarm: Swarm, { name, host }: { name: string; host: string }, report: SpreadReport, nowMs: number): SwarmMachine {
  const held = Buffer.from(report.held, 'hex');
  const places = [...report.wants, ...report.fetching];
  const known = swarm.machines.get(name);
  if (known === undefined || known.host !== host || known.report.key !== report.key) {
    // Another power-on: what was said of it before is over.
    const position = places.length === 0 ? 0 : Math.min(...places);
    const fresh: SwarmMachine = { name, host, report, held, position, seenMs: nowMs, granted: new Map(), accusedBy: new Set() };
    swarm.machines.set(name, fresh);
    return fresh;
  }
  const position = places.length === 0 ? known.position : Math.min(...places);
  return Object.assign(known, { report, held, position, seenMs: nowMs });
}

interface Load {
  of(source: string | undefined): number;
  add(source: string | undefined): void;
}

function loadOf(swarm: Swarm): Load {
  const counts = new Map<string | undefined, number>();
  const add = (source: string | undefined) => void counts.set(source, (counts.get(source) ?? 0) + 1);
  for (const { granted } of swarm.machines.values()) for (const { from } of granted.values()) add(from);
  return { of: (source) => counts.get(source) ?? 0, add };
}

/** The most urgent first, the others from another place for each machine, so that each brings something that the others lack. */
function byPlace({ name }: SwarmMachine, [first, ...others]: readonly number[]): readonly number[] {
  if (first === undefined) return [];
  const turn =
    others.length === 0 ? 0 : [...name].reduce((sum, character) => (sum * 31 + character.charCodeAt(0)) >>> 0, 7) % others.length;
  return [first, ...others.slice(turn), ...others.slice(0, turn)];
}

/** Whether so many others would soon look for this chunk in vain that it is better sent later. */
function isTooEarly(swarm: Swarm, machine: SwarmMachine, index: number): boolean {
  const others = [...swarm.machines.values()].filter((other) => other !== machine && !other.report.isDone);
  const waitedFor = others.filter(({ position }) => position < index - LEAD && position >= index - REACH);
  return waitedFor.length > others.length * STRAGGLERS;
}

function sourceOf(
  swarm: Swarm,
  machine: SwarmMachine,
  index: number,
  load: Load,
  nowMs: number,
): 'server' | 'ahead' | ChunkSource | undefined {
  const givers = [...swarm.machines.values()].filter(
    (other) => other !== machine && holds(other.held, index) && !other.accusedBy.has(machine.name) && other.accusedBy.size < ACCUSERS_MAX,
  );
  const free = givers.filter(({ name }) => load.of(name) < GIVEN_AT_ONCE).sort((a, b) => load.of(a.name) - load.of(b.name));
  const [best] = free;
  if (best !== undefined) return { source: best.name, host: best.host, port: best.report.port, key: best.report.key };
  // They will be free in a moment; the server's link is for what nobody has.
  if (givers.length > 0) return undefined;
  const isComing = [...swarm.machines.values()].some((other) => {
    const grant = other.granted.get(index);
    return (
      grant !== undefined && grant.from === undefined && nowMs - grant.atMs < SERVER_PATIENCE_MS && other.accusedBy.size < ACCUSERS_MAX
    );
  });
  if (isComing || load.of(undefined) >= SERVED_AT_ONCE) return undefined;
  return isTooEarly(swarm, machine, index) ? 'ahead' : 'server';
}
