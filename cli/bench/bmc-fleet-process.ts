import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CommandError, EXIT_CODE } from '../terminal/exit-code.ts';

/** Emulated BMCs that speak IPMI, in a process of their own. */
export interface BmcFleet {
  readonly count: number;
  /** IPv4 address of the first; the others follow. */
  readonly first: string;
  readonly port: number;
  readonly password: string;
  /** Where their list is written. */
  readonly file: string;
}

export async function startBmcs({ count, first, port, password, file }: BmcFleet): Promise<ChildProcess> {
  const program = join(import.meta.dirname, '../rackwright.ts');
  const where = ['--count', String(count), '--listen', first, '--protocol', 'ipmi', '--ipmi-port', String(port)];
  const args = ['lab', 'bmc', ...where, '--password', password, '--json', file];
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', program, ...args], { stdio: 'ignore' });
  for (;;) {
    try {
      JSON.parse(readFileSync(file, 'utf8'));
      return child;
    } catch {
      if (child.exitCode !== null)
        throw new CommandError(`the emulated BMCs did not start; is UDP port ${port} of ${first} free?`, EXIT_CODE.failed);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
