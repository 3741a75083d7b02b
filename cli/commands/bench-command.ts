import { Command } from 'commander';
import { join } from 'node:path';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { isInCage, runInCage } from '../bench/bench-cage.ts';
import { isMet, type BenchRow, type Comparison } from '../bench/comparison.ts';
import { COMPARISONS } from '../bench/comparisons.ts';
import { runApiBench, type ApiBenchReport } from '../bench/api-bench.ts';
import type { Measurement } from '../bench/measure.ts';
import { figureOf } from '../bench/openstack-figures.ts';
import { CommandError, EXIT_CODE } from '../terminal/exit-code.ts';
import { startProgress } from '../terminal/progress.ts';
import { formatTable } from '../terminal/table.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { jsonOption, writeJson } from '../terminal/write-json.ts';

const ROOT = join(import.meta.dirname, '../..');
/** One page of the API's lists, which the fleet's loads count. */
const NODES_MAX = 1000;

interface BenchFlags {
  readonly nodes: string;
  readonly seconds: string;
  readonly json?: string | true;
}

export const benchCommand = (terminal: Terminal): Command =>
  [
    apiCommand(terminal),
    ...COMPARISONS.map((comparison) => comparisonCommand(terminal, comparison.name, comparison.summary, [comparison])),
    comparisonCommand(terminal, 'all', 'every bench with a peer, one after the other', COMPARISONS),
  ].reduce(
    (parent, command) => parent.addCommand(command),
    new Command('bench').description('what this machine pays for our work, beside the best peers').helpCommand(false),
  );

interface ComparisonFlags {
  readonly rounds: string;
  readonly json?: string | true;
}

function comparisonCommand(terminal: Terminal, name: string, summary: string, comparisons: readonly Comparison[]): Command {
  return new Command(name)
    .description(`${summary}; as root, in network namespaces of its own`)
    .option('--rounds <n>', 'each server is started and loaded this often, in turn', '3')
    .addOption(jsonOption('write the figures as JSON'))
    .addHelpText('after', `\nExamples:\n  $ rackwright bench ${name}\n  $ rackwright bench ${name} --rounds 1 --json bench.json`)
    .action(async (flags: ComparisonFlags) => {
      const rounds = Number(flags.rounds);
      if (!Number.isInteger(rounds) || rounds < 1) throw new CommandError('--rounds is a whole number above 0', EXIT_CODE.usage);
      if (process.getuid?.() !== 0) throw new CommandError('network namespaces need root', EXIT_CODE.failed);
      if (!isInCage()) return runInCage();
      const rows: BenchRow[] = [];
      for (const comparison of comparisons) rows.push(...(await runComparison(terminal, comparison, rounds)));
      if (flags.json !== undefined) await writeJson(terminal, flags.json, { rows });
      if (flags.json !== true) terminal.out(describeRows(rows, terminal));
    });
}

async function runComparison(terminal: Terminal, comparison: Comparison, rounds: number): Promise<BenchRow[]> {
  const progress = startProgress(terminal, Date.now);
  const directory = await mkdtemp(join(tmpdir(), 'rackwright-bench-'));
  try {
    return await comparison.run({ rounds, directory, onStep: (step) => progress.show(step) });
  } finally {
    progress.end();
    await rm(directory, { recursive: true, force: true });
  }
}

const threeDigits = (value: number) => (value >= 1000 ? value.toFixed(0) : value.toPrecision(3));

const describeRows = (rows: readonly BenchRow[], terminal: Terminal): string =>
  formatTable(
    rows,
    [
      { title: 'figure', value: ({ figure, unit }) => `${figure}, ${unit}` },
      { title: 'ours', value: ({ ours }) => threeDigits(ours), align: 'right' },
      { title: 'peer', value: ({ peer }) => threeDigits(peer), align: 'right' },
      { title: 'which', value: ({ peerName }) => peerName },
      { title: 'ratio', value: ({ ratio }) => ratio.toFixed(2), align: 'right' },
      { title: 'goal', value: ({ goal, atLeast }) => `${atLeast ? '≥' : '≤'} ${goal}`, align: 'right' },
      { title: 'met', value: (row) => (isMet(row) ? 'yes' : 'no') },
    ],
    terminal.columns,
  );

