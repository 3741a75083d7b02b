import { Command } from 'commander';
import { availableParallelism } from 'node:os';
import { SIMULATED_FAULTS, type SimulatedFault } from '../../simulation/fault-table.ts';
import { runCatalogue, type CatalogueRow } from '../../simulation/run-catalogue.ts';
import { startSimulation } from '../../simulation/run-simulation.ts';
import { runSeeds } from '../../simulation/run-seeds.ts';
import { scenarioOf, type SeedOrder, type SeedSummary } from '../../simulation/seed-summary.ts';
import { CommandError, EXIT_CODE } from '../terminal/exit-code.ts';
import { startProgress } from '../terminal/progress.ts';
import { formatTable } from '../terminal/table.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { jsonOption, writeJson } from '../terminal/write-json.ts';

interface Flags {
  readonly seeds?: string;
  readonly seed?: string;
  readonly machines?: string;
  readonly fault?: readonly string[];
  readonly jobs?: string;
  readonly catalogue?: boolean;
  readonly json?: string | true;
}

const SEEDS_DEFAULT = 100;
/** One subnet's pool of the simulated boot server. */
const MACHINES_MAX = 50;
/** Each has a PostgreSQL. */
const JOBS_MAX = 64;
/** One is enough to begin with. */
const BROKEN_TOLD_MAX = 5;

export const simulateCommand = (terminal: Terminal): Command =>
  new Command('simulate')
    .description('the product’s own flows over simulated machines, in virtual time: what goes wrong, and when, is drawn from a seed')
    .option('--seeds <n>', `how many seeds (default: ${SEEDS_DEFAULT})`)
    .option('--seed <n>', 'the first seed; without --seeds this one alone, with its story')
    .option('--machines <n>', 'how many machines each seed has (default: 1)')
    .option('--fault <name...>', 'draw from these only, by name or a comma list; `--fault list` tells the names')
    .option('--jobs <n>', 'processes, each with a database of its own (default: one a processor)')
    .option('--catalogue', 'each fault once, or with each of --seeds: what became of the machine, and what `explain` says of it')
    .addOption(jsonOption('write the report as JSON'))
    .addHelpText(
      'after',
      `
Examples:
  $ rackwright simulate
  $ rackwright simulate --seeds 10000 --json simulation.json
  $ rackwright simulate --seed 1120
  $ rackwright simulate --seeds 500 --machines 3 --fault kill-control-plane,network-loss
  $ rackwright simulate --catalogue
  $ rackwright simulate --catalogue --seeds 10 --fault disk-slow`,
    )
    .action((flags: Flags) => run(terminal, flags));

async function run(terminal: Terminal, flags: Flags): Promise<void> {
  const names = (flags.fault ?? []).flatMap((text) => text.split(',')).map((name) => name.trim());
  if (names.includes('list')) return terminal.out(describeFaults(terminal));
  const unknown = names.filter((name) => !SIMULATED_FAULTS.some((fault) => fault.name === name));
  if (unknown.length > 0) throw new CommandError(`no such fault: ${unknown.join(', ')}`, EXIT_CODE.usage, '`--fault list` tells the names');
  const seed = flags.seed === undefined ? 1 : wholeNumber('--seed', flags.seed, 0, 2 ** 31);
  const machines = wholeNumber('--machines', flags.machines ?? '1', 1, MACHINES_MAX);
  const jobs = wholeNumber('--jobs', flags.jobs ?? String(availableParallelism()), 1, JOBS_MAX);
  const given = flags.seeds === undefined ? undefined : wholeNumber('--seeds', flags.seeds, 1, 10_000_000);
  if (flags.catalogue === true) return catalogue(terminal, flags, faultsOf(names), seed, given ?? 1);
  if (flags.seed !== undefined && given === undefined) return tellStory(terminal, flags, { seed, machines, faults: names });
  const count = given ?? SEEDS_DEFAULT;
  await runMany(
    terminal,
    flags,
    Array.from({ length: count }, (_each, at) => ({ seed: seed + at, machines, faults: names })),
    jobs,
  );
}

