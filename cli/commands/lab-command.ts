import { Command, Option } from 'commander';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { allFaults, chooseFaults } from '../../lab/choose-faults.ts';
import { runLab, type LabOptions, type LabReport, type LabImage } from '../../lab/run-lab.ts';
import { ipv4ToNumber } from '../../core/base/ipv4-address.ts';
import { BOOT_WAYS, RACK_MACHINES_MAX, type BootWay } from '../../lab/topology.ts';
import { CommandError, EXIT_CODE } from '../terminal/exit-code.ts';
import { formatTable } from '../terminal/table.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { jsonOption, writeJson } from '../terminal/write-json.ts';
import { labBmcCommand } from './lab-bmc-command.ts';

const ROOT = join(import.meta.dirname, '../..');

interface LabFlags {
  readonly machines: string;
  readonly disks: string;
  readonly image?: LabImage;
  readonly until: 'available' | 'deployed';
  readonly boot: BootWay;
  readonly exit?: boolean;
  readonly json?: string | true;
  readonly seed: string;
  readonly listen: string;
  readonly fault?: readonly string[];
}

export function labCommand(terminal: Terminal): Command {
  return new Command('lab')
    .description('a virtual rack: machines from powered off to a running operating system')
    .helpCommand(false)
    .enablePositionalOptions()
    .option('--machines <n>', 'how many machines', '3')
    .option('--disks <n>', 'how many disks each has', '1')
    .addOption(
      new Option('--image <name>', 'deploy this on all (default: debian on the first, tiny on the others)').choices([
        'debian',
        'debian-partition',
        'tiny',
      ]),
    )
    .addOption(new Option('--until <state>', 'how far to go').choices(['available', 'deployed']).default('deployed'))
    .addOption(new Option('--boot <way>', 'how the agent gets onto the machines').choices(BOOT_WAYS).default('network'))
    .option('--exit', 'end when all is done')
    .addOption(jsonOption('write the report as JSON'))
    .option('--seed <n>', 'serials, addresses and passwords of the rack', '1')
    .option('--fault <name...>', 'what goes wrong, by name or a comma list; `--fault list` tells the names')
    .option('--listen <address:port>', 'where the API answers on this host', '127.0.0.1:5000')
    .addHelpText(
      'after',
      `
Examples:
  $ rackwright lab
  $ rackwright lab --machines 3 --exit --json lab.json
  $ rackwright lab --machines 1 --image tiny --exit
  $ rackwright lab --machines 1 --image tiny --boot virtual-media --exit
  $ rackwright lab --machines 1 --until available --boot secure-boot --exit
  $ rackwright lab --fault list
  $ rackwright lab --machines 1 --image tiny --exit --fault kill-control-plane --fault network-loss,bmc-slow --seed 7`,
    )
    .addCommand(labBmcCommand(terminal))
    .action((flags: LabFlags) => run(terminal, flags));
}

const describeFaults = (terminal: Terminal): string =>
  formatTable(
    allFaults(),
    [
      { title: 'fault', value: ({ name }) => name },
      { title: 'part', value: ({ part }) => part },
      { title: 'what goes wrong', value: ({ does }) => does },
      { title: 'what is owed', value: ({ expects }) => expects },
    ],
    terminal.columns,
  );

function faultsOf(flags: LabFlags): LabOptions['faults'] {
  const names = (flags.fault ?? []).flatMap((text) => text.split(',')).map((name) => name.trim());
  const chosen = chooseFaults(names);
  if ('unknown' in chosen)
    throw new CommandError(
      `no such fault: ${chosen.unknown.map((name) => JSON.stringify(name)).join(', ')}`,
      EXIT_CODE.usage,
      `there are: ${allFaults()
        .map(({ name }) => name)
        .join(', ')}`,
    );
  const idle = chosen.faults.filter((fault) => fault.needsDeployment && flags.until === 'available');
  if (idle.length > 0)
    throw new CommandError(
      `${idle.map(({ name }) => name).join(', ')}: nothing is deployed with --until available`,
      EXIT_CODE.usage,
      'leave out --until, or the fault',
    );
  return chosen.faults;
}

/** Emulated AHCI has six ports. */
const DISKS_MAX = 6;

function numbersOf(flags: LabFlags): { machines: number; disks: number; seed: number } {
  const why = { arm64: 'the images that the lab deploys are made for x86-64', 'no-dhcp': 'what is deployed asks for an address' }[
    String(flags.boot)
  ];
  if (why !== undefined && flags.until !== 'available')
    throw new CommandError(`--boot ${flags.boot}: ${why}`, EXIT_CODE.usage, 'add --until available');
  const [machines, disks, seed] = [Number(flags.machines), Number(flags.disks), Number(flags.seed)];
  if (!Number.isInteger(disks) || disks < 1 || disks > DISKS_MAX)
    throw new CommandError(`--disks is a whole number from 1 to ${DISKS_MAX}`, EXIT_CODE.usage);
  if (!Number.isInteger(machines) || machines < 1 || machines > RACK_MACHINES_MAX)
    throw new CommandError(`--machines is a whole number from 1 to ${RACK_MACHINES_MAX}`, EXIT_CODE.usage);
  if (!Number.isSafeInteger(seed)) throw new CommandError('--seed is a whole number', EXIT_CODE.usage);
  const port = Number(/^[0-9.]+:(\d{1,5})$/.exec(flags.listen)?.[1] ?? NaN);
  if (!(port <= 65_535) || ipv4ToNumber(flags.listen.split(':')[0]!) === undefined)
    throw new CommandError('--listen is ADDRESS:PORT, for example 127.0.0.1:5000; port 0 takes a free one', EXIT_CODE.usage);
  return { machines, disks, seed };
}