const apiCommand = (terminal: Terminal): Command =>
  new Command('api')
    .description('a control plane of its own, fake hardware, and the loads of a day: latency, and CPU of all its processes')
    .option('--nodes <n>', `how many nodes, at most ${NODES_MAX}`, String(NODES_MAX))
    .option('--seconds <n>', 'for each load that only reads', '5')
    .addOption(jsonOption('write the figures as JSON'))
    .addHelpText('after', '\nExamples:\n  $ rackwright bench api\n  $ rackwright bench api --nodes 100 --seconds 2 --json bench.json')
    .action(async (flags: BenchFlags) => {
      const nodes = Number(flags.nodes);
      const readSeconds = Number(flags.seconds);
      if (!Number.isInteger(nodes) || nodes < 1 || nodes > NODES_MAX || !(readSeconds > 0))
        throw new CommandError(`--nodes is a whole number from 1 to ${NODES_MAX}, --seconds is above 0`, EXIT_CODE.usage);
      // Without root there are no namespaces for it; alone it starts nothing but our own control plane.
      if (!isInCage() && process.getuid?.() === 0) return runInCage();
      const progress = startProgress(terminal, Date.now);
      const report = await runApiBench({
        nodes,
        readSeconds,
        program: [process.execPath, '--disable-warning=ExperimentalWarning', join(ROOT, 'cli/rackwright.ts')],
        onLoad: (name) => progress.show(name),
      }).finally(() => progress.end());
      if (flags.json !== undefined) await writeJson(terminal, flags.json, withRows(report));
      if (flags.json !== true) terminal.out(describe(report, terminal));
    });

/** `rows`: what is compared, for programs. */
const withRows = (report: ApiBenchReport) => ({
  ...report,
  rows: report.measurements.flatMap((each) => {
    const peer = figureOf(each.name);
    return peer === undefined
      ? []
      : [{ figure: each.name, ours: each.serverCpuMs, peer: peer.cpuMs, ratio: each.serverCpuMs / peer.cpuMs, goal: peer.goal }];
  }),
});

/** Ours ÷ OpenStack's, of CPU a call. */
const ratioText = ({ name, serverCpuMs }: Measurement): string => {
  const peer = figureOf(name);
  return peer === undefined ? '' : (serverCpuMs / peer.cpuMs).toFixed(3);
};

const mib = (bytes: number) => `${Math.round(bytes / 2 ** 20)} MiB`;

const describe = (report: ApiBenchReport, terminal: Terminal): string =>
  [
    formatTable(
      report.measurements,
      [
        { title: 'load', value: ({ name }) => name },
        { title: 'at once', value: ({ concurrency }) => String(concurrency), align: 'right' },
        { title: 'calls', value: ({ calls }) => String(calls), align: 'right' },
        { title: 'errors', value: ({ errors }) => String(errors), align: 'right' },
        { title: 'median ms', value: ({ medianMs }) => medianMs.toFixed(1), align: 'right' },
        { title: 'p95 ms', value: ({ p95Ms }) => p95Ms.toFixed(1), align: 'right' },
        { title: 'per s', value: ({ perSecond }) => perSecond.toFixed(0), align: 'right' },
        { title: 'server CPU ms', value: ({ serverCpuMs }) => serverCpuMs.toFixed(2), align: 'right' },
        { title: 'OpenStack', value: ({ name }) => figureOf(name)?.cpuMs.toFixed(1) ?? '', align: 'right' },
        { title: 'ratio', value: ratioText, align: 'right' },
        { title: 'goal', value: ({ name }) => figureOf(name)?.goal.toString() ?? '', align: 'right' },
        { title: 'seconds', value: ({ seconds }) => seconds.toFixed(1), align: 'right' },
      ],
      terminal.columns,
    ),
    `start ${report.startSeconds.fresh} s with an empty data folder, ${report.startSeconds.existing} s with ${report.nodes} nodes in it`,
    `memory ${mib(report.idle.memoryBytes)} idle (${report.idle.processes} processes), ${mib(report.afterLoad.memoryBytes)} at rest after the load`,
  ].join('\n');