const faultsOf = (names: readonly string[]): readonly SimulatedFault[] =>
  names.length === 0 ? SIMULATED_FAULTS : SIMULATED_FAULTS.filter(({ name }) => names.includes(name));

function wholeNumber(name: string, text: string, from: number, to: number): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < from || value > to)
    throw new CommandError(`${name} is a whole number from ${from} to ${to}`, EXIT_CODE.usage);
  return value;
}

const describeFaults = (terminal: Terminal): string =>
  formatTable(
    SIMULATED_FAULTS,
    [
      { title: 'fault', value: ({ name }) => name },
      { title: 'part', value: ({ part }) => part },
      { title: 'what goes wrong', value: ({ does }) => does },
    ],
    terminal.columns,
  );

/** How to see this seed again. */
const replayCommand = ({ seed, machines, faults }: SeedOrder): string =>
  [
    'rackwright simulate',
    `--seed ${seed}`,
    ...(machines === 1 ? [] : [`--machines ${machines}`]),
    ...(faults.length === 0 ? [] : [`--fault ${faults.join(',')}`]),
  ].join(' ');

async function tellStory(terminal: Terminal, flags: Flags, order: SeedOrder): Promise<void> {
  const scenario = scenarioOf(order);
  const simulation = await startSimulation();
  const report = await simulation.run(scenario).finally(() => simulation.close());
  if (flags.json !== undefined) await writeJson(terminal, flags.json, { scenario, report });
  if (flags.json !== true) {
    for (const line of report.trace) terminal.out(line);
    for (const { machine, state, explanations } of report.machines) terminal.out(`${machine}: ${explanations.at(-1)?.summary ?? state}`);
    terminal.out(`trace ${report.traceHash}, ${report.statements} statements, ${(report.virtualMs / 3_600_000).toFixed(1)} hours`);
  }
  if (report.broken.length > 0) throw new CommandError(`seed ${order.seed}: ${report.broken.join('; ')}`, EXIT_CODE.failed);
}

async function runMany(terminal: Terminal, flags: Flags, orders: readonly SeedOrder[], jobs: number): Promise<void> {
  const startedMs = Date.now();
  const summaries: SeedSummary[] = [];
  const progress = startProgress(terminal, Date.now);
  const broken: SeedSummary[] = [];
  progress.show('seeds', 0);
  await runSeeds(orders, jobs, (summary) => {
    summaries.push(summary);
    if (summary.broken.length > 0) broken.push(summary);
    const words = broken.length === 0 ? '' : `, ${broken.length} broken`;
    const share = summaries.length / orders.length;
    // A line for each seed would fill a file.
    const text = terminal.redraws
      ? `${summaries.length} of ${orders.length} seeds`
      : `${Math.floor(share * 20) * 5} % of ${orders.length} seeds`;
    progress.show(`${text}${words}`, share);
  }).finally(() => progress.end());
  const report = {
    ...totals(summaries, (Date.now() - startedMs) / 1000),
    broken: broken.map((each) => ({ ...each, replay: replayOf(orders, each) })),
  };
  if (flags.json !== undefined) await writeJson(terminal, flags.json, report);
  if (flags.json !== true) {
    terminal.out(
      `${report.seeds} seeds in ${report.seconds.toFixed(0)} s (${report.seedsPerMinute} a minute), ${report.virtualHours.toFixed(0)} hours of machines: ${report.reached} reached their goal, ${report.stopped} stopped in a named state`,
    );
    terminal.out(
      `faults that happened: ${Object.keys(report.injected).length} of ${SIMULATED_FAULTS.length} kinds, ${Object.values(report.injected).reduce((sum, count) => sum + count, 0)} times`,
    );
    for (const summary of broken.slice(0, BROKEN_TOLD_MAX))
      terminal.out(['', ...summary.trace, `seed ${summary.seed}: ${summary.broken.join('; ')}`, replayOf(orders, summary)].join('\n'));
  }
  if (broken.length > 0)
    throw new CommandError(`${broken.length} of ${orders.length} seeds broke an invariant`, EXIT_CODE.failed, replayOf(orders, broken[0]!));
}