/** Labs that start in the same second get folders of their own. */
export function makeRunDirectory(parent: string, now: Date): string {
  const name = now.toISOString().slice(0, 19).replaceAll(':', '-');
  mkdirSync(parent, { recursive: true });
  for (let copy = 1; ; copy += 1) {
    const directory = join(parent, copy === 1 ? name : `${name}-${copy}`);
    try {
      mkdirSync(directory);
      return directory;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

/** The flags that shape the run, in one order. */
const typedWords = (flags: LabFlags): string =>
  [
    `--machines ${flags.machines}`,
    ...(flags.disks === '1' ? [] : [`--disks ${flags.disks}`]),
    ...(flags.image === undefined ? [] : [`--image ${flags.image}`]),
    ...(flags.until === 'deployed' ? [] : [`--until ${flags.until}`]),
    ...(flags.boot === 'network' ? [] : [`--boot ${flags.boot}`]),
    `--seed ${flags.seed}`,
    ...(flags.fault ?? []).map((names) => `--fault ${names}`),
  ].join(' ');

async function run(terminal: Terminal, flags: LabFlags): Promise<void> {
  if (flags.fault?.includes('list')) return terminal.out(describeFaults(terminal));
  const { machines, disks, seed } = numbersOf(flags);
  const faults = faultsOf(flags);
  const runDirectory = makeRunDirectory(join(ROOT, 'lab-runs'), new Date());
  const lab = await runLab({
    machines,
    disks,
    seed,
    until: flags.until,
    boot: flags.boot,
    listen: flags.listen,
    runDirectory,
    cacheDirectory: join(ROOT, '.cache'),
    program: [process.execPath, '--disable-warning=ExperimentalWarning', join(ROOT, 'cli/rackwright.ts')],
    faults,
    command: typedWords(flags),
    onLine: (line) => terminal.err(line),
    ...(flags.image === undefined ? {} : { image: flags.image }),
  });
  try {
    if (flags.json !== undefined) await writeJson(terminal, flags.json, lab.report);
    if (flags.json !== true) terminal.out(describe(lab.report, terminal));
    if (flags.json !== true && faults.length > 0) terminal.out(describeOutcomes(lab.report, terminal));
    if (flags.exit !== true) await stayUp(terminal, lab.report, lab.endpoint);
  } finally {
    await lab.stop();
  }
  if (!lab.report.ok)
    throw new CommandError(
      lab.report.faults.some(({ met }) => !met) ? 'not every fault ended as it should' : 'not every machine reached its goal',
      EXIT_CODE.failed,
      `read the timelines and consoles in ${lab.report.runDirectory}`,
    );
}

function describe(report: LabReport, terminal: Terminal): string {
  return formatTable(
    report.machines,
    [
      { title: 'machine', value: ({ name }) => name },
      { title: 'firmware', value: ({ firmware }) => firmware },
      { title: 'bmc', value: ({ bmc }) => bmc },
      { title: 'driver', value: ({ driver }) => driver ?? '' },
      { title: 'state', value: ({ state, error }) => (error === undefined ? state : `${state}: ${error}`) },
      { title: 'address', value: ({ address }) => address ?? '' },
      { title: 'ssh', value: ({ ssh }) => (ssh ? 'yes' : 'no') },
      { title: 'seconds', value: ({ phases }) => phases.reduce((sum, phase) => sum + phase.seconds, 0).toFixed(0), align: 'right' },
    ],
    terminal.columns,
  );
}

const describeOutcomes = (report: LabReport, terminal: Terminal): string =>
  formatTable(
    report.faults,
    [
      { title: 'fault', value: ({ name }) => name },
      { title: 'times', value: ({ injected }) => String(injected), align: 'right' },
      { title: 'met', value: ({ met }) => (met ? 'yes' : 'no') },
      { title: 'expected', value: ({ expected, problems }) => (problems.length === 0 ? expected : problems.join('; ')) },
    ],
    terminal.columns,
  );

async function stayUp(terminal: Terminal, report: LabReport, endpoint: string): Promise<void> {
  terminal.err(
    `\nThe rack stays up. Ctrl-C ends it and everything in it.\n  API:   eval "$(./rackwright openrc --data ${report.runDirectory}/data)"   (${endpoint})\n  Files: ${report.runDirectory}`,
  );
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  });
}
