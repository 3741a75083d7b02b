import type { Logger } from '../../../core/base/logger.ts';
import type { Database } from '../../../core/database/connect-database.ts';
import { recordFindings } from '../../../inventory/console-finding-service.ts';
import type { ConsoleLogs } from '../../../inventory/console-log-files.ts';
import { judgeLine, judgeRest, takeLines, type ConsoleFinding } from '../../../inventory/console-pattern-policy.ts';

/** Where one machine's console goes: into its file, and its findings into the timeline. The console itself never waits for that. */
export interface ConsoleIntake {
  take(bytes: Buffer): void;
  /** A line of ours in the file, so that gaps can be told from silence. */
  mark(text: string): void;
  /** What was taken is written. */
  settled(): Promise<void>;
}

/** An unfinished line that stands so long is judged; a console that repeats itself asks the database once in this time. */
const GATHER_MS = 100;
/** Written in one piece; what a disk is too slow for is dropped, oldest first. */
const UNWRITTEN_BYTES_MAX = 2 ** 20;

export function createConsoleIntake(options: { nodeUuid: string; database: Database; logs: ConsoleLogs; logger: Logger }): ConsoleIntake {
  const { nodeUuid, database, logs, logger } = options;
  let rest = '';
  let unwritten = Buffer.alloc(0);
  let found = new Map<string, ConsoleFinding & { atMs: number }>();
  let gathering: NodeJS.Timeout | undefined;
  let work = Promise.resolve();
  const warn = (message: string) => (error: unknown) => logger.warn({ err: error, node: nodeUuid }, message);

  const write = async () => {
    const bytes = unwritten;
    unwritten = Buffer.alloc(0);
    await logs.append(nodeUuid, bytes).catch(warn('a console could not be written'));
  };
  const keep = (bytes: Buffer) => {
    const isFirst = unwritten.length === 0;
    unwritten = Buffer.concat([unwritten, bytes]).subarray(-UNWRITTEN_BYTES_MAX);
    if (isFirst) work = work.then(write);
  };
  const store = async (findings: typeof found) => {
    const atMs = Math.min(...[...findings.values()].map((finding) => finding.atMs));
    await database.db
      .transaction()
      .execute((trx) => recordFindings(trx, nodeUuid, [...findings.values()], atMs))
      .catch(warn('findings on a console could not be stored'));
  };
  const find = (finding: ConsoleFinding | undefined) => {
    if (finding !== undefined && !found.has(finding.pattern)) found.set(finding.pattern, { ...finding, atMs: Date.now() });
    return finding !== undefined;
  };
  const gather = () => {
    // Forgotten, or the next boot's first line would end this prompt, and be failed by it.
    if (find(judgeRest(rest))) rest = '';
    const findings = found;
    [found, gathering] = [new Map(), undefined];
    if (findings.size > 0) work = work.then(() => store(findings));
  };
  return {
    take(bytes) {
      keep(bytes);
      // One character a byte: what the rules look for is ASCII, and a chunk may end within a character.
      const taken = takeLines(rest, bytes.toString('latin1'));
      rest = taken.rest;
      taken.lines.map(judgeLine).forEach(find);
      gathering ??= setTimeout(gather, GATHER_MS);
    },
    mark(text) {
      // What was unfinished before a gap is not the beginning of what comes after it.
      rest = '';
      keep(Buffer.from(`\r\n--- ${new Date().toISOString()} ${text} ---\r\n`));
    },
    async settled() {
      if (gathering !== undefined) {
        clearTimeout(gathering);
        gather();
      }
      await work;
    },
  };
}