const replayOf = (orders: readonly SeedOrder[], { seed }: SeedSummary): string =>
  replayCommand(orders.find((order) => order.seed === seed)!);

function totals(summaries: readonly SeedSummary[], seconds: number) {
  const injected: Record<string, number> = {};
  for (const summary of summaries)
    for (const [name, count] of Object.entries(summary.injected)) injected[name] = (injected[name] ?? 0) + count;
  const machines = summaries.flatMap(({ states }) => states);
  return {
    seeds: summaries.length,
    seconds,
    seedsPerMinute: Math.round((summaries.length / seconds) * 60),
    virtualHours: summaries.reduce((sum, { virtualMs }) => sum + virtualMs, 0) / 3_600_000,
    statements: summaries.reduce((sum, { statements }) => sum + statements, 0),
    reached: machines.filter(({ reached }) => reached).length,
    stopped: machines.filter(({ reached }) => !reached).length,
    injected,
  };
}

async function catalogue(
  terminal: Terminal,
  flags: Flags,
  faults: readonly SimulatedFault[],
  firstSeed: number,
  seeds: number,
): Promise<void> {
  if (flags.machines !== undefined || flags.jobs !== undefined)
    throw new CommandError(
      'the catalogue has one machine for each fault, in one process',
      EXIT_CODE.usage,
      'leave --machines and --jobs out',
    );
  const progress = startProgress(terminal, Date.now);
  const simulation = await startSimulation();
  const rows: CatalogueRow[] = [];
  const runs = faults.length * seeds;
  let done = 0;
  progress.show(`${faults.length} faults, ${seeds === 1 ? 'once' : `${seeds} times`} each`, 0);
  const onFault = (name: string) => {
    done += 1;
    if (terminal.redraws) progress.show(name, done / runs);
  };
  try {
    for (let seed = firstSeed; seed < firstSeed + seeds; seed += 1) rows.push(...(await runCatalogue(simulation, faults, seed, onFault)));
  } finally {
    progress.end();
    await simulation.close();
  }
  if (flags.json !== undefined) await writeJson(terminal, flags.json, { rows });
  if (flags.json !== true) terminal.out(describeRows(terminal, rows));
  const wrong = rows.filter((row) => row.wrong.length > 0);
  if (wrong.length > 0)
    throw new CommandError(
      wrong.map(({ fault, seed, wrong: why }) => `${fault}, seed ${seed}: ${why.join('; ')}`).join('\n'),
      EXIT_CODE.failed,
    );
}

/** A line for each fault, of all its seeds. */
const describeRows = (terminal: Terminal, rows: readonly CatalogueRow[]): string =>
  formatTable(
    [...Map.groupBy(rows, ({ fault }) => fault)],
    [
      { title: 'fault', value: ([fault]) => fault },
      { title: 'times', value: ([, runs]) => String(runs.reduce((sum, { injected }) => sum + injected, 0)), align: 'right' },
      {
        title: 'outcome',
        value: ([, runs]) => tally(runs.map(({ outcome, reachedGoal }) => (reachedGoal ? `${outcome} (goal)` : outcome))),
      },
      { title: 'diagnosis', value: ([, runs]) => (runs.find(({ wrong }) => wrong.length > 0) ?? runs[0]!).diagnosis[0]?.cause ?? 'none' },
      { title: 'right', value: ([, runs]) => tally(runs.map(({ wrong }) => (wrong.length === 0 ? 'yes' : 'no'))) },
    ],
    terminal.columns,
  );

/** `active (goal) 9, clean failed 1`; of one kind only, its name. */
function tally(words: readonly string[]): string {
  const groups = [...Map.groupBy(words, (word) => word)];
  return groups.length === 1 ? groups[0]![0] : groups.map(([word, { length }]) => `${word} ${length}`).join(', ');
}
