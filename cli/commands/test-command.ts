import { Argument, Command } from 'commander';
import { join } from 'node:path';
import { findTestFiles, TEST_SETS, type TestSet } from '../test-run/test-files.ts';
import { runTestFiles, type TestReport } from '../test-run/run-test-files.ts';
import { CommandError, EXIT_CODE } from '../terminal/exit-code.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { jsonOption, writeJson } from '../terminal/write-json.ts';

const ROOT = join(import.meta.dirname, '../..');

interface TestOptions {
  readonly filter?: string;
  readonly json?: string;
}

async function runTests(sets: readonly TestSet[], options: TestOptions, terminal: Terminal): Promise<void> {
  const found = await findTestFiles(ROOT, sets);
  const files = found.filter((file) => options.filter === undefined || file.includes(options.filter));
  // A run of nothing must not look like a success.
  if (files.length === 0)
    throw new CommandError(
      `no test files in ${sets.join(', ')}${options.filter === undefined ? '' : ` match ${options.filter}`}`,
      EXIT_CODE.usage,
    );
  // Racks need every core and are judged by what guests do: they run when nothing else does.
  const racks = files.filter((file) => TEST_SETS.lab.has(file));
  const others = files.filter((file) => !TEST_SETS.lab.has(file));
  const reports: TestReport[] = [];
  if (others.length > 0) reports.push(await runTestFiles(ROOT, others, { lab: false }));
  if (racks.length > 0) reports.push(await runTestFiles(ROOT, racks, { lab: true }));
  const report = reports.reduce(mergeReports);
  if (options.json !== undefined) await writeJson(terminal, options.json, { sets, ...report });
  process.exitCode = report.passed ? EXIT_CODE.ok : EXIT_CODE.failed;
}

const mergeReports = (a: TestReport, b: TestReport): TestReport => ({
  passed: a.passed && b.passed,
  counts: {
    tests: a.counts.tests + b.counts.tests,
    passed: a.counts.passed + b.counts.passed,
    failed: a.counts.failed + b.counts.failed,
    skipped: a.counts.skipped + b.counts.skipped,
  },
  seconds: a.seconds + b.seconds,
  files: [...a.files, ...b.files],
  failures: [...a.failures, ...b.failures],
});

export function testCommand(terminal: Terminal): Command {
  return new Command('test')
    .description('run the tests of this source tree; needs root for those with network namespaces')
    .addArgument(new Argument('[sets...]', 'which ones').choices(Object.keys(TEST_SETS)).default([], 'all of them'))
    .option('--filter <text>', 'only files whose path contains the text')
    .addOption(jsonOption('results and seconds per file as JSON', '--json <file>'))
    .addHelpText(
      'after',
      `
Sets:
${Object.entries(TEST_SETS)
  .map(([name, { describes }]) => `  ${name.padEnd(12)} ${describes}`)
  .join('\n')}

Examples:
  $ rackwright test
  $ rackwright test unit integration
  $ rackwright test integration --filter pxe --json results.json`,
    )
    .action((sets: TestSet[], options: TestOptions) =>
      runTests(sets.length > 0 ? sets : (Object.keys(TEST_SETS) as TestSet[]), options, terminal),
    );
}
