import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { AgentReport } from '../../protocol.ts';

/**
 * Final reports by command id, kept in a file of the ramdisk, so that a repeated command is answered and not done again,
 * also after the agent itself was started anew. Gone with the power, as is the work's context.
 */
const REPORTS_KEPT_MAX = 100;

export class ReportJournal {
  readonly #file: string;
  readonly #reports = new Map<string, AgentReport>();

  constructor(file: string) {
    this.#file = file;
    try {
      for (const report of JSON.parse(readFileSync(file, 'utf8')) as AgentReport[]) this.#reports.set(report.commandId, report);
    } catch {
      // The first start, or a file cut short by a crash: then the commands are done again, which they allow.
    }
  }

  get(commandId: string): AgentReport | undefined {
    return this.#reports.get(commandId);
  }

  put(report: AgentReport): void {
    this.#reports.set(report.commandId, report);
    const oldest = this.#reports.keys().next().value;
    if (this.#reports.size > REPORTS_KEPT_MAX && oldest !== undefined) this.#reports.delete(oldest);
    mkdirSync(dirname(this.#file), { recursive: true });
    writeFileSync(`${this.#file}.new`, JSON.stringify([...this.#reports.values()]));
    renameSync(`${this.#file}.new`, this.#file);
  }
}
