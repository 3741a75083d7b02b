import { relative, resolve } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { pipeline } from 'node:stream/promises';
import { availableParallelism } from 'node:os';

/** Runs test files, each in a process of its own, with node's own reporter on standard output. */
export interface TestReport {
  readonly passed: boolean;
  readonly counts: { readonly tests: number; readonly passed: number; readonly failed: number; readonly skipped: number };
  readonly seconds: number;
  /** Longest first. */
  readonly files: readonly { readonly file: string; readonly seconds: number; readonly passed: boolean }[];
  readonly failures: readonly { readonly file: string; readonly name: string; readonly message: string }[];
}

/** Beyond two the timing-sensitive foreign clients starve on small machines. */
const FILES_AT_ONCE_MAX = 2;
/** What hangs ends here, so that the run ends too; far above the slowest on a busy machine. */
const TEST_DEADLINE_MS = 3 * 60 * 1000;
/** A rack of emulated machines boots in its own time. */
const LAB_TEST_DEADLINE_MS = 25 * 60 * 1000;

export async function runTestFiles(root: string, files: readonly string[], options: { readonly lab: boolean }): Promise<TestReport> {
  const interrupted = new AbortController();
  const interrupt = () => interrupted.abort();
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  const seen: TestReport['files'][number][] = [];
  const failures: TestReport['failures'][number][] = [];
  let counts: TestReport['counts'] = { tests: 0, passed: 0, failed: 0, skipped: 0 };
  let seconds = 0;
  let passed = false;
  const stream = run({
    cwd: root,
    files: files.map((file) => resolve(root, file)),
    concurrency: Math.min(FILES_AT_ONCE_MAX, availableParallelism()),
    execArgv: ['--disable-warning=ExperimentalWarning'],
    timeout: options.lab ? LAB_TEST_DEADLINE_MS : TEST_DEADLINE_MS,
    signal: interrupted.signal,
  });
  stream.on('test:fail', ({ name, file, details, todo }) => {
    if (todo === undefined && details.type !== 'suite')
      failures.push({ file: relative(root, file ?? name), name, message: details.error.message });
  });
  // One summary per file, then one of the whole run, which alone has no file.
  stream.on('test:summary', (summary) => {
    if (summary.file !== undefined) {
      seen.push({ file: relative(root, summary.file), seconds: summary.duration_ms / 1000, passed: summary.success });
      return;
    }
    seconds = summary.duration_ms / 1000;
    const { tests, passed: good, skipped, todo } = summary.counts;
    counts = { tests, passed: good, failed: tests - good - skipped - todo, skipped };
    passed = summary.success;
  });
  await pipeline(stream, new spec(), process.stdout, { end: false });
  process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
  return {
    passed: passed && failures.length === 0 && !interrupted.signal.aborted,
    counts,
    seconds,
    files: seen.sort((a, b) => b.seconds - a.seconds),
    failures,
  };
}
